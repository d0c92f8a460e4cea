"""Fetch weights from the hub, within a deadline.

The work is done by a child process (``python -m vit.models.download_process``): at the deadline, or when the caller
gives up, it is ended, and with it every socket and thread. What it had written so far lies under a temporary
name and is never taken for weights.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vit.errors import HubError, ModelError
from vit.models.hub_cache import WEIGHTS, cached_file, damage, hub_folder, remove

Progress = Callable[[int, int], None]  # (bytes that have come, bytes in all or 0 if that isn't known yet)

DEADLINE = 120.0  # seconds; VIT_DOWNLOAD_DEADLINE sets another
_TICK = 0.1  # seconds between two looks at the clock and at ``cancel``
_GRACE = 2.0  # seconds that the child gets to tidy up before it is killed


def default_deadline() -> float:
    """Seconds that a download may take: ``VIT_DOWNLOAD_DEADLINE`` if it is a positive number, else 120."""
    try:
        seconds = float(os.environ.get("VIT_DOWNLOAD_DEADLINE", ""))
    except ValueError:
        return DEADLINE
    return seconds if 0 < seconds < float("inf") else DEADLINE


def weights_file(
    repository: str,
    offline_help: Callable[[], str],
    progress: Progress | None = None,
    deadline: float | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """The weights of ``timm/NAME`` as a whole safetensors file: from the cache without any network, else downloaded.

    ``offline_help`` gives the sentence that says what works without a network.
    ModelError if the file is not to be had, HubError if it may be later.
    """
    path = cached_file(repository)
    if path is not None:
        if fault := damage(path):
            remove(path)
            raise HubError(
                f"The copy of {repository} on this machine was damaged ({fault}) and has been removed. "
                "Try again to download it afresh."
            )
        return path
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"{repository} is not on this machine, and HF_HUB_OFFLINE is set. {offline_help()}")
    _download(repository, offline_help, progress, default_deadline() if deadline is None else deadline, cancel)
    path = cached_file(repository)
    if path is None:
        raise HubError(f"{repository} was downloaded, but can't be found in the cache. Try again.")
    if fault := damage(path):
        remove(path)
        raise HubError(f"The hub sent a damaged file for {repository} ({fault}). Try again later. {offline_help()}")
    return path


def _download(
    repository: str,
    offline_help: Callable[[], str],
    progress: Progress | None,
    deadline: float,
    cancel: threading.Event | None,
) -> None:
    """Run the child to its end, or end it; ModelError for everything but success."""
    end = time.monotonic() + deadline
    done = total = 0
    with _Child(repository) as child:
        while True:
            if cancel is not None and cancel.is_set():
                raise ModelError(f"The download of {repository} was cancelled.")
            left = end - time.monotonic()
            if left <= 0:
                came = f"{_megabytes(done)} of {_megabytes(total)} came" if done and total else "nothing came"
                raise HubError(
                    f"The hub did not deliver {repository} within {deadline:.3g} s ({came}). "
                    f"Try again, or give it longer with VIT_DOWNLOAD_DEADLINE. {offline_help()}"
                )
            try:
                message = child.messages.get(timeout=min(_TICK, left))
            except queue.Empty:
                if progress is not None:
                    progress(done, total)  # nothing new; a caller who has left says so by raising
                continue
            if message is None:
                raise HubError(f"The download of {repository} stopped without a word. Try again. {offline_help()}")
            if "error" in message:
                raise HubError(f"{_why(message, repository)} {offline_help()}")
            if message.get("ready"):
                return
            done, total = message["done"], message["total"]
            if progress is not None:
                progress(done, total)


class _Child:
    """The downloading process, and the thread that reads its messages; both are gone when the ``with`` ends."""

    def __init__(self, repository: str):
        root = str(Path(__file__).parents[2])
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        # Plain HTTP: it reports progress and can be ended at any byte.
        environment.setdefault("HF_HUB_DISABLE_XET", "1")
        environment["HF_HUB_CACHE"] = str(hub_folder())
        self.messages: queue.Queue[dict | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vit.models.download_process", repository, WEIGHTS],
            stdin=subprocess.PIPE,  # it ends when this closes, so it can't outlive us
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.reader = threading.Thread(target=self._read, name="download-progress", daemon=True)

    def __enter__(self) -> "_Child":
        self.reader.start()
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join()  # the pipe is closed now, so the reader comes to its end
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # some library's print
            if isinstance(message, dict):
                self.messages.put(message)
        self.messages.put(None)


def _why(message: dict, repository: str) -> str:
    """A child's error as a sentence."""
    status = message.get("status")
    match message["error"]:
        case "connection":
            return f"No network: the hub could not be reached for {repository}."
        case "silent":
            return f"The hub does not answer, so {repository} could not be downloaded. Try again later."
        case "space":
            return f"There is no room on this machine's disk for {repository}."
        case "unwritable":
            return f"The folder for weights can't be written, so {repository} has no place: set HF_HOME to another."
        case "status" if status in (401, 403):
            return f"The hub refuses {repository} (it answered {status}): a token in HF_TOKEN may open it."
        case "status" if status == 404:
            return f"The hub has no safetensors weights under {repository}."
        case "status":
            return f"The hub answered {status} when asked for {repository}. Try again later."
        case "cut":
            return f"The download of {repository} broke off. Try again."
    return f"{repository} could not be downloaded. Try again later."


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"

"""Keeps the folder of uploads and answers within a number of bytes: the oldest files go first.

Gradio deletes by age alone, once an hour; a busy hour of maps and photos is many gigabytes.
"""

import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from vit import budget
from vit.errors import VitError

_ours: list[str] = []
_YOUNG = 60.0  # seconds that a file stays in any case: a page may be fetching it
_EVERY = 5.0  # seconds between two looks


def own_folder() -> Path:
    """Where uploads and answers go: ``GRADIO_TEMP_DIR``, or a new folder of our own, which is gone with the process.

    To be called before gradio is imported, which wants a folder for temporary files, and gets this one where the
    machine has no other. VitError if there is none that can be written.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        if given:
            Path(given).mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=given).close()
            _stand_in(given)
            return Path(given)
        folder = tempfile.mkdtemp(prefix="vit-")
    except OSError as error:
        raise VitError(
            "There is no folder for uploads that can be written: set GRADIO_TEMP_DIR to one, such as a mounted tmpfs."
        ) from error
    os.environ["GRADIO_TEMP_DIR"] = folder
    _ours.append(folder)
    return Path(folder)


def _stand_in(folder: str) -> None:
    """Makes it the place of all temporary files where the machine has none, as with a read-only file system."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = folder


def remove_own_folder() -> None:
    """Deletes all uploads and answers; not in a folder that somebody else has named."""
    while _ours:
        shutil.rmtree(_ours.pop(), ignore_errors=True)


def keep_small(folder: Path, limit: int) -> threading.Thread:
    """Begins to watch over a folder, in a thread of its own. ``limit``: bytes."""

    def watch() -> None:
        while True:
            time.sleep(_EVERY)
            sweep(folder, limit)

    thread = threading.Thread(target=watch, name="files", daemon=True)
    thread.start()
    return thread


def sweep(folder: Path, limit: int, young: float = _YOUNG) -> int:
    """Deletes the oldest files until the rest fits, but none younger than ``young`` seconds; the bytes left."""
    files, now = [], time.time()
    for home, folders, names in os.walk(folder):
        if not folders and not names and home != str(folder) and now - os.stat(home).st_mtime > young:
            with suppress(OSError):  # each file had a folder of its own
                os.rmdir(home)
        for name in names:
            with suppress(OSError):  # somebody else has just deleted it
                known = os.stat(os.path.join(home, name))
                files.append((known.st_mtime, known.st_size, os.path.join(home, name)))
    total = sum(size for _, size, _ in files)
    for written, size, path in sorted(files):
        if total <= limit or now - written < young:
            break
        with suppress(OSError):
            os.unlink(path)
            total -= size
    return total


def file_bytes() -> int:
    """``VIT_FILES_MB``, default 2,000, as bytes."""
    return budget.megabytes("VIT_FILES_MB", 2000)

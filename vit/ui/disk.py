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
from typing import TextIO

from vit import budget
from vit.errors import VitError

_PREFIX, _LOCK = "vit-", ".held"  # of our folders, and of the file in each that its process holds
_ours: list[Path] = []
_locks: list[TextIO] = []
_YOUNG = 60.0  # seconds that a file stays in any case: a page may be fetching it
_EVERY = 5.0  # seconds between two looks


def own_folder() -> Path:
    """Where uploads and answers go: a new folder of our own, in ``GRADIO_TEMP_DIR`` if that is set. It is gone with the
    process; what one left that was killed is removed here.

    To be called before gradio is imported, which wants a folder for temporary files, and gets this one where the
    machine has no other. VitError if there is none that can be written.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    try:
        if given:
            Path(given).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=given or None))
        _hold(folder)
    except OSError as error:
        raise VitError(
            "There is no folder for uploads that can be written: set GRADIO_TEMP_DIR to one, such as a mounted tmpfs."
        ) from error
    _stand_in(str(folder))
    _remove_left(folder.parent)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    _ours.append(folder)
    return folder


def _stand_in(folder: str) -> None:
    """Makes it the place of all temporary files where the machine has none, as with a read-only file system."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = folder


def _hold(folder: Path) -> bool:
    """Whether this process has the folder for itself: a lock that ends with the process, however that ends.

    Windows knows no such lock; there every folder counts as held by somebody.
    """
    try:
        import fcntl
    except ImportError:
        return False
    file = (folder / _LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _locks.append(file)
    return True


def _remove_left(parent: Path) -> None:
    """Deletes what processes left that could not do it themselves."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone just now
            if (folder / _LOCK).exists() and _hold(folder):
                shutil.rmtree(folder, ignore_errors=True)
                _locks.pop().close()


def remove_own_folder() -> None:
    """Deletes all uploads and answers."""
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
    """Deletes the oldest files until the rest fits; the bytes left.

    None younger than ``young`` seconds goes, unless there is twice as much as may be: a flood of uploads.
    """
    files, now = [], time.time()
    for home, folders, names in os.walk(folder):
        if not folders and not names and home != str(folder) and now - os.stat(home).st_mtime > young:
            with suppress(OSError):  # each file had a folder of its own
                os.rmdir(home)
        for name in names:
            if name == _LOCK:
                continue
            with suppress(OSError):  # somebody else has just deleted it
                known = os.stat(os.path.join(home, name))
                files.append((known.st_mtime, known.st_size, os.path.join(home, name)))
    total = sum(size for _, size, _ in files)
    for written, size, path in sorted(files):
        if total <= limit or (now - written < young and total <= 2 * limit):
            break
        with suppress(OSError):
            os.unlink(path)
            total -= size
    return total


def file_bytes() -> int:
    """``VIT_FILES_MB``, default 2,000, as bytes."""
    return budget.megabytes("VIT_FILES_MB", 2000)

"""Keeps the folder of uploads and answers within a number of bytes and an age: the oldest files go first.

Gradio deletes by age alone, once an hour, and only what it remembers; a busy hour of maps and photos is many gigabytes.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from vit import budget
from vit.errors import VitError
from vit.ui.limits import AGE

_PREFIX, _LOCK = "vit-", ".held"  # of our folders, and of the file in each that its process holds
_ours: list[Path] = []
_locks: list[TextIO] = []
_YOUNG = 60.0  # seconds that a file stays in any case: a page may be fetching it
_EVERY = 5.0  # seconds between two looks


def own_folder() -> Path:
    """Where uploads and answers go: a new folder of our own, in ``GRADIO_TEMP_DIR`` if that is set. It is gone with the
    process; what one left that was killed is removed here.

    It is the place of all other temporary files too, so that none is left behind, such as a broken-off upload's. To be
    called before gradio is imported, which wants a place for them. VitError if there is none that can be written.
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
    tempfile.tempdir = str(folder)
    _remove_left(folder.parent)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    _ours.append(folder)
    return folder


def _hold(folder: Path) -> bool:
    """Whether this process has the folder for itself: a lock that ends with the process, however that ends.

    Windows knows no such lock; there every folder counts as held by somebody.
    """
    try:
        import fcntl
    except ImportError:
        return False
    # Never through a link, and never emptied: where others may write, it need not be what it seems.
    file = os.fdopen(os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _locks.append(file)
    return True


def _remove_left(parent: Path) -> None:
    """Deletes what processes of this user left that could not do it themselves."""
    if sys.platform == "win32":
        return
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # gone just now
            mine = not folder.is_symlink() and folder.stat().st_uid == os.getuid()
            if mine and (folder / _LOCK).exists() and _hold(folder):
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
    """Deletes files that nobody asked for in an hour, then the oldest until the rest fits; the bytes left.

    Else none younger than ``young`` seconds goes, unless there is twice as much as may be: a flood of uploads.
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
        age = now - written
        if age < AGE and (total <= limit or (age < young and total <= 2 * limit)):
            break
        with suppress(OSError):
            os.unlink(path)
            total -= size
    return total


def file_bytes() -> int:
    """``VIT_FILES_MB``, default 2,000, as bytes; VitError for less than one, with which no answer would last."""
    size = budget.megabytes("VIT_FILES_MB", 2000)
    if size < 1 << 20:
        raise VitError("VIT_FILES_MB must be 1 or more: uploads and answers need a place.")
    return size

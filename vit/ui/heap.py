"""Gives the machine back what was freed: the C library keeps it, in pieces, for threads that may want it again.

Every question leaves holes in the heap that the next one doesn't fit into, most of all where each thread has a heap of
its own. Without this a process that holds 350 MB goes on growing by hundreds of kilobytes a question.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from functools import cache

_EVERY = 0.25  # seconds; it takes a millisecond after a question and a tenth of one without
_HEAPS = 2  # for all threads, in place of eight for every core
_ARENA_MAX = -8  # glibc's number for how many heaps there may be


def keep_small() -> threading.Thread:
    """Allows few heaps from now on, and begins to give back now and then, in a thread of its own.

    The thread ends at once where the C library can't.
    """
    if (limit := _function("mallopt")) is not None:
        limit(_ARENA_MAX, _HEAPS)

    def work() -> None:
        while give_back():
            time.sleep(_EVERY)

    thread = threading.Thread(target=work, name="heap", daemon=True)
    thread.start()
    return thread


def give_back() -> bool:
    """Hands every free page back to the machine; whether this C library knows how (glibc does)."""
    trim = _function("malloc_trim")
    if trim is None:
        return False
    trim(ctypes.c_size_t(0))
    return True


@cache
def _function(name: str) -> Callable | None:
    """A function of the C library; None where there is none of that name, as on macOS, Windows and with musl."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None

"""Gives the machine back what was freed: the C library keeps it, in pieces, for threads that may want it again.

Every question leaves holes in the heap that the next one doesn't fit into. Without this a process that holds 350 MB
goes on growing by hundreds of kilobytes a question.
"""

import ctypes
import threading
import time

_EVERY = 0.2  # seconds; it takes a millisecond after a question and a tenth of one without: 3% of a busy server's time


def give_back_often() -> threading.Thread:
    """Begins to give back now and then, in a thread of its own, which ends at once where the C library can't."""

    def work() -> None:
        while give_back():
            time.sleep(_EVERY)

    thread = threading.Thread(target=work, name="heap", daemon=True)
    thread.start()
    return thread


def give_back() -> bool:
    """Hands every free page back to the machine; whether this C library knows how (glibc does)."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # macOS, musl; Windows has no library without a name
        return False
    trim(ctypes.c_size_t(0))
    return True

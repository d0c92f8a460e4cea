"""A waiting line before a few places: first come, first served, and whoever leaves is out of it at once."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vit.errors import BusyError

# Tells a person what is being done, or with an empty line nothing new; raises when that person is gone, which ends the
# work.
Say = Callable[[str], None]

CLOSING = "The server is being restarted: try again in a minute."
PATIENCE = 1.0  # seconds that pass before a person is told of waiting: a turn that comes sooner is none to speak of
_TICK = 0.2  # seconds between two looks at whether anyone still waits


class Line:
    """``places`` that may be held at the same time, and everyone else in the order in which they came.

    ``longest``: how many may wait; one more is refused at once with the sentence ``full``. None: any number.
    """

    def __init__(self, places: int, longest: int | None = None, full: str = ""):
        self.places, self.longest, self.full = places, longest, full
        self._changed = threading.Condition()  # guards what follows
        self._waiting: deque[object] = deque()
        self._held = 0
        self._closed = False

    @property
    def length(self) -> tuple[int, int]:
        """How many hold a place, and how many wait for one."""
        with self._changed:
            return self._held, len(self._waiting)

    @contextmanager
    def place(self, say: Say | None = None, silently: bool = False) -> Iterator[None]:
        """Waits for a place and holds it.

        While waiting, ``say`` is called, and after PATIENCE hears how many are before; what it raises ends the waiting.
        ``silently``: it hears nothing, as who holds a place again and again is told of the work. BusyError where the
        line is full or closed.
        """
        self._wait(say, silently)
        try:
            yield
        finally:
            with self._changed:
                self._held -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Sends everybody away who waits or comes. Those who hold a place keep it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait(self, say: Say | None, silently: bool) -> None:
        me, began = object(), time.monotonic()
        with self._changed:
            free = self._held + len(self._waiting) < self.places
            if self.longest is not None and not free and len(self._waiting) >= self.longest:
                raise BusyError(self.full)
            self._waiting.append(me)
        try:
            while (before := self._step(me)) is not None:
                if say and (silently or time.monotonic() - began < PATIENCE):
                    say("")
                elif say:
                    say(f"waiting, {before} before you" if before else "waiting, you are next")
        except BaseException:
            with self._changed:
                self._waiting.remove(me)
                self._changed.notify_all()
            raise

    def _step(self, me: object) -> int | None:
        """None when the place is mine; after a tick without it, how many are before me."""
        with self._changed:
            for last in (False, True):
                if self._closed:
                    raise BusyError(CLOSING)
                if self._waiting[0] is me and self._held < self.places:
                    self._waiting.popleft()
                    self._held += 1
                    self._changed.notify_all()  # there may be a place for the next one too
                    return None
                if not last:
                    self._changed.wait(_TICK)
            return self._waiting.index(me)


@contextmanager
def held(lock: threading.Lock, say: Say | None, words: str) -> Iterator[None]:
    """Holds a lock. While it is someone else's, ``say`` is called, after PATIENCE with ``words``; what it raises ends
    the waiting."""
    began = time.monotonic()
    while not lock.acquire(timeout=_TICK):
        if say:
            say("" if time.monotonic() - began < PATIENCE else words)
    try:
        yield
    finally:
        lock.release()

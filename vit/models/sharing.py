"""One network in memory for each name, however many people ask for it, and loaded by the first of them only."""

import threading
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from vit.errors import ModelError

_TICK = 0.1  # seconds between two looks at the clock and at ``cancel`` while someone else loads


class Shared:
    """Values by key, kept as long as anyone uses them."""

    def __init__(self):
        self._values: WeakValueDictionary = WeakValueDictionary()
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()  # held for moments only, never while loading

    def get(self, key: str, load: Callable[[float], Any], seconds: float, cancel: threading.Event | None = None) -> Any:
        """The value for ``key``; if there is none, ``load(seconds left)`` makes it while others wait.

        ModelError if another's load takes longer than ``seconds``, or ``cancel`` is set while waiting.
        """
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        end = time.monotonic() + seconds
        while not lock.acquire(timeout=_TICK):
            if cancel is not None and cancel.is_set():
                raise ModelError(f"Loading {key} was cancelled.")
            if time.monotonic() > end:
                raise ModelError(f"{key} is still being loaded for someone else. Try again in a minute.")
        try:
            value = self._values.get(key)
            if value is None:
                # Someone else's try may have used up the time; a new download needs a moment at least.
                value = load(max(end - time.monotonic(), 1.0))
                self._values[key] = value
            return value
        finally:
            lock.release()

"""What many ask for at the same time is made once: whoever comes second waits, and then finds it made."""

import threading
from collections.abc import Hashable
from contextlib import AbstractContextManager
from weakref import WeakValueDictionary

from vit.line import Say, held


class Once:
    """A lock for each thing that is being made. Locks are held weakly: with nobody at work or waiting, one is gone."""

    def __init__(self):
        self._lock = threading.Lock()
        self._under_way: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()

    def __call__(self, key: Hashable, say: Say | None, words: str) -> AbstractContextManager[None]:
        """Holds the lock under which the thing of this key is made; who waits for it hears ``words``."""
        with self._lock:
            lock = self._under_way.setdefault(key, threading.Lock())
        return held(lock, say, words)

    def __len__(self) -> int:
        """How many things are being made or waited for."""
        return len(self._under_way)

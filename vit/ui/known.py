"""Answers that are still at hand: a page that holds a photo's file asks by its SHA-256 first, and sends it only if it
has to.

What is known is told in one small request without Gradio's queue; a class that looks at the same photo sends it once.
"""

import hashlib
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from gradio.route_utils import API_PREFIX

from vit.analysis import Analysis
from vit.ui.faults import note
from vit.ui.pack import FILES, packed

if TYPE_CHECKING:
    from vit.attention import AttentionRecord


def file_key(data: bytes) -> str:
    """The name of an uploaded file, which the browser works out too: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def example_key(name: str) -> str:
    """The name of one of the page's own photos; no file's name has a colon."""
    return f"example:{name}"


class Known:
    """Which record belongs to which file and model, as long as ``analysis`` keeps the record and ``folder`` its files.

    Keys are made by the server, never taken from a visitor: nobody can put a map under another photo's name.
    """

    def __init__(self, analysis: Analysis, folder: str):
        self._analysis, self._folder = analysis, folder
        self._lock = threading.Lock()  # guards what follows
        self._records: WeakValueDictionary[tuple[str, str], AttentionRecord] = WeakValueDictionary()

    def remember(self, photo: str, model: str, record: "AttentionRecord") -> None:
        """``photo`` is what ``file_key`` or ``example_key`` gave; an empty one names nothing."""
        if photo:
            with self._lock:
                self._records[photo, model] = record

    def find(self, asked: Any) -> dict[str, Any] | None:
        """The explorer's value for ``[photo, model]``; None where there is none, or for anything else that is sent."""
        if not (isinstance(asked, list) and len(asked) == 2 and all(isinstance(each, str) for each in asked)):
            return None
        with self._lock:
            record = self._records.get((asked[0], asked[1]))
        if record is None or not self._analysis.use(record):
            return None
        value = packed(record, self._folder)
        if value is None:
            return None
        note("answered", where="known")
        for name in FILES:  # as Gradio addresses what an event returns; relative to the page, wherever that is served
            value[name]["url"] = f"{API_PREFIX[1:]}/file={value[name]['path']}"
        return value

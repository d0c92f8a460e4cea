"""What went wrong, for two readers: a sentence with a short code for the visitor, and a line under it in the log.

Log lines are JSON on standard error, one a line: ``{"at": …, "level": …, "event": …, "code": …}``. None holds a picture
or the name of a visitor's file. Of an unexpected error it has the kind and the places in the code, and not the message,
which may quote a path.
"""

import json
import logging
import secrets
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import gradio as gr

from vit.errors import VitError

SENTENCE_SECONDS = 12  # long enough to read twice

_log = logging.getLogger("vit")
_ROOT = Path(__file__).parents[2]


def code_of(error: BaseException, where: str) -> str:
    """A new short code for this error, such as ``image-3fa2c1``; the log explains it."""
    kind = type(error).__name__.removesuffix("Error").lower() if isinstance(error, VitError) else "fault"
    code = f"{kind}-{secrets.token_hex(3)}"
    if isinstance(error, VitError):
        note("refused", code=code, where=where, kind=type(error).__name__, says=str(error)[:300])
    else:
        note("failed", logging.ERROR, code=code, where=where, kind=type(error).__name__, places=_places(error))
    return code


def shown(error: BaseException, where: str, otherwise: str) -> gr.Error:
    """The error as Gradio's: the sentence of a VitError, or ``otherwise``; the code is its title."""
    sentence = str(error) if isinstance(error, VitError) else otherwise
    code = code_of(error, where)
    return gr.Error(sentence, duration=SENTENCE_SECONDS, title=f"Error {code}", print_exception=False)


def note(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """One line in the log: what happened, and the facts of it."""
    _log.log(level, "%s", json.dumps({"event": event, **facts}), extra={"event": event, "facts": facts})


def write_lines() -> None:
    """From now on, what is noted goes to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    _log.handlers, _log.propagate = [handler], False
    _log.setLevel(logging.INFO)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        event = getattr(record, "event", record.name)  # what other modules log has no facts
        facts = getattr(record, "facts", {})
        return json.dumps({"at": at, "level": record.levelname.lower(), "event": event, **facts}, ensure_ascii=False)


def _places(error: BaseException) -> list[str]:
    """Where in the code it happened, innermost last: ``vit/capture.py:120 record_attention``."""
    places = []
    for frame in traceback.extract_tb(error.__traceback__)[-8:]:
        path = Path(frame.filename)
        name = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else Path(*path.parts[-2:])
        places.append(f"{name}:{frame.lineno} {frame.name}")
    return places

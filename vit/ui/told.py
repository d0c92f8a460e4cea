"""Work in a thread of its own, told to the page as it goes: lines on what is being done, then a result."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from vit.errors import BusyError, HubError, VitError
from vit.line import Say
from vit.ui.doing import known
from vit.ui.faults import code_of, note
from vit.ui.listener import Left

WORKING = "analysis"  # the name of each thread that works
_BETWEEN_LINES = 0.15  # seconds: a line on what is being done comes no oftener
_AGAIN = 1.0  # seconds after which the same line comes once more
_WRONG = "Something went wrong on the server with this photo and this model; try another of either."


def told(work: Callable[[Say], dict[str, Any]], echo: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Lines while ``work(say)`` runs, as ``{"busy": line}`` with what ``known`` knows of it; then what it returns, or
    ``{"error": sentence, "code": code}``.

    With an error comes ``retry``: whether the same may go well later.

    ``echo`` goes into each of them, ``where`` into the log. When the generator is closed (a visitor cancels, or closes
    the page), the next ``say`` of the work raises, and the work ends there.
    """
    lines: queue.Queue[str | None] = queue.Queue()
    result: list[dict[str, Any]] = []
    left = threading.Event()

    def say(line: str) -> None:
        if left.is_set():
            raise Left
        if line:  # an empty one only asks whether anyone is there
            lines.put(line)

    def run() -> None:
        try:
            result.append(work(say))
            note("answered", where=where, seconds=round(time.monotonic() - began, 3))
        except Left:
            note("abandoned", where=where, seconds=round(time.monotonic() - began, 3))
        except Exception as error:
            sentence = str(error) if isinstance(error, VitError) else _WRONG
            retry = isinstance(error, BusyError | HubError)
            result.append({"error": sentence, "code": code_of(error, where), "retry": retry})
        finally:
            lines.put(None)

    began = last = time.monotonic()
    threading.Thread(target=run, name=WORKING, daemon=True).start()
    said = ""
    try:
        while (line := _next(lines, said)) is not None:
            silent = time.monotonic() - last
            if silent > (_BETWEEN_LINES if line != said else _AGAIN):
                last, said = time.monotonic(), line
                yield {**echo, "busy": line, **known(line)}
    finally:
        left.set()
    yield {**echo, **result[0]}


def _next(lines: "queue.Queue[str | None]", said: str) -> str | None:
    """The next line; where none comes, the last again: Gradio looks who has left only when something is said."""
    while True:
        try:
            return lines.get(timeout=_AGAIN)
        except queue.Empty:
            if said:
                return said


def code_words(picture: str) -> dict[str, str]:
    """The code of a sentence that stands in place of a picture, if it has one."""
    code = getattr(picture, "code", "")
    return {"code": code} if code else {}

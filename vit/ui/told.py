"""Work in a thread of its own, told to the page as it goes: lines on what is being done, then a result."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from vit.errors import VitError

Say = Callable[[str], None]  # tells what is being done; raises when nobody waits any more, so that the work ends there

_log = logging.getLogger(__name__)
_BETWEEN_LINES = 0.15  # seconds: a line on what is being done comes no oftener
_WRONG = "Something went wrong on the server with this photo and this model; try another of either."


class _Left(Exception):
    """Nobody waits for the answer any more."""


def told(work: Callable[[Say], dict[str, Any]], echo: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{"busy": line}`` while ``work(say)`` runs, then what it returns, or ``{"error": sentence}``.

    ``echo`` goes into each of them. When the generator is closed (a visitor cancels, or closes the page), the next
    ``say`` of the work raises, and the work ends there.
    """
    lines: queue.Queue[str | None] = queue.Queue()
    result: list[dict[str, Any]] = []
    left = threading.Event()

    def say(line: str) -> None:
        if left.is_set():
            raise _Left
        lines.put(line)

    def run() -> None:
        try:
            result.append(work(say))
        except VitError as error:
            result.append({"error": str(error)})
        except _Left:
            _log.debug("%s was abandoned", echo)
        except Exception:
            _log.exception("%s failed", echo)
            result.append({"error": _WRONG})
        finally:
            lines.put(None)

    threading.Thread(target=run, name="analysis", daemon=True).start()
    last = time.monotonic()
    try:
        while (line := lines.get()) is not None:
            if time.monotonic() - last > _BETWEEN_LINES:
                last = time.monotonic()
                yield {**echo, "busy": line}
    finally:
        left.set()
    yield {**echo, **result[0]}

"""The end of the server: on SIGTERM (or Ctrl-C) what is in work finishes or is cancelled, within ten seconds."""

import threading
import time

import gradio as gr

from vit.analysis import Analysis
from vit.ui.faults import note
from vit.ui.health import Health
from vit.ui.told import WORKING

FINISH = 5.0  # seconds in which work may come to its end by itself
_STOP = 1.0  # seconds for it to notice that it is cancelled, and for the last answers to go out
_CLOSE = 3.0  # seconds for connections to close


def serve_until_told(told: threading.Event, page: gr.Blocks, analysis: Analysis, health: Health) -> None:
    """Waits until ``told`` is set; returns when work and connections have ended, or their time is over."""
    while not told.wait(1.0):  # with a timeout: a wait without one would keep the signal from being handled
        pass
    health.ending = True
    note("ending", working=analysis.line.length[0], waiting=analysis.line.length[1])
    analysis.close()
    _wait_idle(analysis, FINISH)
    analysis.stop()
    _wait_idle(analysis, _STOP)
    time.sleep(0.2)  # the answers are on their way
    closing = threading.Thread(target=page.close, kwargs={"verbose": False}, daemon=True)
    closing.start()
    closing.join(_CLOSE)
    note("ended", cancelled=analysis.line.length[0])


def _wait_idle(analysis: Analysis, seconds: float) -> None:
    end = time.monotonic() + seconds
    while _working(analysis) and time.monotonic() < end:
        time.sleep(0.05)


def _working(analysis: Analysis) -> bool:
    """Whether a picture is in a model, waits for one, or is being made an answer of."""
    return analysis.line.length != (0, 0) or any(thread.name == WORKING for thread in threading.enumerate())

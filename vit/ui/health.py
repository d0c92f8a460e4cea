"""Whether the server is well, for whoever watches over it: ``GET /healthz``."""

import threading
import time
from typing import Any

import gradio as gr
from fastapi.responses import JSONResponse

from vit.analysis import Analysis


class Health:
    """What ``/healthz`` answers: 200 with JSON as long as the server is alive; with ``?ready``, 503 until it is ready.

    Ready means that a model to begin with is loaded; where none can be, ``fault`` says why. Needs no password, and says
    nothing about visitors but how many there are at the moment.
    """

    def __init__(self, analysis: Analysis):
        self._analysis, self._since = analysis, time.monotonic()
        self.model = ""  # the model that is ready
        self.fault = ""  # why none is
        self.known = threading.Event()  # one of the two is set
        self.ending = False

    def serve(self, page: gr.Blocks) -> None:
        """Adds the address to a page that was launched."""

        async def healthz(ready: str | None = None) -> JSONResponse:
            answer = self.answer()
            return JSONResponse(answer, 200 if ready is None or answer["ready"] else 503)

        page.app.add_api_route("/healthz", healthz, include_in_schema=False)

    def answer(self) -> dict[str, Any]:
        working, waiting = self._analysis.line.length
        return {
            "alive": True,
            "ready": bool(self.model) and not self.ending,
            "model": self.model,
            "fault": self.fault,
            "ending": self.ending,
            "working": working,
            "waiting": waiting,
            "seconds": round(time.monotonic() - self._since),
        }

"""The same ``Analysis`` behind Ray Serve, for more pictures than one machine takes.

``pip install "ray[serve]"``, then ``serve run docs.examples.ray_serve:app`` in the repository's root, and

    curl --data-binary @photo.jpg "http://127.0.0.1:8000/?model=vit_imagenette"

answers with the same JSON as ``/analyze``. Each replica is a process with its own models and cache; Ray hands questions
out and starts replicas on other machines of its cluster. The app itself needs no Ray.
"""

from typing import Any

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=2, max_ongoing_requests=8, ray_actor_options={"num_cpus": 1})
class Attention:
    """One replica."""

    def __init__(self):
        from vit.analysis import Analysis

        self.analysis = Analysis()

    def analyze(self, photo: bytes, model: str = "") -> dict[str, Any]:
        """The top five, the provenance and the layers, for the bytes of a picture."""
        from vit import load_image
        from vit.archive import about

        return about(self.analysis.record(load_image(photo), model or self.analysis.default_model()))

    async def __call__(self, request: Request) -> JSONResponse:
        from starlette.concurrency import run_in_threadpool

        from vit.errors import VitError

        photo, model = await request.body(), request.query_params.get("model", "")
        try:
            return JSONResponse(await run_in_threadpool(self.analyze, photo, model))
        except VitError as error:
            return JSONResponse({"error": str(error)}, 400)


app = Attention.bind()

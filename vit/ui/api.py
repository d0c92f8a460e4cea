"""The HTTP names, for ``gradio_client`` and any program: /analyze, /overlay and /raw.

Layers, heads, rows and columns count from 0 here. Errors come back as one sentence.
"""

from functools import wraps
from typing import Any

import gradio as gr
from gradio import processing_utils

from vit.analysis import Analysis
from vit.errors import MethodError, VitError
from vit.ui.photo import Photo


def add_api(analysis: Analysis, concurrency_id: str) -> None:
    """Adds the three names to the Blocks that is being built; nothing of them is seen on the page."""

    def analyze(image, model="") -> dict:
        from vit.archive import about

        return about(analysis.record(_given(image), model or analysis.default_model()))

    def overlay(
        image, model="", method="rollout", layer=-1, head="mean", query_row=None, query_col=None, target=None
    ) -> str:
        from vit.render import encode
        from vit.render import overlay as draw

        picture = _given(image)
        options = overlay_options(method, layer, head, query_row, query_col)
        model, target = model or analysis.default_model(), _whole("target", target)
        heat = analysis.heatmap(picture, model, method, target=target, **options)
        return processing_utils.save_bytes_to_cache(encode(draw(picture, heat), "png"), "overlay.png", out.GRADIO_CACHE)

    def raw(image, model="") -> str:
        from vit.archive import to_npz

        record = analysis.record(_given(image), model or analysis.default_model())
        return processing_utils.save_bytes_to_cache(to_npz(record), "attention.npz", out.GRADIO_CACHE)

    with gr.Row(visible=False):
        image = Photo(label="image", type="numpy")
        model = gr.Textbox(label="model", value="")
        method = gr.Textbox(label="method", value="rollout")
        layer = gr.Number(label="layer", value=-1, precision=0)
        head = gr.Textbox(label="head", value="mean")
        query_row, query_col = gr.Number(label="query_row", value=None), gr.Number(label="query_col", value=None)
        target = gr.Number(label="target", value=None)
        out = gr.File(label="file")
        drawn = gr.Image(label="overlay", type="filepath", format="png")
        answer = gr.JSON(label="answer")
        button = gr.Button("API")
    shared: dict[str, Any] = {"concurrency_id": concurrency_id, "show_progress": "hidden"}
    button.click(_sentence(analyze), [image, model], answer, api_name="analyze", **shared)
    overlay_inputs = [image, model, method, layer, head, query_row, query_col, target]
    button.click(_sentence(overlay), overlay_inputs, drawn, api_name="overlay", **shared)
    button.click(_sentence(raw), [image, model], out, api_name="raw", **shared)


def overlay_options(method: str, layer: Any, head: Any, query_row: Any, query_col: Any) -> dict[str, Any]:
    """The options of a method out of the flat list that HTTP has; what the method doesn't know is not passed on."""
    from vit.methods import get_method

    row, col = _whole("query_row", query_row), _whole("query_col", query_col)
    if (row is None) != (col is None):
        raise MethodError("A query needs both query_row and query_col, or neither.")
    given = {
        "layer": _whole("layer", layer),
        "head": int(head) if str(head).lstrip("-").isdecimal() else head,
        "query": None if row is None or col is None else (row, col),
    }
    known = get_method(method).options
    if method == "rollout" and given["head"] in ("mean", "max", "min"):
        given["head_fusion"] = given["head"]
    return {name: value for name, value in given.items() if name in known and value not in (None, "")}


def _whole(name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    if float(value) != int(float(value)):
        raise MethodError(f"{name}={value} is not a whole number.")
    return int(float(value))


def _given(image: Any) -> Any:
    if image is None:
        raise MethodError("No picture was given.")
    return image


def _sentence(run):
    """Turns our errors into gradio's, which carry the sentence to the caller and nothing else."""

    @wraps(run)  # its parameters' names are the names that HTTP has
    def answer(*inputs):
        try:
            return run(*inputs)
        except VitError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return answer

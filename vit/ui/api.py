"""The HTTP names, for ``gradio_client`` and any program: /analyze, /overlay and /raw.

Layers, heads, rows and columns count from 0 here. Errors come back as one sentence, with a code in the title.
"""

import time
from functools import wraps
from typing import Any

import gradio as gr

from vit.analysis import Analysis
from vit.errors import MethodError
from vit.ui.faults import note, shown
from vit.ui.limits import FILES, INFERENCE, LISTENERS
from vit.ui.listener import Left, listener
from vit.ui.photo import Photo
from vit.ui.served import served_file

_WRONG = "Something went wrong on the server; try another photo."


def add_api(analysis: Analysis) -> None:
    """Adds the three names to the Blocks that is being built; nothing of them is seen on the page."""

    def analyze(image, model="") -> dict:
        from vit.archive import about

        return about(analysis.record(_given(image), model or analysis.default_model(), listener()))

    def overlay(
        image,
        model="",
        method="rollout",
        layer=-1,
        head="mean",
        query_row=None,
        query_col=None,
        target=None,
        against=None,
    ) -> str:
        from vit.render import DEFAULT, encode
        from vit.render import overlay as draw

        picture = _given(image)
        options = overlay_options(method, layer, head, query_row, query_col)
        model, target = model or analysis.default_model(), _whole("target", target)
        heat = analysis.heatmap(picture, model, method, target, _whole("against", against), say=listener(), **options)
        drawn = encode(draw(picture, heat, colormap=DEFAULT), "png")
        return served_file(out.GRADIO_CACHE, f"{model}-{method}.png", drawn)["path"]

    def raw(image, model="") -> str:
        from vit.archive import to_npz

        record = analysis.record(_given(image), model or analysis.default_model(), listener())
        return served_file(out.GRADIO_CACHE, f"{record.model}-attention.npz", to_npz(record))["path"]

    with gr.Row(visible=False):
        image = Photo(label="image", type="numpy")
        model = gr.Textbox(label="model", value="")
        method = gr.Textbox(label="method", value="rollout")
        layer = gr.Number(label="layer", value=-1, precision=0)
        head = gr.Textbox(label="head", value="mean")
        query_row, query_col = gr.Number(label="query_row", value=None), gr.Number(label="query_col", value=None)
        target = gr.Number(label="target", value=None)
        against = gr.Number(label="against", value=None)
        out = gr.File(label="file")
        drawn = gr.Image(label="overlay", type="filepath", format="png")
        answer = gr.JSON(label="answer")
        button = gr.Button("API")
    asking: dict[str, Any] = {"show_progress": "hidden", **LISTENERS[INFERENCE]}
    fetching: dict[str, Any] = {"show_progress": "hidden", **LISTENERS[FILES]}
    button.click(_sentence(analyze), [image, model], answer, api_name="analyze", **asking)
    overlay_inputs = [image, model, method, layer, head, query_row, query_col, target, against]
    button.click(_sentence(overlay), overlay_inputs, drawn, api_name="overlay", **asking)
    button.click(_sentence(raw), [image, model], out, api_name="raw", **fetching)


def overlay_options(method: str, layer: Any, head: Any, query_row: Any, query_col: Any) -> dict[str, Any]:
    """A method's options out of the flat list that HTTP has. The defaults of ``layer`` and ``head`` choose nothing."""
    from vit.methods import options_for

    row, col = _whole("query_row", query_row), _whole("query_col", query_col)
    if (row is None) != (col is None):
        raise MethodError("A query needs both query_row and query_col, or neither.")
    words = str(head).strip()
    return options_for(
        method,
        layer=None if _whole("layer", layer) in (None, -1) else _whole("layer", layer),
        head=None if words in ("", "mean", "None") else int(words) if words.isdecimal() else words,
        query=None if row is None else (row, col),
    )


def _whole(name: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    if value != int(value):
        raise MethodError(f"{name}={value} is not a whole number.")
    return int(value)


def _given(image: Any) -> Any:
    if image is None:
        raise MethodError("No picture was given.")
    return image


def _sentence(run):
    """Turns errors into gradio's, which carry a sentence to the caller and nothing else: no trace, no path."""

    @wraps(run)  # its parameters' names are the names that HTTP has
    def answer(*inputs):
        began = time.monotonic()
        try:
            answered = run(*inputs)
            note("answered", where=run.__name__, seconds=round(time.monotonic() - began, 3))
            return answered
        except Left:
            note("abandoned", where=run.__name__, seconds=round(time.monotonic() - began, 3))
            raise gr.Error("Nobody waits for this answer any more.", print_exception=False) from None
        except Exception as error:
            raise shown(error, run.__name__, _WRONG) from None

    return answer

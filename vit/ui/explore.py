"""The Explore view: a photo and a model's name go to the server once; all looking then happens in the browser."""

import json
import logging
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from vit.analysis import Analysis
from vit.errors import ImageError, VitError
from vit.ui.examples import Example, examples
from vit.ui.explorer import Explorer
from vit.ui.model_list import choices
from vit.ui.pack import pack, served_file, trained_on
from vit.ui.photo import Photo

_log = logging.getLogger(__name__)
_BETWEEN_LINES = 0.15  # seconds: a line on what is being done comes no oftener
_WRONG = "Something went wrong on the server with this photo and this model; try another of either."
_GONE = "The server no longer keeps this photo: choose it again."


class Door(Photo):
    """The way a photo comes in. A file that is no picture is handed on as the sentence that says so, not raised:
    the page shows it where the person looks."""

    def preprocess(self, payload: Any) -> Any:
        if payload is not None and payload.path and not Path(payload.path).is_file():
            return Gone(_GONE)
        try:
            return super().preprocess(payload)
        except (gr.Error, VitError) as error:
            return Refused(str(getattr(error, "message", error)))


class Refused(str):
    """A sentence in place of a picture."""


class Gone(Refused):
    """The uploaded file has been cleaned up; a page that still holds it sends it again."""


class _Left(Exception):
    """Nobody waits for the answer any more."""


def build(analysis: Analysis, model: gr.Dropdown, blocks: gr.Blocks, concurrency_id: str) -> Explorer:
    """Adds the view to the page that is being built. ``model`` is the page's list of models."""
    from vit.models.bundled import bundled_names

    shown = examples()
    explorer = Explorer(elem_id="explorer", examples=[example.for_page() for example in shown])
    photo = Door(visible=False, type="numpy")
    question = gr.Textbox(visible=False)  # JSON: the ticket, and the example's name if it is one

    def look(picture: Any, asked: str, name: str) -> Iterator[dict]:
        ticket, example = _question(asked, shown)
        echo = {"ticket": ticket, "example": example and example.name}
        yield from answers(analysis, _picture(picture, example), name, echo, explorer.GRADIO_CACHE)

    def raw_weights(picture: Any, asked: str, name: str) -> dict:  # /raw is the name of the HTTP answer
        ticket, example = _question(asked, shown)
        return {"ticket": ticket, **raw_answer(analysis, _picture(picture, example), name, explorer.GRADIO_CACHE)}

    def opening(request: gr.Request) -> Iterator[tuple[dict, Any]]:
        """What a visitor finds: the first example, through the model that the address names, else the default.

        The list learns of a model that it lacks; the page sets it, unless the visitor chose another meanwhile.
        """
        echo = {"ticket": 0, "opening": True, "example": shown[0].name if shown else None}
        wanted = str(request.query_params.get("model") or "")
        picture = _picture(None, shown[0]) if shown else Refused("Choose a photo to begin.")
        for answer in first_answers(analysis, picture, wanted, echo, explorer.GRADIO_CACHE):
            new = "layers" in answer and answer["model"] == wanted and wanted not in bundled_names()
            yield answer, gr.update(choices=choices(analysis, wanted)) if new else gr.skip()

    listen: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_id": concurrency_id,
        "api_visibility": "private",
        "trigger_mode": "always_last",
    }
    given, out = [photo, question, model], [explorer]
    failed = "() => window.attentionExplorer?.failed()"
    asked = "(photo, question, model) => [...window.attentionExplorer.question(), model]"
    explorer.ask(look, given, out, js=asked, **listen).failure(None, js=failed)
    # Gradio holds an event back until its last question is answered, which a server that was gone never does.
    explorer.again(look, given, out, js=asked, **{**listen, "trigger_mode": "multiple"}).failure(None, js=failed)
    weights, lost = "() => window.attentionExplorer.rawQuestion()", "() => window.attentionExplorer?.rawFailed()"
    explorer.raw(raw_weights, given, out, js=weights, **listen).failure(None, js=lost)
    other = "(photo, question, model) => [...window.attentionExplorer.otherModel(model), model]"
    model.input(look, given, out, js=other, **listen).failure(None, js=failed)
    opened = "(value, model) => window.attentionExplorer?.openedModel(value, model) ?? model"
    blocks.load(opening, None, [explorer, model], **listen).then(
        None, [explorer, model], model, js=opened, show_progress="hidden", api_visibility="private"
    )
    return explorer


def first_answers(
    analysis: Analysis, picture: np.ndarray | str, wanted: str, echo: dict[str, Any], folder: str
) -> Iterator[dict]:
    """``answers`` of the model that the address names, or else of the default one.

    A default that can't be had just now, such as a damaged download, gives way to the best bundled model, with a
    ``note``; a model that somebody asked for doesn't.
    """
    from vit.models.bundled import bundled_names

    try:
        name = wanted or analysis.default_model()
    except VitError as error:
        yield {**echo, "error": str(error)}
        return
    spare = [other for other in bundled_names() if not analysis.offered or other in analysis.offered][:1]
    if wanted or isinstance(picture, str) or spare in ([], [name]):
        yield from answers(analysis, picture, name, echo, folder)
        return
    for answer in answers(analysis, picture, name, echo, folder):
        if "error" in answer:
            note = {**echo, "note": f"{name} could not be loaded; opened with {spare[0]}"}
            yield from answers(analysis, picture, spare[0], note, folder)
            return
        yield answer


def answers(
    analysis: Analysis, picture: np.ndarray | str, model: str, echo: dict[str, Any], folder: str
) -> Iterator[dict]:
    """Values for the explorer: lines on what is being done, then the packed record or a sentence.

    ``echo`` goes into each of them; ``folder`` is where Gradio serves files from.
    """
    if isinstance(picture, str):
        yield {**echo, "error": str(picture), "gone": isinstance(picture, Gone)}
        return
    if not model:
        yield {**echo, "error": "Choose a model first."}
        return
    lines: queue.Queue[str | None] = queue.Queue()
    result: list[Any] = []
    left = threading.Event()

    def say(line: str) -> None:
        if left.is_set():
            raise _Left
        lines.put(line)

    def work() -> None:
        try:
            record = analysis.record(picture, model, say=say)
            result.append(pack(picture, record, folder, about=trained_on(model, record.provenance)))
        except VitError as error:
            result.append(str(error))
        except _Left:
            _log.debug("%s was abandoned", model)
        except Exception:
            _log.exception("%s failed", model)
            result.append(_WRONG)
        finally:
            lines.put(None)

    threading.Thread(target=work, name="analysis", daemon=True).start()
    last = time.monotonic()
    try:
        while (line := lines.get()) is not None:
            if time.monotonic() - last > _BETWEEN_LINES:
                last = time.monotonic()
                yield {**echo, "busy": line}
    finally:
        left.set()  # the visitor may have closed the page: the work ends at its next line
    yield {**echo, **(result[0] if isinstance(result[0], dict) else {"error": result[0]})}


def raw_answer(analysis: Analysis, picture: np.ndarray | str, model: str, folder: str) -> dict:
    """The raw weights as an .npz file that Gradio serves, ``{"raw": file}``, or ``{"problem": sentence}``."""
    if isinstance(picture, str):
        return {"problem": str(picture)}
    from vit.archive import to_npz

    try:
        return {"raw": served_file(folder, "attention.npz", to_npz(analysis.record(picture, model)))}
    except VitError as error:
        return {"problem": str(error)}
    except Exception:
        _log.exception("the weights of %s could not be packed", model)
        return {"problem": _WRONG}


def _question(asked: str, shown: list[Example]) -> tuple[int, Example | None]:
    """The ticket and the example out of what the page sent; anything malformed counts as neither."""
    try:
        fields = json.loads(asked)
        ticket = int(fields["ticket"])
        name = fields["example"]
    except (ValueError, TypeError, KeyError):
        return 0, None
    return ticket, next((example for example in shown if example.name == name), None)


def _picture(picture: Any, example: Example | None) -> np.ndarray | str:
    """The photo that is asked about, or a sentence."""
    if example is not None:
        from vit.image import load_image

        try:
            return load_image(example.path)
        except ImageError as error:
            return Refused(str(error))
    if picture is None:
        return Refused("Choose a photo first.")
    return picture

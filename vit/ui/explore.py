"""The Explore view: a photo and a model's name go to the server once; all looking then happens in the browser."""

import json
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
from vit.ui.faults import code_of, note
from vit.ui.limits import INFERENCE, LISTENERS
from vit.ui.listener import Left
from vit.ui.model_list import choices
from vit.ui.pack import pack
from vit.ui.photo import Photo

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
        except gr.Error as error:
            refused = Refused(error.message)
            refused.code = error.title.removeprefix("Error ")
            return refused


class Refused(str):
    """A sentence in place of a picture."""

    code = ""  # under which the log explains it


class Gone(Refused):
    """The uploaded file has been cleaned up; a page that still holds it sends it again."""


def build(analysis: Analysis, model: gr.Dropdown, blocks: gr.Blocks) -> Explorer:
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
        **LISTENERS[INFERENCE],
        "api_visibility": "private",
        "trigger_mode": "always_last",
    }
    given, out = [photo, question, model], [explorer]
    failed = "() => window.attentionExplorer?.failed()"
    asked = "(photo, question, model) => [...window.attentionExplorer.question(), model]"
    explorer.ask(look, given, out, js=asked, **listen).failure(None, js=failed)
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
        yield {**echo, "error": str(picture), "gone": isinstance(picture, Gone), **_code(getattr(picture, "code", ""))}
        return
    if not model:
        yield {**echo, "error": "Choose a model first."}
        return
    lines: queue.Queue[str | None] = queue.Queue()
    result: list[dict] = []
    left = threading.Event()

    def say(line: str) -> None:
        if left.is_set():
            raise Left
        lines.put(line)

    def work() -> None:
        try:
            record = analysis.record(picture, model, say=say)
            result.append(pack(picture, record, folder, about=_about(model, record.provenance)))
            note("answered", model=record.model, seconds=round(time.monotonic() - began, 3))
        except Left:
            note("abandoned", seconds=round(time.monotonic() - began, 3))
        except Exception as error:
            sentence = str(error) if isinstance(error, VitError) else _WRONG
            result.append({"error": sentence, **_code(code_of(error, "explore"))})
        finally:
            lines.put(None)

    began = last = time.monotonic()
    threading.Thread(target=work, name="analysis", daemon=True).start()
    told = ""
    try:
        while (line := lines.get()) is not None:
            if line != told and time.monotonic() - last > _BETWEEN_LINES:
                last, told = time.monotonic(), line
                yield {**echo, "busy": line}
    finally:
        left.set()  # the visitor may have closed the page: the work ends at its next line
    yield {**echo, **result[0]}


def _code(code: str) -> dict[str, str]:
    return {"code": code} if code else {}


def _about(model: str, provenance: str) -> str:
    """What is known of a bundled model's training, for the line below the picture."""
    if provenance != "bundled":
        return ""
    from vit.models.bundled import percent, read_card

    card = read_card(model)
    return f"{card.data}, top-1 {percent(card.top1)}"


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

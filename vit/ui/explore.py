"""The Explore view: a photo and a model's name go to the server once; all looking then happens in the browser."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from vit.analysis import Analysis
from vit.errors import ImageError, VitError
from vit.line import Say
from vit.ui.door import Door, Refused, Sent
from vit.ui.examples import Example, examples
from vit.ui.explorer import Explorer
from vit.ui.known import Known, example_key
from vit.ui.limits import FILES, INFERENCE, LISTENERS
from vit.ui.model_list import choices
from vit.ui.pack import pack, trained_on
from vit.ui.served import served_file
from vit.ui.told import code_words, told
from vit.ui.view_link import add_views
from vit.ui.views import all_views

if TYPE_CHECKING:
    from vit.attention import AttentionRecord

Remember = Callable[[str, "AttentionRecord"], None]  # of a model's name and its record


def build(analysis: Analysis, model: gr.Dropdown, blocks: gr.Blocks) -> Explorer:
    """Adds the view to the page that is being built. ``model`` is the page's list of models."""
    from vit.models.bundled import bundled_names

    shown = examples()
    views = all_views()
    photo, second = Door(visible=False, type="numpy"), Door(visible=False, type="numpy")
    folder = photo.GRADIO_CACHE
    known = Known(analysis, folder)
    explorer = Explorer(views, known.find, elem_id="explorer", examples=[example.for_page() for example in shown])
    question = gr.Textbox(visible=False)  # JSON: the ticket, and the example's name if it is one

    def look(picture: Any, asked: str, name: str) -> Iterator[dict]:
        ticket, example = _question(asked, shown)
        echo = {"ticket": ticket, "example": example and example.name}
        yield from answers(analysis, _picture(picture, example), name, echo, folder, remembering(picture, example))

    def remembering(picture: Any, example: Example | None) -> Remember | None:
        if example:
            return partial(known.remember, example_key(example.name))
        return (lambda *found: known.remember(picture.key(), *found)) if isinstance(picture, Sent) else None

    def raw_weights(picture: Any, asked: str, name: str) -> Iterator[dict]:  # /raw is the name of the HTTP answer
        ticket, example = _question(asked, shown)
        yield from raw_answers(analysis, _picture(picture, example), name, {"ticket": ticket}, folder)

    def opening(request: gr.Request) -> Iterator[tuple[dict, Any]]:
        """What a visitor finds: the example and the model that the address names, else the first and the default one.

        The list learns of a model that it lacks; the page sets it, unless the visitor chose another meanwhile.
        """
        first = _example(request.query_params.get("photo"), shown) or next(iter(shown), None)
        echo = {"ticket": 0, "opening": True, "example": first and first.name}
        wanted = str(request.query_params.get("model") or "")
        picture = _picture(None, first) if first else Refused("Choose a photo to begin.")
        for answer in first_answers(analysis, picture, wanted, echo, folder, remembering(None, first)):
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
    # Gradio holds an event back until its last question is answered, which a server that was gone never does.
    explorer.again(look, given, out, js=asked, **{**listen, "trigger_mode": "multiple"}).failure(None, js=failed)
    weights, lost = "() => window.attentionExplorer.rawQuestion()", "() => window.attentionExplorer?.rawFailed()"
    fetch = {**listen, **LISTENERS[FILES]}  # a download never waits behind questions
    explorer.raw(raw_weights, given, out, js=weights, **fetch).failure(None, js=lost)
    explorer.back(None, None, model, js="() => window.attentionExplorer.shownModel()", queue=False)
    model.input(None, model, None, js="(model) => window.attentionExplorer.otherModel(model)", queue=False)
    sent = [photo, question, second]
    add_views(analysis, views, sent, lambda file, name: _picture(file, _example(name, shown)), listen)
    opened = "(value, model) => window.attentionExplorer?.openedModel(value, model) ?? model"
    blocks.load(opening, None, [explorer, model], **listen).then(
        None, [explorer, model], model, js=opened, show_progress="hidden", api_visibility="private"
    )
    return explorer


def first_answers(
    analysis: Analysis,
    picture: np.ndarray | str,
    wanted: str,
    echo: dict[str, Any],
    folder: str,
    remember: Remember | None = None,
) -> Iterator[dict]:
    """``answers`` of the model that the address names, or else of the default one.

    A default that can't be had just now, such as a damaged download, gives way to the best bundled model, with a
    ``note``; a model that somebody asked for doesn't.
    """
    try:
        name = wanted or analysis.default_model()
    except VitError as error:
        yield {**echo, "error": str(error)}
        return
    try:
        spare = analysis.spare_model()
    except VitError:
        spare = name
    if wanted or isinstance(picture, str) or spare == name:
        yield from answers(analysis, picture, name, echo, folder, remember)
        return
    for answer in answers(analysis, picture, name, echo, folder, remember):
        if "error" in answer:
            note = {**echo, "note": f"{name} could not be used just now; opened with {spare}"}
            yield from answers(analysis, picture, spare, note, folder, remember)
            return
        yield answer


def answers(
    analysis: Analysis,
    picture: np.ndarray | str,
    model: str,
    echo: dict[str, Any],
    folder: str,
    remember: Remember | None = None,
) -> Iterator[dict]:
    """Values for the explorer: lines on what is being done, then the packed record or a sentence.

    ``echo`` goes into each of them; ``folder`` is where Gradio serves files from; ``remember`` is told the model's name
    and the record.
    """
    if isinstance(picture, str):
        yield {**echo, "error": str(picture), "gone": getattr(picture, "gone", False), **code_words(picture)}
        return
    if not model:
        yield {**echo, "error": "Choose a model first."}
        return

    def work(say: Say) -> dict:
        record = analysis.record(picture, model, say=say)
        value = pack(picture, record, folder, about=trained_on(model, record.provenance))
        if remember:
            remember(model, record)
        return value

    yield from told(work, echo, "explore")


def raw_answers(
    analysis: Analysis, picture: np.ndarray | str, model: str, echo: dict[str, Any], folder: str
) -> Iterator[dict]:
    """``{"raw": answer}`` for the download of the raw weights, which leaves what the page shows as it is: lines on what
    is being done, then an .npz ``file`` that Gradio serves, or a sentence. The rest as in ``answers``."""
    if isinstance(picture, str):
        gone = getattr(picture, "gone", False)
        yield {**echo, "raw": {"error": str(picture), "gone": gone, **code_words(picture)}}
        return

    def work(say: Say) -> dict:
        from vit.archive import to_npz

        record = analysis.record(picture, model, say=say)
        return {"file": served_file(folder, f"{record.model}-attention.npz", to_npz(record))}

    for answer in told(work, {}, "raw"):
        yield {**echo, "raw": answer}


def _question(asked: str, shown: list[Example]) -> tuple[int, Example | None]:
    """The ticket and the example out of what the page sent; anything malformed counts as neither."""
    try:
        fields = json.loads(asked)
        ticket = int(fields["ticket"])
        name = fields["example"]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0, None
    return ticket, _example(name, shown)


def _example(name: Any, shown: list[Example]) -> Example | None:
    return next((example for example in shown if example.name == name), None)


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
    return picture.pixels if isinstance(picture, Sent) else picture

"""The way from a view's script to its work on the server and back: a hidden component for each view.

Each has its own, so that the lines of one never overwrite the result of another.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
import numpy as np

from vit.analysis import Analysis
from vit.line import Say
from vit.ui.languages.sentences import reasons_translated
from vit.ui.told import code_words, told
from vit.ui.views import Ask, View

_SCRIPT = """
const name = props.view;
window.attentionLinks ??= {};
window.attentionLinks[name] = { ask: () => trigger("ask"), stop: () => trigger("stop") };
watch("value", () => window.attentionExplorer?.viewAnswer(name, props.value));
"""

# The photo that is asked about, or a sentence; from what the hidden door and the example's name hold.
Picture = Callable[[Any, Any], np.ndarray | str]


class ViewLink(gr.HTML):
    """Holds a view's last line or result, and has the events ``ask`` and ``stop``; nothing of it is seen."""

    def __init__(self, view: View):
        super().__init__(html_template="", js_on_load=_SCRIPT, visible="hidden", view=view.name)

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def add_views(
    analysis: Analysis, views: Sequence[View], given: list[Any], picture: Picture, listen: dict[str, Any]
) -> None:
    """Adds each view's link to the page that is being built.

    ``given`` are the hidden components of the photo, the question and a second photo, ``listen`` how listeners that run
    a model listen.
    """
    # "always_last" would hold a question back until the one before is answered, which a cancelled one never is. What
    # answers an older question is known by its ticket.
    listen = {**listen, "trigger_mode": "multiple"}
    for view in views:
        link = ViewLink(view)
        js = f"() => window.attentionExplorer.viewQuestion({json.dumps(view.name)})"
        failed = f"() => window.attentionExplorer?.viewFailed({json.dumps(view.name)})"
        asked = link.ask(_listener(analysis, view, picture, link.GRADIO_CACHE), given, link, js=js, **listen)
        asked.failure(None, js=failed)
        link.stop(None, cancels=[asked], api_visibility="private")


def _listener(analysis: Analysis, view: View, picture: Picture, folder: str) -> Callable[..., Iterator[dict[str, Any]]]:
    def look(photo: Any, question: str, second: Any) -> Iterator[dict[str, Any]]:
        fields = _fields(question)
        beside = picture(second, fields["second"])
        yield from view_answers(analysis, view, picture(photo, fields["example"]), fields, folder, beside)

    return look


def view_answers(
    analysis: Analysis,
    view: View,
    image: np.ndarray | str,
    fields: dict[str, Any],
    folder: str,
    second: np.ndarray | str = "",
) -> Iterator[dict[str, Any]]:
    """Lines on what is being done, then the view's result or a sentence; each with the question's ticket."""
    echo = {"ticket": fields["ticket"]}
    if isinstance(image, str):
        yield {**echo, "error": str(image), "gone": getattr(image, "gone", False), **code_words(image)}
        return

    def work(say: Say) -> dict[str, Any]:
        answer = view.run(Ask(analysis, image, fields["model"], fields["options"], say, folder, second))
        return reasons_translated(answer, fields["language"])

    yield from told(work, echo, view.name)


def _fields(question: str) -> dict[str, Any]:
    """What the page sent, with something of the right kind in every field, whatever it was."""
    try:
        sent = json.loads(question)
    except (ValueError, TypeError, RecursionError):
        sent = None
    sent = sent if isinstance(sent, dict) else {}
    kinds: dict[str, type] = {
        "ticket": int,
        "example": str,
        "second": str,
        "model": str,
        "language": str,
        "options": dict,
    }
    return {name: sent[name] if isinstance(sent.get(name), kind) else kind() for name, kind in kinds.items()}

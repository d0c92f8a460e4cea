"""Explorer: the canvas component that gets one record's maps and draws them in the browser, and the frame of all views.

Its HTML never changes, so the canvases survive every update; labels and names reach the page by ``textContent`` alone,
because what is put into a template of ``gr.HTML`` runs as code.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from vit.ui.languages import languages
from vit.ui.views import View

_HERE = Path(__file__).parent
# One idea a file; each may use what stands before it. They become one script, and share one scope.
SCRIPTS = (
    *("words", "make", "colours", "decode", "attention", "paint"),  # bytes to maps to pixels: no page needed
    *("sheet", "controls", "door", "stage", "address", "save"),  # parts of the page
    *("state", "questions", "answers", "hands", "drawing", "views"),  # what holds them together
    "main",  # begins, after the views' own scripts
)
# A view that is computed when it is opened: what is being done, what went wrong, and then its own HTML.
_PANEL = """
<section class="view view-{name}" role="tabpanel" id="view-{name}" aria-labelledby="tab-{name}" data-state="empty"
  hidden>
  <div class="wait" role="status" hidden>
    <i></i><span></span><button type="button" data-act="stop" data-words="views.cancel"></button></div>
  <div class="sorry" role="alert" hidden><p></p><button type="button"></button></div>
  <div class="content">{html}</div>
</section>
"""
_TAB = (
    '<button type="button" role="tab" id="tab-{name}" aria-controls="view-{name}" data-view="{name}"'
    ' data-words="views.{name}"></button>'
)


class Explorer(gr.HTML):
    """Shows what ``vit.ui.pack.pack`` returns, or ``{"busy": words}``, or ``{"error": sentence}``.

    Every value carries the ``ticket`` of the question that it answers (0 for the page's own opening); the page drops
    answers to older questions. The event ``ask`` says that a person has given another photo or chosen an example.
    ``views`` stand beside Explore in the navigation line; without any there is no such line.
    """

    def __init__(self, views: Sequence[View] = (), value: dict[str, Any] | None = None, **props: Any):
        super().__init__(
            value=value,
            html_template=html(views),
            css_template=css(views),
            js_on_load=script(views),
            apply_default_css=False,
            **props,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def html(views: Sequence[View] = ()) -> str:
    """The page's constant HTML: the frame, Explore, and a panel for each view."""
    frame = (_HERE / "explorer.html").read_text(encoding="utf-8")
    tabs = "".join(_TAB.format(name=name) for name in ("explore", *(view.name for view in views)))
    panels = "".join(_PANEL.format(name=view.name, html=view.html) for view in views)
    return frame.replace("<!-- tabs -->", tabs).replace("<!-- views -->", panels)


def css(views: Sequence[View] = ()) -> str:
    return "\n".join([(_HERE / "explorer.css").read_text(encoding="utf-8"), *(view.css for view in views)])


def script(views: Sequence[View] = ()) -> str:
    """The page's own JavaScript: no build step, nothing from elsewhere. A view's own names stay its own."""
    words = f"const LANGUAGES = {json.dumps(languages(), ensure_ascii=False)};"
    parts = [(_HERE / "explorer" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    own = [f"(() => {{\n{view.script}\n}})();" for view in views]
    return "\n".join([words, *parts[:-1], *own, parts[-1]])

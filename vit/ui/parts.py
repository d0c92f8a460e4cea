"""What the explorer is made of in the browser: its HTML, its CSS and its scripts, with views or without any. No gradio
here: the page and the self-contained file are put together from the same parts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vit.ui.languages import languages

if TYPE_CHECKING:
    from vit.ui.views import View

_HERE = Path(__file__).parent
# One idea a file; each may use what stands before it. They become one script, and share one scope.
SCRIPTS = (
    *("words", "colours", "decode", "attention", "paint", "gif"),  # bytes to maps to pixels: no page needed
    *("sheet", "elements", "plots", "curves", "controls", "door", "stage", "address", "save"),  # parts of the page
    *("state", "questions", "answers", "hands", "drawing", "downloads", "views"),  # what holds them together
    "main",  # begins, after the views' own scripts
)
# A view that is computed when it is opened: what is being done, what went wrong, and then its own HTML.
PANEL = """
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


def html(views: Sequence["View"] = ()) -> str:
    """The page's constant HTML: the frame, Explore, and a panel for each view."""
    tabs = "".join(_TAB.format(name=name) for name in ("explore", *(view.name for view in views)))
    panels = "".join(PANEL.format(name=view.name, html=view.html) for view in views)
    return read("explorer.html").replace("<!-- tabs -->", tabs).replace("<!-- views -->", panels)


def css(views: Sequence["View"] = ()) -> str:
    return "\n".join([read("explorer.css"), *(view.css for view in views)])


def script(views: Sequence["View"] = ()) -> str:
    """The page's own JavaScript: no build step, nothing from elsewhere. A view's own names stay its own."""
    words = f"const LANGUAGES = {json.dumps(languages(), ensure_ascii=False)};"
    parts = [read(f"explorer/{name}.js") for name in SCRIPTS]
    own = [f"(() => {{\n{view.script}\n}})();" for view in views]
    return "\n".join([words, *parts[:-1], *own, parts[-1]])


def read(name: str) -> str:
    """A file beside this one."""
    return (_HERE / name).read_text(encoding="utf-8")

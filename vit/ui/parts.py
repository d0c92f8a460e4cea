"""What the explorer is made of in the browser: its HTML, its CSS, its scripts and its words. No gradio here: the page
and the self-contained file are put together from the same parts.

A page begins with Explore alone. The words of the visitor's language come at its start, and what a view is made of when
it is first opened; the self-contained file has no views, and all languages inside.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit.ui.languages import languages

if TYPE_CHECKING:
    from vit.ui.views import View

_HERE = Path(__file__).parent
# Whole lines, and what stands behind code: no string of the scripts holds " // ".
_COMMENTS = re.compile(r"^[ ]*(//[^\n]*|/\*\*.*?\*/)\n|[ ]+// [^\n]*$", re.MULTILINE | re.DOTALL)
# One idea a file; each may use what stands before it. They become one script, and share one scope.
SCRIPTS = (
    *(
        "words",
        "numbers",
        "colours",
        "decode",
        "recent",
        "attention",
        "paint",
    ),  # bytes to maps to pixels: no page needed
    *("sheet", "controls", "door", "stage", "address", "save"),  # parts of the page
    *("state", "questions", "answers", "hands", "drawing", "downloads"),  # what holds them together
    *("asking", "view", "views"),  # the other views
    "demo",  # the first seconds
    "main",  # begins
)
FOR_VIEWS = ("elements", "plots", "curves")  # come with each view
ENCODER = "gif"  # comes when an animation is first asked for
# A view that is fetched and computed when it is opened: what is being done, what went wrong, and then its own HTML.
PANEL = """
<section class="view view-{name}" role="tabpanel" id="view-{name}" aria-labelledby="tab-{name}" data-state="empty"
  hidden>
  <div class="wait" role="status" hidden>
    <i></i><span></span><button type="button" data-act="stop" data-words="views.cancel"></button></div>
  <div class="sorry" role="alert" hidden><p></p><button type="button"></button></div>
  <div class="content"></div>
</section>
"""
_TAB = (
    '<button type="button" role="tab" id="tab-{name}" aria-controls="view-{name}" data-view="{name}"'
    ' data-words="views.{name}"></button>'
)


def html(views: Sequence["View"] = ()) -> str:
    """The page's constant HTML: the frame, Explore, and an empty panel for each view."""
    tabs = "".join(_TAB.format(name=name) for name in ("explore", *(view.name for view in views)))
    panels = "".join(PANEL.format(name=view.name) for view in views)
    return read("explorer.html").replace("<!-- tabs -->", tabs).replace("<!-- views -->", panels)


def css() -> str:
    return read("explorer.css")


def script(alone: bool = False) -> str:
    """The explorer's own JavaScript: no build step, nothing from elsewhere. ``alone``: with the words of all languages
    and the encoder of animations inside, since there will be no server to ask."""
    held = {name: page_words(name) if alone else None for name in languages()}
    parts = [code(f"explorer/{name}.js") for name in ((ENCODER, *SCRIPTS) if alone else SCRIPTS)]
    return "\n".join([f"const LANGUAGES = {json.dumps(held, ensure_ascii=False)};", *parts])


def page_words(language: Any) -> dict[str, Any]:
    """The words of everything but the views; English for a language that there is none of."""
    from vit.ui.views import all_views

    views = {view.name for view in all_views()}
    return {section: words for section, words in _sections(language).items() if section not in views}


def view_parts(view: "View", language: Any) -> dict[str, Any]:
    """What a view is made of: its ``html``, ``css``, ``script``, and its ``words`` in one language."""
    words = _sections(language).get(view.name, {})
    styles = [read("explorer/plots.css"), view.css]
    scripts = [*(code(f"explorer/{name}.js") for name in FOR_VIEWS), view.script]
    return {"html": view.html, "css": "\n".join(styles), "script": "\n".join(scripts), "words": words}


def encoder(_: Any = None) -> str:
    """The script that writes animations. Gradio calls a server function with one argument, whatever was sent."""
    return code(f"explorer/{ENCODER}.js")


def _sections(language: Any) -> dict[str, Any]:
    return languages().get(str(language)) or languages()["en"]


def code(name: str) -> str:
    """A script beside this one without its comments: they are for whoever opens the file."""
    return _COMMENTS.sub("", read(name))


def read(name: str) -> str:
    """A file beside this one."""
    return (_HERE / name).read_text(encoding="utf-8")

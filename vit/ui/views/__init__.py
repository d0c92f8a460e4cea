"""The views beside Explore: one file a view, marked with ``@view``. The photo and the model are the page's own.

To add a view, add one file here, and no other edit but its words::

    # vit/ui/views/norms.py
    @view("norms", place=30)
    def norms(ask: Ask) -> dict:
        \"""How long each token is.\"""
        record = ask.analysis.record(ask.image, ask.model, say=ask.say)
        return {"layers": len(record.layers), "lengths": ask.keep("lengths.bin", lengths.astype("<f4").tobytes())}

Beside it, under the same name, stands what the browser gets, each only if there is some: ``norms.html`` (constant, no
``${``, ``{{``, backtick or backslash), ``norms.css`` (rules that begin with ``.view-norms``), and ``norms.js``, or
several scripts in ``norms/``, in the order of their names. They see everything in ``vit/ui/explorer`` (``percent``,
``paintHeat``, ``Plot``, ``state.maps``, …); what they declare is theirs alone. One of them registers the view::

    // vit/ui/views/norms.js
    addView("norms", (view) => ({
      show(result) { view.find("output").textContent = result.layers; },
    }));

All of it, and the view's words, reaches a browser only when the view is first opened: the page itself stays light.
What ``view`` has and what ``addView`` takes is said in ``vit/ui/explorer/view.js``. Words stand in
``vit/ui/languages/*.json``: a section with the view's name, and its entry in the navigation line under ``views``.

The function is called when the view is opened with a photo it hasn't seen, and when its script calls ``view.ask``.
It runs in a thread: what it passes to ``ask.say`` is shown as a line, and is where it ends when the visitor cancels, so
say something at least every second. It returns what JSON can hold; big arrays go through ``ask.keep``. A VitError is
shown as its sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from vit.line import Say
from vit.ui.served import served_file

if TYPE_CHECKING:
    import numpy as np

    from vit.analysis import Analysis


@dataclass(frozen=True, eq=False)
class Ask:
    """What a view is asked: the page's photo and model, and what its own script sent along."""

    analysis: "Analysis"
    image: "np.ndarray"  # RGB uint8 (height, width, 3)
    model: str
    options: dict[str, Any]  # from the browser, so anything may be in it: check each
    say: Say
    folder: str  # where Gradio serves files from
    second: "np.ndarray | str" = ""  # another photo, where the view's script sent one; else a sentence in its place

    def keep(self, name: str, data: bytes) -> dict[str, Any]:
        """Keeps bytes as a file for the browser: what is returned goes into the result, and has a ``url`` there."""
        return served_file(self.folder, name, data)


Work = Callable[[Ask], dict[str, Any]]


@dataclass(frozen=True)
class View:
    """A view as it is listed: its name, its place in the navigation line, and its work on the server."""

    name: str
    place: int
    run: Work
    home: Path  # its files in the browser are this path with other endings

    def _text(self, ending: str) -> str:
        path = self.home.with_suffix(ending)
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def html(self) -> str:
        return self._text(".html")

    @property
    def css(self) -> str:
        return self._text(".css")

    @property
    def script(self) -> str:
        parts = [path.read_text(encoding="utf-8") for path in sorted(self.home.with_suffix("").glob("*.js"))]
        return "\n".join([*parts, self._text(".js")])


_VIEWS: dict[str, View] = {}


def _mark(views: dict[str, View], name: str, place: int, run: Work) -> Work:
    views[name] = View(name, place, run, Path(run.__code__.co_filename))
    return run


def view(name: str, place: int) -> Callable[[Work], Work]:
    """Marks a function as the view of this name. ``place`` orders the navigation line; Explore stands first, at 0.

    The places: methods 10, heads 20, tokens 30, what_if 40, compare 50, lesson 60.
    """
    return partial(_mark, _VIEWS, name, place)


def all_views() -> list[View]:
    """Every view, in the order of the navigation line."""
    return sorted(_VIEWS.values(), key=lambda each: each.place)


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

"""The page of a measure: its plot between its name and its words, readable on light and on dark."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure

from vit.errors import MethodError
from vit.render.colormaps import colormap_table
from vit.render.legend import provenance_line

if TYPE_CHECKING:
    from vit.measures.result import Measured

WIDTH = 7.0  # inches: a page's two columns
_LINE = 0.155  # inches: a line of words
_CHARACTERS = 118  # of the words below, on a line


@dataclass(frozen=True)
class Theme:
    """The colours of one page. Data come in Okabe and Ito's, which colour-blind people tell apart too."""

    paper: str
    ink: str
    grey: str
    rule: str
    point: str
    second: str
    marked: str


LIGHT = Theme("#ffffff", "#202124", "#5f6368", "#e8eaed", "#0072B2", "#D55E00", "#d62728")
DARK = Theme("#16181c", "#e8eaed", "#a4a9b0", "#34383e", "#56B4E9", "#E69F00", "#ff6b5e")


def page_for(result: "Measured", theme: Theme, height: float) -> tuple[Figure, SubFigure]:
    """A page with the measure's name above and its words below, and the middle part to plot into.

    ``height`` is the plot's, in inches.
    """
    above = [provenance_line(result.model, result.provenance, "")]
    below = [*_wrapped(result.summary), *_wrapped(f"Mind: {result.caveat}")]
    high, low = 0.3 + _LINE * len(above), 0.12 + _LINE * len(below)
    page = Figure(figsize=(WIDTH, high + height + low), facecolor=theme.paper)
    FigureCanvasAgg(page)
    parts: Any = page.subfigures(3, 1, height_ratios=(high, height, low))
    for part in parts:
        part.set_facecolor(theme.paper)
    head, middle, foot = parts
    words: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False, "linespacing": 1.35}
    head.text(0.02, 0.92, result.title, fontsize=11, color=theme.ink, weight="bold", **words)
    head.text(0.02, 0.38, "\n".join(above), fontsize=7.5, color=theme.grey, **words)
    foot.text(0.02, 0.94, "\n".join(below), fontsize=7.5, color=theme.grey, **words)
    return page, middle


def quiet(axis, theme: Theme, up: str = "", along: str = "") -> None:
    """Quiet axes: two lines, faint rules, words in the page's own colours."""
    axis.set_facecolor(theme.paper)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(theme.rule)
    axis.grid(axis="y", color=theme.rule, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.set_xlabel(along, fontsize=8, color=theme.ink, parse_math=False)
    axis.set_ylabel(up, fontsize=8, color=theme.ink, parse_math=False)
    axis.tick_params(colors=theme.grey, labelsize=7.5, length=0)


def bare(axis, theme: Theme, title: str = "") -> None:
    """An axis that only holds a picture."""
    axis.set_axis_off()
    axis.set_title(title, fontsize=8, color=theme.ink, pad=4, parse_math=False)


def colours(name: str) -> ListedColormap:
    """One of the project's colour maps for matplotlib."""
    return ListedColormap(colormap_table(name) / 255)


def bar(part: SubFigure, mappable, axes, theme: Theme, words: str) -> None:
    """A colour bar with real numbers."""
    added = part.colorbar(mappable, ax=axes, fraction=0.046, pad=0.03)
    added.set_label(words, fontsize=7.5, color=theme.ink)
    added.ax.tick_params(labelsize=7, length=0, colors=theme.grey)
    added.outline.set_visible(False)


def legend(axis, theme: Theme) -> None:
    """A legend above the plot, on one line."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    axis.legend(**place, ncols=3, frameon=False, fontsize=7.5, labelcolor=theme.ink)


def theme_of(name: str) -> Theme:
    """The theme called "light" or "dark"."""
    themes = {"light": LIGHT, "dark": DARK}
    if name not in themes:
        raise MethodError(f"theme={name!r} is not one of: {', '.join(themes)}.")
    return themes[name]


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _CHARACTERS)

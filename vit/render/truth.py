"""The truth check as a figure: each map's two curves over the band of random orders."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vit.errors import MethodError
from vit.measures.curves import Curves, Faithfulness
from vit.render.curves import COLOURS, GREY, INK, Panel, dress, write_plot

_ALONG = {"deletion": "share of patches deleted", "insertion": "share of patches put back"}
_GOOD = {"deletion": "a fall is good", "insertion": "a rise is good"}


def truth_figure(results: Sequence[Faithfulness], title: str, path: str | Path) -> None:
    """A row for each map, deletion to the left and insertion to the right, into a .png, .svg or .pdf file.

    The grey band spans all random orders, step by step, with their mean in it; the dashed line is the map's order
    reversed.
    """
    if not results:
        raise MethodError("There is no map to draw the curves of.")
    page = Figure(figsize=(8.8, 2.7 * len(results) + 0.5), layout="constrained")
    FigureCanvasAgg(page)
    axes = page.subplots(len(results), 2, squeeze=False, sharey=True)
    for row, found in zip(axes, results, strict=True):
        for axis, curves in zip(row, found.tests, strict=True):
            _draw(axis, found.method, curves)
    page.suptitle(title, fontsize=10, color=INK, x=0.01, ha="left", parse_math=False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    page.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=8)
    write_plot(page, path)


def _draw(axis, method: str, curves: Curves) -> None:
    low, high = curves.random.amin(0), curves.random.amax(0)  # (points,)
    axis.fill_between(curves.shares, low, high, color="#dadce0", linewidth=0, label="random orders, lowest to highest")
    axis.plot(curves.shares, curves.random.mean(0), color=GREY, linewidth=1, label="their mean")
    if curves.backwards is not None:
        axis.plot(curves.shares, curves.backwards, color=COLOURS[1], linewidth=1, linestyle="--", label="map, reversed")
    axis.plot(curves.shares, curves.ordered, color=COLOURS[0], linewidth=1.8, label="map, highest first")
    dress(
        axis, Panel(f"{method}, {curves.test}: area {curves.area:.3f} ({_GOOD[curves.test]})", _ALONG[curves.test], {})
    )
    words = axis.annotate(
        curves.words,
        (0, 1),
        (0, -2),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        fontsize=7,
        color=GREY,
    )
    words.set_in_layout(False)  # it may be as wide as the plot, and not squeeze it
    axis.set_ylim(0, 1.12)  # room for the words
    axis.set_yticks([0, 0.5, 1])

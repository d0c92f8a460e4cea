"""Plots over heads: every head as a point by layer, and which heads are alike."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vit.render.measure_page import Theme, bar, colours, legend, page_for, quiet

if TYPE_CHECKING:
    from vit.measures.heads import HeadSimilarity
    from vit.measures.result import PerHead

_SPREAD = 0.5  # of a layer's room along: its heads stand side by side in their order
_NAMED = 24  # up to so many heads have their names at a matrix


def per_head(result: "PerHead", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """Every head of every layer as a point, and what an evenly looking head would have as a stroke."""
    page, part = page_for(result, theme, 3.2)
    axis = part.subplots()
    part.subplots_adjust(left=0.1, right=0.97, bottom=0.14, top=0.9)
    quiet(axis, theme, up=result.unit, along="layer")
    _points(axis, result.heads, color=theme.point, label="a head", s=16, alpha=0.85, linewidths=0)
    if result.readout and any(bool((~each.isnan()).any()) for each in result.readout):
        label = "the same head, the readout's row alone"
        _points(axis, result.readout, facecolors="none", edgecolors=theme.second, label=label, s=18, linewidths=1)
    layers = np.arange(1, len(result.layers) + 1)
    room = _SPREAD / 2 + 0.12
    axis.hlines(result.even, layers - room, layers + room, color=theme.grey, linewidth=1.2, label=result.even_words)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlim(0.4, len(layers) + 0.6)
    axis.set_ylim(bottom=0)
    if result.unit.startswith("share"):
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    legend(axis, theme)
    return page


def _points(axis, by_layer, **look) -> None:
    places = [
        (layer + _SPREAD * (head / max(len(values) - 1, 1) - 0.5), value)
        for layer, values in enumerate(by_layer, start=1)
        for head, value in enumerate(values.tolist())
        if value == value
    ]
    if places:
        axis.scatter(*zip(*places, strict=True), clip_on=False, **look)


def head_matrix(result: "HeadSimilarity", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """How alike each two heads are, as a matrix."""
    page, part = page_for(result, theme, 4.6)
    axis = part.subplots()
    part.subplots_adjust(left=0.06, right=0.94, bottom=0.1, top=0.97)
    quiet(axis, theme)
    axis.grid(visible=False)
    low = min(0.0, float(result.similarity.min()))
    shown = axis.imshow(result.similarity, cmap=colours("viridis"), vmin=low, vmax=1, interpolation="nearest")
    bar(part, shown, axis, theme, f"{result.kind} similarity, 1 is the same")
    one_layer = len({layer for layer, _ in result.heads}) == 1
    if one_layer and len(result.heads) <= _NAMED:
        names = [str(head + 1) for _, head in result.heads]
        axis.set_xticks(range(len(names)), names)
        axis.set_yticks(range(len(names)), names)
        axis.set_xlabel(f"head of layer {result.heads[0][0] + 1}", fontsize=8, color=theme.ink)
    else:
        first = [number for number, (_, head) in enumerate(result.heads) if head == 0]
        names = [str(result.heads[number][0] + 1) for number in first]
        axis.set_xticks(first, names)
        axis.set_yticks(first, names)
        axis.set_xlabel("heads in order, from the first of each layer", fontsize=8, color=theme.ink)
    return page

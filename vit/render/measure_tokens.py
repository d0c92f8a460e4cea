"""Plots over tokens: norms, likeness to one patch, tokens as colours, and what the classifier reads in them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vit.attention import TokenLayout
from vit.render.legend import fit
from vit.render.measure_page import WIDTH, Theme, bar, bare, colours, legend, page_for, quiet

if TYPE_CHECKING:
    from vit.measures.lens import Lens
    from vit.measures.norms import TokenNorms
    from vit.measures.patches import PatchSimilarity
    from vit.measures.pca import TokenColours

_PIXELS = 800  # the longer side of an embedded photo at most
_ANSWERS = 3  # classes a block in the lens's table


def token_norms(result: "TokenNorms", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """The patches' norms on the picture's grid, and all of them in order with the line above which they stand out."""
    page, part = page_for(result, theme, 2.9)
    axes = part.subplots(1, 3 if image is not None else 2)
    part.subplots_adjust(left=0.03, right=0.98, bottom=0.15, top=0.88, wspace=0.42)
    photo(axes[0], image, theme)
    on_map, in_order = axes[-2:]
    shown = _map(on_map, result.layout.patches(result.norms), theme, image, "norms, outliers outlined", "viridis")
    bar(part, shown, on_map, theme, "")
    for row, col in result.mask.nonzero().tolist():
        outline(on_map, result.layout, row, col, image, theme.marked)
    values = np.sort(result.norms[len(result.layout.prefix) :].numpy())
    above = values > result.threshold
    quiet(in_order, theme, up="norm", along="patches, by their norm")
    places = np.arange(1, len(values) + 1)
    in_order.scatter(places[~above], values[~above], s=8, color=theme.point, linewidths=0)
    in_order.scatter(places[above], values[above], s=14, color=theme.marked, linewidths=0)
    in_order.axhline(result.threshold, color=theme.grey, linewidth=1.2, label="median + k · MAD")
    legend(in_order, theme)
    return page


def likeness(result: "PatchSimilarity", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """Every patch's cosine with the chosen one, which is outlined."""
    page, part = page_for(result, theme, 3.0)
    axes = np.atleast_1d(part.subplots(1, 2 if image is not None else 1))
    part.subplots_adjust(left=0.03, right=0.92, bottom=0.03, top=0.9, wspace=0.08)
    photo(axes[0], image, theme)
    values = result.layout.patches(result.cosines)
    shown = _map(axes[-1], values, theme, image, "cosine with the outlined patch", "diverging", (-1, 1))
    bar(part, shown, list(axes), theme, "cosine")
    patch = result.token - len(result.layout.prefix)
    if patch >= 0 and result.layout.cells is None:
        for axis in axes:
            outline(axis, result.layout, *divmod(patch, result.layout.grid.cols), image, theme.marked)
    return page


def token_colours(result: "TokenColours", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """Every patch as a colour, one picture beside the other; the first beside its photo."""
    shown = [each.numpy() for each in result.colours]
    across = min(4, len(shown) + (image is not None))
    down = -(-(len(shown) + (image is not None)) // across)
    page, part = page_for(result, theme, 0.2 + down * min(3.0, WIDTH / across))
    axes = np.atleast_1d(part.subplots(down, across)).ravel()
    part.subplots_adjust(left=0.03, right=0.97, bottom=0.03, top=0.9, wspace=0.08)
    for axis in axes:
        axis.set_axis_off()
    first = photo(axes[0], image, theme)
    for number, (axis, colour) in enumerate(zip(axes[first:], shown, strict=False), start=1):
        _show(axis, colour, image if number == 1 else None)
        bare(axis, theme, f"picture {number}" if len(shown) > 1 else "tokens")
    return page


def lens(result: "Lens", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """The likeliest classes after each block as a table, and where on the picture the followed class is read."""
    rows = len(result.blocks)
    grid = result.layouts[-1].grid
    tall, wide = (grid.rows, grid.cols) if image is None else image.shape[:2]
    across = min(6, rows)
    heights = 0.5 + 0.3 * rows, 0.35 + -(-rows // across) * (0.3 + 0.85 * WIDTH / across * tall / wide)
    page, part = page_for(result, theme, sum(heights))
    parts: Any = part.subfigures(2, 1, height_ratios=heights)
    for each in parts:
        each.set_facecolor(theme.paper)
    table, maps = parts
    _answers(table, result, theme)
    axes = np.atleast_1d(maps.subplots(-(-rows // across), across)).ravel()
    maps.subplots_adjust(left=0.03, right=0.9, bottom=0.03, top=1 - 0.5 / heights[1], wspace=0.1, hspace=0.25)
    name = result.labels[result.target]
    maps.suptitle(f"probability of {name}, read in each patch", fontsize=8, color=theme.ink, x=0.02, ha="left", y=0.98)
    for axis in axes:
        axis.set_axis_off()
    shown = None
    for axis, values, layout, layer in zip(axes, result.followed, result.layouts, result.layers, strict=False):
        shown = _map(axis, layout.patches(values), theme, image, f"layer {layer + 1}", "viridis", (0, 1))
    bar(maps, shown, list(axes), theme, "probability")
    return page


def _answers(part, result: "Lens", theme: Theme) -> None:
    """A row for each block, a cell for each of its likeliest classes, shaded by probability."""
    shares = result.probabilities
    best = shares.topk(min(_ANSWERS, shares.shape[1]), dim=1)
    axis = part.subplots()
    part.subplots_adjust(left=0.1, right=0.97, bottom=0.02, top=0.86)
    axis.imshow(best.values, cmap=colours("viridis"), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    quiet(axis, theme, up="after layer")
    axis.grid(visible=False)
    axis.set_xticks(range(best.values.shape[1]), ["answer", "second", "third"][: best.values.shape[1]])
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(result.layers)), [str(layer + 1) for layer in result.layers])
    for row, (values, classes) in enumerate(zip(best.values.tolist(), best.indices.tolist(), strict=True)):
        for column, (share, number) in enumerate(zip(values, classes, strict=True)):
            label = result.labels[number]
            words = f"{label if len(label) <= 24 else label[:23] + '…'}  {share:.1%}"
            weight = "bold" if number == result.target else "normal"
            colour = "#16181c" if share > 0.6 else "#ffffff"  # viridis is dark below and light above
            centred = {"ha": "center", "va": "center", "parse_math": False}
            axis.text(column, row, words, color=colour, weight=weight, fontsize=7.5, **centred)


def photo(axis, image: np.ndarray | None, theme: Theme) -> int:
    """The photo on an axis, if there is one; how many axes that took."""
    if image is None:
        return 0
    height, width = image.shape[:2]
    scale = min(1.0, _PIXELS / max(height, width))
    axis.imshow(fit(image, max(1, round(height * scale)), max(1, round(width * scale))), extent=(0, width, height, 0))
    bare(axis, theme, "photo")
    return 1


def _map(axis, values, theme: Theme, image, title: str, colormap: str, ends: tuple[float, float] | None = None):
    low, high = ends or (float(values.min()), float(values.max()))
    shown = _show(axis, values.numpy(), image, cmap=colours(colormap), vmin=low, vmax=high)
    bare(axis, theme, title)
    return shown


def _show(axis, values: np.ndarray, image: np.ndarray | None, **look):
    """Patches in the photo's own shape; without a photo, as squares."""
    height, width = values.shape[:2] if image is None else image.shape[:2]
    return axis.imshow(values, extent=(0, width, height, 0), interpolation="nearest", **look)


def outline(axis, layout: TokenLayout, row: int, col: int, image: np.ndarray | None, colour: str) -> None:
    """A frame around one patch."""
    height, width = (layout.grid.rows, layout.grid.cols) if image is None else image.shape[:2]
    tall, wide = height / layout.grid.rows, width / layout.grid.cols
    frame = Rectangle((col * wide, row * tall), wide, tall, fill=False, edgecolor=colour, linewidth=1.4)
    axis.add_patch(frame)

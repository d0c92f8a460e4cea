"""The contact sheet: every head of every layer at once, a row for each layer, on one shared scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vit.errors import MethodError
from vit.render.colormaps import DEFAULT
from vit.render.heat import blend, check_picture, colours, highest
from vit.render.legend import NARROWEST, bar_numbers, fit, legend_strip, provenance_line, spacing, type_size
from vit.render.text import GREY, blank, width_of, wrap, write
from vit.render.untrained import stamp_untrained

if TYPE_CHECKING:
    from torch import Tensor

_WIDEST, _LARGEST_CELL, _SMALLEST_CELL = 2688, 224, 24  # pixels


@dataclass(frozen=True)
class SheetLayout:
    """Where everything on a sheet stands, in pixels; layers and heads count from 0 here."""

    heads: tuple[int, ...]  # how many each layer has
    cell: tuple[int, int]  # (height, width)
    left: int  # where the first cell's column starts: the room of the row labels
    top: int  # where the first cell's row starts: the room of the column labels
    gap: int  # between two cells
    margin: int  # the step of all other distances
    size: int  # of the labels' type

    @property
    def height(self) -> int:
        return self.top + len(self.heads) * (self.cell[0] + self.gap)

    @property
    def width(self) -> int:
        return self.left + max(self.heads) * (self.cell[1] + self.gap) - self.gap + 3 * self.margin

    def corner(self, layer: int, head: int) -> tuple[int, int]:
        """The upper left pixel of a cell, (y, x)."""
        return self.top + layer * (self.cell[0] + self.gap), self.left + head * (self.cell[1] + self.gap)

    def at(self, y: int, x: int) -> tuple[int, int] | None:
        """The (layer, head) of the cell that holds a pixel; None between and beside the cells."""
        layer, down = divmod(y - self.top, self.cell[0] + self.gap)
        head, across = divmod(x - self.left, self.cell[1] + self.gap)
        inside = 0 <= layer < len(self.heads) and 0 <= head < self.heads[layer]
        return (layer, head) if inside and down < self.cell[0] and across < self.cell[1] else None


def sheet_layout(
    heads: Sequence[int], shape: tuple[int, ...], cell: int | None = None, rows: Sequence[str] | None = None
) -> SheetLayout:
    """The layout of a sheet whose layers have so many heads each.

    ``shape`` is the (height, width) of what every cell shows, in any unit; ``cell`` a cell's longer side in pixels,
    by default as large as makes a sheet of about 2,688 pixels, at most 224. ``rows`` are the layers' labels.
    """
    across, down = max(heads), len(heads)
    if cell is None:
        cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, _WIDEST // max(across, down)))
    if cell < 1:
        raise MethodError(f"A cell of the sheet has at least 1 pixel; {cell} is too few.")
    height, width = (max(1, round(cell * side / max(shape))) for side in shape)
    size, margin, gap = type_size(across * width), spacing(across * width), 4 * max(1, width // 64)
    labels = _row_labels(down, rows)
    left = 3 * margin + max(width_of(words, size) for words in (*labels, "head")) + 2 * margin
    return SheetLayout(tuple(heads), (height, width), left, 5 * margin + size, gap, margin, size)


def sheet(
    layers: Sequence["Tensor"],
    image: np.ndarray | None = None,
    *,
    alpha: float = 0.7,
    colormap: str = DEFAULT,
    peak: float | None = None,
    own_scale: bool = False,
    smooth: bool = True,
    rows: Sequence[str] | None = None,
    cell: int | None = None,
    model: str = "",
    provenance: str = "",
    caption: str = "",
    share: bool = True,
) -> np.ndarray:
    """All maps on one page with labels, a colour bar and the provenance line: RGB uint8 ``(height, width, 3)``.

    ``layers`` holds one tensor ``(heads, rows, cols)`` for each layer; grids and numbers of heads may differ. With an
    ``image`` each map lies over it in grey, without colours of its own. One scale from 0 to ``peak`` (by default the
    highest of all values) holds for the whole sheet; ``own_scale=True`` gives each map its own, and says so.
    """
    maps = [np.asarray(layer.detach().cpu(), dtype=np.float32) for layer in layers]
    if not maps or any(m.ndim != 3 or not m.size for m in maps):
        raise MethodError("A sheet needs at least one layer, each with its maps as (heads, rows, cols).")
    if image is not None:
        check_picture(image)
    layout = sheet_layout([len(m) for m in maps], maps[0].shape[1:] if image is None else image.shape[:2], cell, rows)
    shared = max(highest(m, colormap) for m in maps) if peak is None else peak
    height, width = layout.cell
    photo = None if image is None else _quiet(fit(image, height, width))

    numbers = ("0", "highest") if own_scale else bar_numbers(shared, colormap, share)
    note = "each map on its own scale" if own_scale else "one scale for all maps"
    line = provenance_line(model, provenance, caption)
    strip = legend_strip(max(layout.width, NARROWEST), colormap, numbers, line, note)
    page = blank(layout.height + strip.shape[0], strip.shape[1])
    page[layout.height :] = strip
    for layer, heads in enumerate(maps):
        for head, values in enumerate(heads):
            y, x = layout.corner(layer, head)
            top = highest(values, colormap) if own_scale else shared
            page[y : y + height, x : x + width] = (
                colours(values, top, colormap, height, width, smooth)
                if photo is None
                else blend(photo, values, top, alpha, colormap, smooth)
            )
    if provenance == "random":
        # Over the maps and not beside them, so that it can't be cropped away.
        maps_only = page[layout.top : layout.height, layout.left :]
        maps_only[:] = stamp_untrained(maps_only)
    _write_labels(page, layout, _row_labels(len(maps), rows))
    return page


def _quiet(photo: np.ndarray) -> np.ndarray:
    """The photo in light grey, so that the heat is the only colour among so many small pictures."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=0.7, beta=72), cv2.COLOR_GRAY2RGB)


def _row_labels(count: int, rows: Sequence[str] | None) -> list[str]:
    """The word "layer" stands once, on the first row; people count from 1."""
    if rows is None:
        return ["layer 1", *(str(number) for number in range(2, count + 1))]
    if len(rows) != count:
        raise MethodError(f"The sheet has {count} layers, but {len(rows)} labels were given for them.")
    return [wrap(words, 12, 120, 1)[0] if words.strip() else "" for words in rows]


def _write_labels(page: np.ndarray, layout: SheetLayout, rows: list[str]) -> None:
    size, edge = layout.size, layout.left - 2 * layout.margin
    baseline = layout.top - 2 * layout.margin
    write(page, "head", edge - width_of("head", size), baseline, size, GREY)
    columns = [str(number) for number in range(1, max(layout.heads) + 1)]
    every = -(-(width_of(columns[-1], size) + layout.gap) // (layout.cell[1] + layout.gap))  # where cells are narrow
    for head in range(0, len(columns), every):
        _, x = layout.corner(0, head)
        middle = x + (layout.cell[1] - width_of(columns[head], size)) // 2
        write(page, columns[head], middle, baseline, size, GREY)
    every = -(-size // (layout.cell[0] + layout.gap))
    for layer in range(0, len(rows), every):
        y, _ = layout.corner(layer, 0)
        write(
            page, rows[layer], edge - width_of(rows[layer], size), y + (layout.cell[0] + size * 3 // 4) // 2, size, GREY
        )

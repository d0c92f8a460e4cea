"""Sheets of what a network knows before it sees a picture: position embeddings and filters."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from vit.render.measure_page import Theme, bar, bare, colours, page_for

if TYPE_CHECKING:
    from vit.measures.filters import Filters
    from vit.measures.positions import PositionSimilarity

_PLACES = 8  # maps a side at most: more can't be told apart


def positions(result: "PositionSimilarity", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """A map for each of some places, at its place: how like it all others are."""
    tiles = result.sheet(_PLACES)[2].numpy()  # (down, across, rows, cols)
    down, across, rows, cols = tiles.shape
    page, part = page_for(result, theme, 4.8)
    axis = part.subplots()
    part.subplots_adjust(left=0.03, right=0.93, bottom=0.02, top=0.92)
    shown = axis.imshow(sheet_of(tiles, np.nan), cmap=colours("diverging"), vmin=-1, vmax=1, interpolation="nearest")
    every = "each place" if (down, across) == (rows, cols) else f"{down} × {across} of the places"
    bare(axis, theme, f"a map for {every}, at that place: how alike all others are")
    bar(part, shown, axis, theme, "cosine")
    return page


def filters(result: "Filters", theme: Theme, image: np.ndarray | None = None) -> Figure:
    """Every filter as a small picture, in rows."""
    pictures = result.pictures.numpy()  # (shown, height, width, 3)
    across = min(len(pictures), 7 if len(pictures) <= 28 else 16)
    down = -(-len(pictures) // across)
    paper = np.array([int(theme.paper[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    empty = np.broadcast_to(paper, (down * across - len(pictures), *pictures.shape[1:]))
    tiles = np.concatenate([pictures, empty]).reshape(down, across, *pictures.shape[1:])
    page, part = page_for(result, theme, 0.3 + 6.4 * down / across)
    axis = part.subplots()
    part.subplots_adjust(left=0.03, right=0.97, bottom=0.01, top=0.94)
    axis.imshow(sheet_of(tiles, paper), interpolation="nearest")
    order = "by the variance they hold" if result.kind == "components" else "by their size"
    bare(axis, theme, f"{result.kind} {order}, from the top left")
    return page


def sheet_of(tiles: np.ndarray, gap) -> np.ndarray:
    """``(down, across, height, width, …)`` as one picture, with a line of ``gap`` between the tiles."""
    down, across, height, width = tiles.shape[:4]
    thick = max(1, round(max(height, width) / 14))
    sheet = np.empty((down * (height + thick) - thick, across * (width + thick) - thick, *tiles.shape[4:]))
    sheet[:] = gap
    for row in range(down):
        for col in range(across):
            top, left = row * (height + thick), col * (width + thick)
            sheet[top : top + height, left : left + width] = tiles[row, col]
    return sheet

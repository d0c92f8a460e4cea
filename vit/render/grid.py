"""Pictures of one size in a grid, with a line of words under each."""

from collections.abc import Sequence

import numpy as np

from vit.errors import VitError
from vit.render.heat import check_picture
from vit.render.legend import fit
from vit.render.text import GREY, blank, width_of, wrap, write

_TYPE, _LINE, _GAP = 15, 20, 12  # pixels
_CELL = 168  # pixels: the width of a picture in the grid


def grid(pictures: Sequence[np.ndarray], words: Sequence[str], columns: int = 8, cell: int = _CELL) -> np.ndarray:
    """One RGB picture of many; the words of each stand under it, on up to two lines."""
    if not pictures or len(pictures) != len(words):
        raise VitError("A grid needs at least one picture, and words for each.")
    for picture in pictures:
        check_picture(picture)
    columns = min(columns, len(pictures))
    high = max(1, round(cell * pictures[0].shape[0] / pictures[0].shape[1]))
    lines = [wrap(each, _TYPE, cell, 2) for each in words]
    below = max((len(each) for each in lines), default=0) * _LINE + 8
    rows = -(-len(pictures) // columns)
    page = blank(_GAP + rows * (high + below + _GAP), _GAP + columns * (cell + _GAP))
    for number, (picture, said) in enumerate(zip(pictures, lines, strict=True)):
        top = _GAP + number // columns * (high + below + _GAP)
        left = _GAP + number % columns * (cell + _GAP)
        page[top : top + high, left : left + cell] = fit(picture, high, cell)
        for line, text in enumerate(said):
            middle = left + (cell - width_of(text, _TYPE)) // 2
            write(page, text, middle, top + high + _LINE * (line + 1), _TYPE, GREY)
    return page

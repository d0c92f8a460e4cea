"""Finished pictures in a row, for maps that are looked at together."""

from collections.abc import Sequence

import numpy as np

from vit.errors import MethodError
from vit.render.heat import check_picture
from vit.render.text import blank

_GAP = 12  # pixels between two pictures


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """RGB pictures from left to right, their tops in line: uint8 ``(the tallest's height, all widths and gaps, 3)``."""
    if not pictures:
        raise MethodError("At least one picture is needed to put side by side.")
    for picture in pictures:
        check_picture(picture)
    width = sum(picture.shape[1] for picture in pictures) + _GAP * (len(pictures) - 1)
    row = blank(max(picture.shape[0] for picture in pictures), width)
    left = 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + _GAP
    return row

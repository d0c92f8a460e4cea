"""The mark of a model that learnt nothing: no picture of its attention goes out without it."""

import cv2
import numpy as np

from vit.render.text import BOLD, WHITE, width_of, write

UNTRAINED = "untrained weights"
PLATE = (24, 24, 27)

_SMALLEST = 8  # pixels: type smaller than this can't be read
_COMFORTABLE = 12


def stamp_untrained(picture: np.ndarray, in_place: bool = False) -> np.ndarray:
    """A copy (or the picture itself) with the words "untrained weights" on a dark plate in the lower left corner.

    The type is sized to the picture. A picture too small for the words is crossed out from corner to corner.
    """
    picture = picture if in_place else picture.copy()
    height, width = picture.shape[:2]
    lines, size = stamp_words(height, width)
    if not lines:
        for colour, thickness in ((PLATE, 3), (WHITE, 1)):
            cv2.line(picture, (0, 0), (width - 1, height - 1), colour, thickness)
            cv2.line(picture, (0, height - 1), (width - 1, 0), colour, thickness)
        return picture
    plate_height, plate_width = _plate(lines, size)
    margin = _padding(size)
    top, left = height - margin - plate_height, margin
    picture[top : top + plate_height, left : left + plate_width] = PLATE
    for number, line in enumerate(lines):
        baseline = top + margin + size + _leading(size) * number
        write(picture, line, left + margin, baseline, size, WHITE, BOLD)
    return picture


def stamp_words(height: int, width: int) -> tuple[tuple[str, ...], int]:
    """The lines of the mark for a picture of this size and their size in pixels; no lines if none can be read.

    In one line where it fits, else in two; the type shrinks before the words go.
    """
    wanted = max(_COMFORTABLE, min(64, min(height, width) // 32))
    for size in range(wanted, _SMALLEST - 1, -1):
        for lines in ((UNTRAINED,), tuple(UNTRAINED.split())):
            plate_height, plate_width = _plate(lines, size)
            if plate_width + 2 * _padding(size) <= width and plate_height + 2 * _padding(size) <= height:
                return lines, size
    return (), 0


def _plate(lines: tuple[str, ...], size: int) -> tuple[int, int]:
    """The plate's (height, width)."""
    widest = max(width_of(line, size, BOLD) for line in lines)
    return 2 * _padding(size) + size * 5 // 4 + _leading(size) * (len(lines) - 1), widest + 2 * _padding(size)


def _padding(size: int) -> int:
    return 4 * max(1, round(size / 12)) if size >= _COMFORTABLE else 2


def _leading(size: int) -> int:
    return size * 5 // 4

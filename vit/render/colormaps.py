"""Colour maps as tables of 256 RGB colours.

Six are OpenCV's: five perceptually even ones, and turbo for those who want it. The seventh diverges from a light
middle, for differences.
"""

from functools import cache

import cv2
import numpy as np

from vit.errors import MethodError

DEFAULT = "inferno"  # what the page, the command line and HTTP draw with: perceptually even, and the photo stays seen
DIVERGING = "diverging"
COLORMAPS = ("viridis", "inferno", "magma", "plasma", "cividis", "turbo", DIVERGING)

_DIVERGING_ANCHORS = ((20, 60, 130), (70, 140, 200), (240, 240, 240), (225, 130, 70), (140, 40, 20))  # blue to red


@cache
def colormap_table(name: str) -> np.ndarray:
    """The 256 colours of a map, RGB uint8 ``(256, 3)``, read-only: row 0 for the lowest value, row 255 for the peak.

    In ``"diverging"`` zero lies between rows 127 and 128. Raises MethodError for an unknown name.
    """
    if name not in COLORMAPS:
        raise MethodError(f"There is no colour map {name!r}; there are {', '.join(COLORMAPS)}.")
    if name == DIVERGING:
        table = _between(_DIVERGING_ANCHORS)
    else:
        codes = np.arange(256, dtype=np.uint8).reshape(256, 1)
        table = cv2.applyColorMap(codes, getattr(cv2, f"COLORMAP_{name.upper()}"))[:, 0, ::-1]
    table = np.ascontiguousarray(table)
    table.flags.writeable = False  # it is shared by every thread
    return table


def _between(anchors: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """256 colours in even steps through the anchors, in CIELAB, where an even step looks even."""
    lab = cv2.cvtColor(np.array([anchors], dtype=np.float32) / 255, cv2.COLOR_RGB2LAB)[0]  # (anchors, 3)
    place, step = np.linspace(0, len(anchors) - 1, 256), np.arange(len(anchors))
    steps = np.stack([np.interp(place, step, lab[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)
    rgb = cv2.cvtColor(steps[None], cv2.COLOR_LAB2RGB)[0]
    return np.rint(rgb.clip(0, 1) * 255).astype(np.uint8)

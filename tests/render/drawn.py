"""Small pictures and maps for the drawing tests."""

import numpy as np
import torch

from vit.attention import Heatmap


def photo(height: int = 32, width: int = 48) -> np.ndarray:
    """A picture with every pixel different, so that a shift or a swapped channel shows."""
    rng = np.random.default_rng(height * 1000 + width)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def grey(height: int, width: int, level: int = 128) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def heat(values, provenance: str = "bundled", method: str = "raw", caption: str = "attention of layer 1") -> Heatmap:
    return Heatmap(torch.as_tensor(values, dtype=torch.float32), method, caption, "vit_tiny", provenance)


def as_seen(axis) -> np.ndarray:
    """The picture on a matplotlib axis from its upper left, as the page shows it: the axis may turn or mirror it."""
    (image,) = axis.get_images()
    left, right, bottom, top = image.get_extent()
    values = np.ma.getdata(image.get_array())
    upwards = (top > bottom) == (axis.get_ylim()[1] > axis.get_ylim()[0])
    rightwards = (right > left) == (axis.get_xlim()[1] > axis.get_xlim()[0])
    values = values if upwards == (image.origin == "upper") else values[::-1]
    return values if rightwards else values[:, ::-1]


def hot_cell(rows: int, cols: int, row: int, col: int, value: float = 1.0) -> torch.Tensor:
    values = torch.zeros(rows, cols)
    values[row, col] = value
    return values

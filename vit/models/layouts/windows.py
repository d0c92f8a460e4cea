"""Swin Transformers: attention inside windows, which every other block shifts by half a window.

The numbers of the patches go the way that the block sends the patches themselves: rolled, padded, cut into windows.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from vit.attention import Grid, TokenLayout
from vit.models.layouts import Place, Sides, layout


@layout
def swin(place: Place) -> Sides | None:
    """Windows over the grid of the block's stage: ``(windows, heads, window patches, window patches)``."""
    block = place.parent
    if not place.name.startswith("layers.") or not place.name.endswith(".attn"):
        return None
    grid = _stage_grid(place)
    if hasattr(block, "windowing"):  # ours
        window, shift = block.windowing((grid.rows, grid.cols))
    elif hasattr(block, "window_size") and hasattr(block, "shift_size"):  # timm's
        if tuple(block.input_resolution) != (grid.rows, grid.cols):
            return None
        window, shift = tuple(block.window_size), tuple(block.shift_size)
    else:
        return None
    tokens = TokenLayout(grid, (), window_tokens(grid, window, shift))
    return tokens, tokens


def window_tokens(grid: Grid, window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """The patch number in every slot of every window, ``(windows, slots)``; −1 where the grid was padded.

    As Swin does it: roll up and left by the shift, pad below and right to whole windows, cut, windows in raster order.
    """
    numbers = torch.arange(grid.size).reshape(grid.rows, grid.cols)
    numbers = numbers.roll((-shift[0], -shift[1]), dims=(0, 1))
    numbers = F.pad(numbers, (0, -grid.cols % window[1], 0, -grid.rows % window[0]), value=-1)
    down, across = numbers.shape[0] // window[0], numbers.shape[1] // window[1]
    cut = numbers.reshape(down, window[0], across, window[1]).transpose(1, 2)  # (down, across, rows, cols)
    return cut.reshape(down * across, window[0] * window[1])


def _stage_grid(place: Place) -> Grid:
    """Each stage after the first merges 2 × 2 patches, an odd row or column with padding."""
    embedding = place.network.get_submodule("patch_embed")
    rows, cols = _patch_sides(embedding)
    grid = [place.image_size[0] // rows, place.image_size[1] // cols]
    for _ in range(int(place.name.split(".")[1])):
        grid = [-(-side // 2) for side in grid]
    return Grid(*grid)


def _patch_sides(embedding) -> tuple[int, int]:
    sides = embedding.patch_size if hasattr(embedding, "patch_size") else embedding.patch
    return (sides, sides) if isinstance(sides, int) else tuple(sides)

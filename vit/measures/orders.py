"""Orders of patches, and pictures with a part of their patches exchanged: what the truth check is made of."""

import torch
from torch import Tensor
from torch.nn import functional as F

from vit.tokens import Grid


def on_grid(values: Tensor, grid: Grid) -> Tensor:
    """A map ``(rows, cols)`` brought to another grid over the same picture, float64: each patch gets its area's mean.

    To a coarser grid that is an average, to a finer one a repetition, whether one grid divides the other or not.
    """
    down, across = _overlaps(values.shape[0], grid.rows), _overlaps(values.shape[1], grid.cols)
    return down @ values.double() @ across.T


def _overlaps(have: int, want: int) -> Tensor:
    """``(want, have)``: how much of each of ``want`` equal pieces lies in each of ``have``; rows sum to 1."""
    # In units of 1 / (have · want) of the side all edges are whole numbers, so equal values stay exactly equal.
    wanted, held = have * torch.arange(want).unsqueeze(1), want * torch.arange(have)  # where each piece begins
    common = torch.minimum(wanted + have, held + want) - torch.maximum(wanted, held)
    return common.clamp_min(0).double() / have


def random_orders(size: int, count: int, seed: int) -> Tensor:
    """Orders of patches by chance, ``(count, size)``: row by row the same for the same size and seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(size, generator=generator) for _ in range(count)])


def order_of(values: Tensor, tie_breaker: Tensor) -> Tensor:
    """The patches of a map from the highest value to the lowest, ``(rows, cols)`` to ``(size,)``.

    Equal values come in the order of ``tie_breaker``, ``(size,)``, an order by chance: a plain sort would take them
    row by row from the top, and a map with many zeros would look better or worse for where the object stands.
    """
    return tie_breaker[values.flatten()[tie_breaker].argsort(descending=True, stable=True)]


def places(orders: Tensor) -> Tensor:
    """The place of each patch in each order, counted from 0: ``(orders, size)``, the inverse permutations."""
    return orders.argsort(-1)


def patch_of_pixel(grid: Grid, height: int, width: int) -> Tensor:
    """The patch that each pixel belongs to, ``(height, width)``, counted row by row."""
    rows, cols = torch.arange(height) * grid.rows // height, torch.arange(width) * grid.cols // width
    return rows.unsqueeze(1) * grid.cols + cols


def blurred(pixels: Tensor, share: float) -> Tensor:
    """A Gaussian blur of ``(n, 3, height, width)`` whose sigma is a share of the shorter side."""
    side = min(pixels.shape[-2:])
    sigma = share * side
    reach = min(round(2 * sigma) + 1, side - 1)  # pixels to either side; mirrored at the edge, so less than the side
    kernel = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(pixels.shape[1], 1, 1, -1)  # (3, 1, 1, 2 · reach + 1)
    mirrored = F.pad(pixels, [reach] * 4, mode="reflect")
    return F.conv2d(F.conv2d(mirrored, kernel, groups=len(kernel)), kernel.mT, groups=len(kernel))

"""The queries or the keys of a layer: from the numbers that their vectors carry to places on the picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.models.layouts.numbers import LEARNED, MIXED, PADDING, Numbers, Runs
from vit.tokens import Grid, TokenLayout


@dataclass(frozen=True, eq=False)
class Side:
    """The queries or the keys of a layer. Learned ones (a pool's) have no grid of their own."""

    grid: Grid | Runs | None
    names: tuple[str, ...]
    tokens: Tensor  # (windows, slots)

    def layout(self, others: Grid | Runs | None) -> TokenLayout:
        grid, cells = self.grid or others, None
        if isinstance(grid, Runs):
            cells, grid = torch.arange(grid.grid.size) // grid.several, grid.grid
        if grid is None:
            raise ValueError("neither side has a grid")
        return TokenLayout(grid, self.names, self.tokens, cells if isinstance(self.grid, Runs) else None)


def side_of(slots: Tensor, numbers: Numbers) -> Side | None:
    """One side from its numbers ``(windows, slots)``; None where they are not all places of their own."""
    in_order = slots.sort(-1).values
    twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != PADDING)
    if bool((slots == MIXED).any()) or bool(twice.any()):  # two vectors at one place are no places of their own
        return None
    slots = numbers.with_mean(slots)
    learned = slots[slots <= LEARNED].unique().flip(0).tolist()
    names = tuple(numbers.name_of(number) for number in learned)
    grid, places = numbers.place(slots)
    if grid is None and bool((slots >= 0).any()):
        return None
    if isinstance(grid, Grid):
        grid, places = _without_gaps(grid, places)
    tokens = torch.where(slots >= 0, places + len(names), slots)
    for position, number in enumerate(learned):
        tokens = torch.where(slots == number, position, tokens)
    return Side(grid, names, tokens)


def _without_gaps(grid: Grid, places: Tensor) -> tuple[Grid, Tensor]:
    """A side that took every second row and column and left the rest (LeViT) is the coarser grid: cells without gaps.

    ``places`` (windows, slots) in raster order of the grid, negative where there is no patch; the same of the new one.
    """
    patches = places >= 0
    rows, cols = places // grid.cols, places % grid.cols
    steps = _step(rows[patches], grid.rows), _step(cols[patches], grid.cols)
    coarse = Grid(-(-grid.rows // steps[0]), -(-grid.cols // steps[1]))
    if coarse == grid or int(places[patches].unique().numel()) != coarse.size:
        return grid, places
    return coarse, torch.where(patches, rows // steps[0] * coarse.cols + cols // steps[1], places)


def _step(lines: Tensor, count: int) -> int:
    """How far apart the rows (or the columns) that are there lie, if that is even and reaches over all ``count``."""
    there = lines.unique()
    step = int(there[1] - there[0]) if len(there) > 1 else count
    regular = torch.arange(int(there[0]), count, step)
    return step if int(there[0]) < step and torch.equal(there, regular) else 1

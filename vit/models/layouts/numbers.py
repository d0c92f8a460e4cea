"""The numbers that tokens carry while a network is traced, and what becomes of them when tokens are merged.

A patch's number says which grid it belongs to and its place there in raster order. Every grid covers the whole
picture, so a cell of a coarser one stands for a block of a finer one's. Learned tokens (CLS, registers) have numbers
below zero, as has padding; a vector that depends on several places, and so has none, is MIXED.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import Grid

PADDING, MIXED, LEARNED = -1, -2, -10  # learned tokens count down from LEARNED
_SPAN = 1 << 32  # a patch's number is its grid's number times this, plus its place in the grid


@dataclass(frozen=True)
class Runs:
    """A grid whose cells are so many patches each, one after the other in raster order: no blocks."""

    grid: Grid
    several: int


class Numbers:
    """The grids and the learned tokens of one traced run, and the arithmetic of their numbers."""

    def __init__(self) -> None:
        self.grids: list[Grid | Runs] = []
        self.learned: list[str] = []  # names, such as "cls" or "reg1", in the order in which they were met

    def grid(self, rows: int, cols: int) -> Tensor:
        """The numbers of a grid's patches, ``(rows, cols)``."""
        return self._of(Grid(rows, cols), rows * cols).reshape(rows, cols)

    def runs(self, numbers: Tensor, several: int) -> Tensor | None:
        """Every ``several`` of a whole grid's patches in raster order become one: ``(…, patches)`` to fewer."""
        grid, place = self.place(numbers)
        if not isinstance(grid, Grid) or numbers.shape[-1] != grid.size or grid.size % several:
            return None
        if not bool((place == torch.arange(grid.size)).all()):
            return None
        return self._of(Runs(grid, several), grid.size // several).expand(*numbers.shape[:-1], -1)

    def _of(self, grid: Grid | Runs, size: int) -> Tensor:
        if grid not in self.grids:
            self.grids.append(grid)
        return torch.arange(size) + self.grids.index(grid) * _SPAN

    def token(self, name: str) -> int:
        """The number of a learned token."""
        if name not in self.learned:
            self.learned.append(name)
        return LEARNED - self.learned.index(name)

    def name_of(self, number: int) -> str:
        """The name of a learned token."""
        return self.learned[LEARNED - number]

    def with_mean(self, numbers: Tensor) -> Tensor:
        """A vector of the whole picture among vectors of its patches is a token of its own: their mean."""
        whole = self.grid(1, 1).flatten()[0]
        others = (numbers >= 0) & (numbers != whole)
        return torch.where(numbers == whole, self.token("mean"), numbers) if bool(others.any()) else numbers

    def place(self, numbers: Tensor) -> tuple[Grid | Runs | None, Tensor]:
        """The one grid of all patches among the numbers, and their places in it; None if there are none, or several."""
        patches = numbers >= 0
        found = (numbers[patches] // _SPAN).unique()
        if len(found) != 1:
            return None, numbers
        return self.grids[int(found)], torch.where(patches, numbers % _SPAN, numbers)

    def merged(self, numbers: Tensor) -> Tensor:
        """What a mix of the vectors along the last dimension stands for: ``(…, several)`` to ``(…)``.

        One place stays itself. A whole block of patches, such as 2 × 2, is a patch of the grid that has such blocks for
        cells; padding at the picture's edge may be part of it. All else is MIXED.
        """
        if is_constant(numbers, -1):
            return numbers[..., 0]
        mixed = torch.full_like(numbers[..., 0], MIXED)
        patches = numbers >= 0
        grid, place = self.place(numbers)
        if not isinstance(grid, Grid) or not bool((patches | (numbers == PADDING)).all()):
            return mixed
        rows, cols = place // grid.cols, place % grid.cols
        far = max(grid.rows, grid.cols)
        top, bottom = torch.where(patches, rows, far).amin(-1), torch.where(patches, rows, -1).amax(-1)
        left, right = torch.where(patches, cols, far).amin(-1), torch.where(patches, cols, -1).amax(-1)
        tall, wide = int((bottom - top).max()) + 1, int((right - left).max()) + 1  # a block's sides, in patches
        empty = ~patches.any(-1)
        whole = (
            (top % tall == 0) & (left % wide == 0) & (bottom // tall == top // tall) & (right // wide == left // wide)
        )
        if not bool((whole | empty).all()):
            return mixed
        coarse = self.grid(-(-grid.rows // tall), -(-grid.cols // wide))
        inside = torch.where(empty, 0, top // tall * coarse.shape[1] + left // wide)
        return torch.where(empty, PADDING, coarse.flatten()[inside])

    def resampled(self, numbers: Tensor, rows: int, cols: int) -> Tensor | None:
        """After a convolution or pooling: ``(batch, rows, cols)`` numbers on another number of rows and cols.

        Where the sides divide, each new cell is a block of old ones, also inside windows. Where they don't, the whole
        picture in raster order becomes a new grid over the whole picture. None if it is neither.
        """
        batch, high, wide = numbers.shape
        if high % rows == 0 and wide % cols == 0:
            blocks = numbers.reshape(batch, rows, high // rows, cols, wide // cols).transpose(2, 3)
            merged = self.merged(blocks.reshape(batch, rows, cols, -1))
            if not bool((merged == MIXED).any()):
                return merged
        return self.grid(rows, cols).expand(batch, -1, -1) if self._is_picture(numbers) else None

    def _is_picture(self, numbers: Tensor) -> bool:
        """Whether ``(batch, rows, cols)`` numbers are a whole grid in raster order, perhaps with padding around it."""
        patches = (numbers[0] >= 0).nonzero()
        grid, place = self.place(numbers)
        if not isinstance(grid, Grid):
            return False
        (top, left), (bottom, right) = patches.amin(0).tolist(), patches.amax(0).tolist()
        inside = place[:, top : bottom + 1, left : right + 1]
        if inside.shape[1:] != (grid.rows, grid.cols) or int((numbers != PADDING).sum()) != inside.numel():
            return False
        return bool((inside == torch.arange(grid.size).reshape(1, grid.rows, grid.cols)).all())


def is_constant(numbers: Tensor, dim: int) -> bool:
    """Whether all numbers along a dimension are the same."""
    if numbers.shape[dim] <= 1 or numbers.stride(dim) == 0:
        return True
    return bool((numbers == numbers.narrow(dim, 0, 1)).all())


def joined(one: Tensor, other: Tensor) -> Tensor:
    """What a sum of two vectors stands for: the place that both have, or that the only one with a place has."""
    one, other = torch.broadcast_tensors(one, other)
    same = torch.where((one == other) | (other == MIXED), one, MIXED)
    return torch.where(one == MIXED, other, same)


def token_names(parameter: str, count: int) -> list[str]:
    """What learned tokens are called, from the parameter that holds them: "cls_token" is "cls", "reg_token" "reg1" ….

    Some networks keep CLS and DIST in one parameter of two.
    """
    word = parameter.rpartition(".")[2].rstrip("_0123456789")
    short = next((name for part, name in _WORDS.items() if part in word), word.removesuffix("_token"))
    if short == "cls" and count == 2:
        return ["cls", "dist"]
    return [short] if count == 1 and short != "reg" else [f"{short}{i + 1}" for i in range(count)]


_WORDS = {"cls": "cls", "class": "cls", "dist": "dist", "reg": "reg", "storage": "reg"}

"""Where tokens sit on the picture: the grid of patches, and which slot of an attention matrix is which token."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Any

import torch
from torch import Tensor

from vit.errors import MethodError


def whole_number(value: Any) -> int | None:
    """The value as an int if it is a whole number (NumPy's and torch's too), else None. True is no number."""
    if isinstance(value, bool):
        return None
    try:
        return index(value)
    except TypeError:
        return None


@dataclass(frozen=True)
class Grid:
    """The patches of a layer: ``rows`` from top to bottom, ``cols`` from left to right, over the whole picture."""

    rows: int
    cols: int

    @property
    def size(self) -> int:
        return self.rows * self.cols


@dataclass(frozen=True, eq=False)
class TokenLayout:
    """Where the slots of one side of an attention matrix sit.

    ``prefix`` names the tokens that are no patch, in order: ``("cls",)``, ``("cls", "reg1", …)``, ``("pool",)``,
    ``()``.
    ``tokens`` is ``(windows, slots)`` of token numbers: 0 … len(prefix) − 1 are the prefix, then the patches in raster
    order (row by row, left to right); −1 is padding, which is no part of the picture.

    Where a token stands for several patches that are no block of their own (a run of them in raster order), ``cells``
    says of each patch of the grid which one covers it, counted from 0 after the prefix.
    """

    grid: Grid
    prefix: tuple[str, ...]
    tokens: Tensor  # (windows, slots), int64
    cells: Tensor | None = None  # (patches,), int64

    @classmethod
    def whole(cls, grid: Grid, prefix: tuple[str, ...] = ()) -> "TokenLayout":
        """One window that holds every token once, in order: the plain ViT."""
        return cls(grid, prefix, torch.arange(len(prefix) + grid.size).unsqueeze(0))

    @property
    def count(self) -> int:
        """The number of distinct tokens: the prefix and every patch of the grid (or every run of them)."""
        return len(self.prefix) + (self.grid.size if self.cells is None else int(self.cells.max()) + 1)

    @cached_property
    def is_whole(self) -> bool:
        """Whether this is one window with every token once, in order: slots are then the tokens themselves."""
        return self.tokens.shape == (1, self.count) and bool((self.tokens[0] == torch.arange(self.count)).all())

    def token(self, place: Any) -> int:
        """The number of a token, from a prefix name (``"cls"``), a patch ``(row, col)`` or the number itself.

        Rows and columns count from 0. Raises MethodError, naming what is allowed, for a place that isn't there.
        """
        if isinstance(place, str):
            if place not in self.prefix:
                have = ", ".join(self.prefix) or "none"
                raise MethodError(f"There is no token {place!r} in this layer; its tokens beside the patches: {have}.")
            return self.prefix.index(place)
        number = whole_number(place)
        if number is not None:
            if not 0 <= number < self.count:
                raise MethodError(f"Token {number} is not in 0 to {self.count - 1}.")
            return number
        pair = [whole_number(side) for side in place] if isinstance(place, tuple | list) else []
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            raise MethodError(f"{place!r} is no token's name or number, nor a patch (row, column).")
        row, col = pair[0], pair[1]
        if not (0 <= row < self.grid.rows and 0 <= col < self.grid.cols):
            raise MethodError(
                f"Patch (row {row}, column {col}) is outside the grid: "
                f"rows 0 to {self.grid.rows - 1}, columns 0 to {self.grid.cols - 1}."
            )
        patch = row * self.grid.cols + col
        return len(self.prefix) + (patch if self.cells is None else int(self.cells[patch]))

    def patches(self, per_token: Tensor) -> Tensor:
        """The patch part of a vector over tokens, as the grid: ``(tokens,)`` to ``(rows, cols)``."""
        patches = per_token[len(self.prefix) :]
        patches = patches if self.cells is None else patches[self.cells]
        return patches.reshape(self.grid.rows, self.grid.cols)

    def gather(self, per_token: Tensor) -> Tensor:
        """Values of tokens put into their slots: ``(tokens,)`` to ``(windows, slots)``; padding gets 0."""
        if self.is_whole:
            return per_token.unsqueeze(0)
        return per_token[self.tokens.clamp_min(0)] * (self.tokens >= 0)

    def scatter(self, per_slot: Tensor) -> Tensor:
        """Values of slots added up by token: ``(windows, slots)`` to ``(tokens,)``; padding is left out."""
        if self.is_whole:
            return per_slot.squeeze(0)
        real = self.tokens >= 0
        return per_slot.new_zeros(self.count).index_add_(0, self.tokens[real], per_slot[real])


def readout_by_name(prefix: Iterable[str]) -> tuple[str, ...]:
    """The tokens that a classifier usually reads, of those that there are: the pool, CLS and DIST, else all patches."""
    names = set(prefix)
    if "pool" in names:
        return ("pool",)
    return tuple(name for name in ("cls", "dist") if name in names) or ("patches",)

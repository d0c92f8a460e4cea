"""The words of this project: what an attention map is, and where its rows and columns sit on the picture.

Data flows one way: a picture goes through a model, a record holds every layer's attention, a method turns the
record into a heatmap, the renderer draws it. This file holds the words between those steps and imports torch only.
"""

from dataclasses import dataclass, field
from functools import cached_property
from operator import index
from typing import Any

import torch
from torch import Tensor

from vit.errors import CaptureError, MethodError


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


@dataclass(frozen=True, eq=False)
class LayerAttention:
    """The attention of one layer: in every window and head, a row of shares for each query."""

    name: str  # the module's path in the network, such as "blocks.3.attn"
    weights: Tensor  # (windows, heads, queries, keys), float32
    queries: TokenLayout
    keys: TokenLayout
    taken_gradient: Tensor | None = field(default=None, repr=False)  # like weights: ∂(target's logit) / ∂weights

    @property
    def heads(self) -> int:
        return self.weights.shape[1]

    @cached_property
    def sums_to_one(self) -> bool:
        """Whether every row is a row of shares, as a softmax leaves it.

        What multiplies the values may be more than a softmax: heads mixed after it, a gate, a difference of two maps.
        """
        return bool((self.weights >= 0).all()) and bool(((self.weights.sum(-1) - 1).abs() < 1e-3).all())

    @property
    def gradient(self) -> Tensor:
        """∂y/∂weights for the recorded target, ``(windows, heads, queries, keys)``; an error if none was taken."""
        if self.taken_gradient is None:
            raise MethodError(f"Layer {self.name} was recorded without gradients; record it with target=CLASS.")
        return self.taken_gradient

    def rows(self, token: int) -> Tensor:
        """Where one query token looks, by head: ``(heads, key tokens)``. Shares on padding are left out."""
        window, slot = self._slots(self.queries, token)
        shares = self.weights[window, :, slot]  # (times the token is held, heads, keys)
        totals = shares.new_zeros(self.heads, self.keys.count)
        for w, share in zip(window, shares, strict=True):
            real = self.keys.tokens[w] >= 0
            totals.index_add_(1, self.keys.tokens[w][real], share[:, real])
        return totals

    def columns(self, token: int) -> Tensor:
        """Who looks at one key token, by head: ``(heads, query tokens)``."""
        window, slot = self._slots(self.keys, token)
        shares = self.weights[window, :, :, slot]  # (times the token is held, heads, queries)
        totals = shares.new_zeros(self.heads, self.queries.count)
        for w, share in zip(window, shares, strict=True):
            real = self.queries.tokens[w] >= 0
            totals.index_add_(1, self.queries.tokens[w][real], share[:, real])
        return totals

    def _slots(self, layout: TokenLayout, token: int) -> tuple[Tensor, Tensor]:
        window, slot = (layout.tokens == token).nonzero(as_tuple=True)
        if not len(window):
            raise MethodError(f"Token {token} takes no part in the attention of layer {self.name}.")
        return window, slot


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """One picture through one model: every attention layer, in the order in which they ran, and the answer."""

    model: str  # the model's name
    provenance: str  # where the weights are from: "bundled", "hub:…", "file:…", "random"
    layers: tuple[LayerAttention, ...]
    logits: Tensor  # (classes,); what the network puts out for a model without a classifier
    labels: tuple[str, ...]  # one for each class; empty for a model without a classifier
    image_size: tuple[int, int]  # (height, width) in pixels, as the model was fed
    target: int | None = None  # the class whose gradients were taken
    without_map: tuple[str, ...] = ()  # attention layers that have no map over picture tokens

    def __post_init__(self):
        if not self.layers:
            raise CaptureError(f"{self.model} has no attention over picture tokens.")

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"

    def top(self, count: int = 5) -> list[tuple[int, str, float]]:
        """The likeliest classes: (class, label, probability), best first; empty without a classifier."""
        if not self.labels:
            return []
        shares = self.logits.softmax(-1)
        best = shares.topk(min(count, len(shares)))
        return [(c, self.labels[c], p) for p, c in zip(best.values.tolist(), best.indices.tolist(), strict=True)]

    @property
    def bytes(self) -> int:
        """The memory that the maps take."""
        kept = [t for layer in self.layers for t in (layer.weights, layer.taken_gradient) if t is not None]
        return sum(t.numel() * t.element_size() for t in kept)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """What a method says about the picture, on the patch grid, before anything is drawn.

    ``values`` are the method's own numbers up to one positive factor, at least 0 and finite: neither
    stretched nor clipped.
    """

    values: Tensor  # (rows, cols), float32
    method: str  # the method's name
    caption: str  # what is shown, in words: layer, head, query, and what was left out
    model: str = ""
    provenance: str = ""

    def __post_init__(self):
        if self.values.ndim != 2 or not bool(torch.isfinite(self.values).all()):
            raise MethodError(f"{self.method} gave no finite map for this picture.")

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"

"""The words of this project: what an attention map is, and where its rows and columns sit on the picture.

Data flows one way: a picture goes through a model, a record holds every layer's attention, a method turns the
record into a heatmap, the renderer draws it. This file holds the words between those steps and imports torch only.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor

from vit.errors import CaptureError, MethodError
from vit.tokens import Grid as Grid
from vit.tokens import TokenLayout as TokenLayout
from vit.tokens import readout_by_name
from vit.tokens import whole_number as whole_number


class Computed(Protocol):
    """Weights that are computed when they are asked for, from something smaller: a layer's queries and keys."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # (windows, heads, queries, keys)

    @property
    def bytes(self) -> int: ...  # of memory that it holds

    def __call__(self) -> Tensor: ...


@dataclass(frozen=True, eq=False, init=False)
class LayerAttention:
    """The attention of one layer: in every window and head, a row of shares for each query."""

    name: str  # the module's path in the network, such as "blocks.3.attn"
    kept: Tensor | Computed = field(repr=False)  # the weights, or how to compute them
    queries: TokenLayout
    keys: TokenLayout
    taken_gradient: Tensor | None = field(repr=False)  # like weights: ∂(target's logit) / ∂weights
    taken_values: Tensor | None = field(repr=False)  # (windows, heads, keys, width of a value)

    def __init__(
        self,
        name: str,
        weights: Tensor | Computed,
        queries: TokenLayout,
        keys: TokenLayout,
        taken_gradient: Tensor | None = None,
        taken_values: Tensor | None = None,
    ):
        given = (name, weights, queries, keys, taken_gradient, taken_values)
        for each, value in zip(fields(self), given, strict=True):
            object.__setattr__(self, each.name, value)

    @property
    def weights(self) -> Tensor:
        """``(windows, heads, queries, keys)``, float32; where queries and keys are kept, computed anew each time."""
        return self.kept if isinstance(self.kept, Tensor) else self.kept()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights: (windows, heads, queries, keys)."""
        return tuple(self.kept.shape)

    @property
    def heads(self) -> int:
        return self.shape[1]

    @property
    def bytes(self) -> int:
        """The memory that this layer takes."""
        size = 0 if isinstance(self.kept, Tensor) else self.kept.bytes
        return size + sum(_bytes(each) for each in (self.kept, self.taken_gradient, self.taken_values))

    @cached_property
    def sums_to_one(self) -> bool:
        """Whether every row is a row of shares, as a softmax leaves it.

        What multiplies the values may be more than a softmax: heads mixed after it, a gate, a difference of two maps.
        """
        if not isinstance(self.kept, Tensor):
            return True  # only what a fused kernel takes is kept as queries and keys, and that is a softmax
        return bool((self.kept >= 0).all()) and bool(((self.kept.sum(-1) - 1).abs() < 1e-3).all())

    @property
    def gradient(self) -> Tensor:
        """∂y/∂weights for the recorded target, ``(windows, heads, queries, keys)``; an error if none was taken."""
        if self.taken_gradient is None:
            raise MethodError(f"Layer {self.name} was recorded without gradients; record it with target=CLASS.")
        return self.taken_gradient

    @property
    def values(self) -> Tensor:
        """What the weights multiply, ``(windows, heads, keys, width of a value)``; an error if none were kept."""
        if self.taken_values is None:
            raise MethodError(f'Layer {self.name} was recorded without values; record it with keep=("values",).')
        return self.taken_values

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
class LayerFeatures:
    """The tokens as a block leaves them (the residual stream), before any last norm."""

    name: str  # the block's path in the network, such as "blocks.3"
    layer: int  # the number of the block's (last) attention layer in the record
    vectors: Tensor  # (tokens, width), float32, in the order of the layout: the prefix, then the patches
    layout: TokenLayout  # one window with every token once
    taken_gradient: Tensor | None = field(default=None, repr=False)  # like vectors: ∂(target's logit) / ∂vectors

    @property
    def gradient(self) -> Tensor:
        """∂y/∂vectors for the recorded target, ``(tokens, width)``; an error if none was taken."""
        if self.taken_gradient is None:
            raise MethodError(f"Block {self.name} was recorded without gradients; record it with target=CLASS.")
        return self.taken_gradient


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
    readout: tuple[str, ...] = ()  # the tokens that the answer is read from, or "patches"; empty: those by their names
    taken_features: tuple[LayerFeatures, ...] | None = None  # the tokens after each block, if they were kept

    def __post_init__(self):
        if not self.layers:
            raise CaptureError(f"{self.model} has no attention over picture tokens.")
        if not self.readout:
            names = [name for layer in self.layers for name in layer.queries.prefix]
            object.__setattr__(self, "readout", readout_by_name(names))

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
    def features(self) -> tuple[LayerFeatures, ...]:
        """The tokens after each block whose tokens have a place on the picture; an error if they weren't kept."""
        if self.taken_features is None:
            raise MethodError(f'{self.model} was recorded without features; record it with keep=("features",).')
        if not self.taken_features:
            raise MethodError(f"{self.model} has no blocks whose tokens could be followed, so it has no features here.")
        return self.taken_features

    @property
    def bytes(self) -> int:
        """The memory that the record takes."""
        taken = [t for each in self.taken_features or () for t in (each.vectors, each.taken_gradient)]
        return sum(layer.bytes for layer in self.layers) + sum(_bytes(t) for t in taken)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """What a method says about the picture, on the patch grid, before anything is drawn.

    ``values`` are the method's own numbers up to one positive factor, at least 0 and finite: neither
    stretched nor clipped. Where they are ``signed``, a difference of two maps, those below 0 mean something too.
    """

    values: Tensor  # (rows, cols), float32
    method: str  # the method's name
    caption: str  # what is shown, in words: layer, head, query, and what was left out
    model: str = ""
    provenance: str = ""
    signed: bool = False

    def __post_init__(self):
        if self.values.ndim != 2 or not bool(torch.isfinite(self.values).all()):
            raise MethodError(f"{self.method} gave no finite map for this picture.")

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"


def _bytes(tensor: Any) -> int:
    return tensor.numel() * tensor.element_size() if isinstance(tensor, Tensor) else 0

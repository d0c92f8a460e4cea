"""What is known of a network at one picture size before any picture went through."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.tokens import TokenLayout

# How a layer attends that has no map of places to places.
CHANNELS = "between channels"
ONE_SCORE = "one score, whose softmax is always 1"
SUMMED = "tokens summed up first"


@dataclass(frozen=True, eq=False)
class Layer:
    """One attention layer of a network at one picture size, known before any picture went through."""

    name: str  # the module's path, such as "layers.0.blocks.1.attn"
    call: int  # which of the network's products and fused attentions it is, counted from 0
    others: tuple[int, ...]  # further ones, whose matrices are mixed into this layer's one (differential attention)
    transposed: bool  # v · Aᵀ: the matrix is the second factor, and turned
    shape: tuple[int, ...]  # of the matrix as the network has it, (…, queries, keys)
    order: Tensor  # (windows, heads): which of the flattened leading dimensions is which
    queries: TokenLayout
    keys: TokenLayout

    def arranged(self, matrices: Tensor) -> Tensor:
        """The network's own ``(…, queries, keys)`` as ``(windows, heads, queries, keys)``."""
        flat = matrices.reshape(-1, *self.shape[-2:])
        if self.is_in_order:
            return flat.reshape(*self.order.shape, *self.shape[-2:])
        return flat[self.order.flatten()].reshape(*self.order.shape, *self.shape[-2:])

    def arranged_values(self, values: Tensor) -> Tensor:
        """The network's own ``(…, keys, width)`` as ``(windows, heads, keys, width)``."""
        values = values.expand(*self.shape[:-2], *values.shape[-2:])  # one head of values may serve all
        flat = values.reshape(-1, *values.shape[-2:])
        return flat[self.order.flatten()].reshape(*self.order.shape, *values.shape[-2:])

    @property
    def is_in_order(self) -> bool:
        return bool((self.order.flatten() == torch.arange(self.order.numel())).all())


@dataclass(frozen=True, eq=False)
class Stream:
    """Where a network has the tokens as a block leaves them, known before any picture went through."""

    name: str  # the block's path, such as "blocks.3"
    layer: int  # the number of the block's last attention layer
    addition: int  # which of the block's additions makes them, counted from 0
    shape: tuple[int, ...]  # of the result, (…, tokens, width) or (batch, width, rows, cols)
    channels_first: bool
    order: Tensor  # (tokens,): which of the flattened vectors is the token
    layout: TokenLayout

    def arranged(self, result: Tensor) -> Tensor:
        """The network's own result as ``(tokens, width)``."""
        result = result.flatten(2).mT if self.channels_first else result
        return result.reshape(-1, result.shape[-1])[self.order]


@dataclass(frozen=True, eq=False)
class Plan:
    """All attention layers of a network at one picture size, and the modules whose attention has no map."""

    layers: tuple[Layer, ...]
    without: dict[str, str]  # the path of a module that attends without a map, and how: one of the words above
    streams: tuple[Stream, ...]  # the tokens after each block in which they could be followed
    readout: tuple[str, ...]  # the tokens that the answer is read from; "patches" for all patches

"""A row through a model's layers, from the last back to the first: what rollout, relevance and flow have in common."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, TokenLayout
from vit.errors import MethodError


def check_order(record: AttentionRecord) -> None:
    """Raises MethodError, saying why, for a model whose layers don't come one after the other as their record says."""
    if any(".attns." in layer.name for layer in record.layers):
        raise MethodError(
            f"{record.model} has layers side by side, and this method follows layers one after the other."
        )
    for layer in record.layers:
        if ":" in layer.name:
            raise MethodError(
                f"Layer {layer.name.partition(':')[0]} of {record.model} mixes the results of several maps."
            )
        if layer.queries.is_whole:
            continue
        slots = layer.queries.tokens[layer.queries.tokens >= 0]
        if len(slots.unique()) != len(slots):
            raise MethodError(
                f"The windows of layer {layer.name} of {record.model} overlap, so its rows have no order."
            )
    if record.without_map:
        raise MethodError(
            f"{record.model} has attention without a map too ({record.without_map[0]}), which can't be followed."
        )


def check_shares(record: AttentionRecord) -> None:
    """Raises MethodError for a model with a layer whose rows are no shares that sum to 1."""
    for layer in record.layers:
        if not layer.sums_to_one:
            raise MethodError(
                f"What multiplies the values in layer {layer.name} of {record.model} is no softmax: its rows are not "
                "shares that sum to 1, so they can't be passed on. Look at that layer with raw attention."
            )


def drop_lowest(fused: Tensor, share: float) -> Tensor:
    """Sets the lowest ``share`` of all entries of a layer's matrices ``(windows, queries, keys)`` to 0."""
    count = int(share * fused.numel())
    if count == 0:
        return fused
    lowest = fused.flatten().topk(count, largest=False).indices
    return fused.flatten().index_fill(0, lowest, 0.0).reshape(fused.shape)


def carry(shares: Tensor, held: TokenLayout, wanted: TokenLayout) -> Tensor:
    """Shares over the tokens of one layout, ``(tokens,)``, brought to another's: prefix by name, patches by place.

    A patch that stands for n finer ones gives each 1/n, and so does a token that is a run of n patches. A prefix token
    that the other layout lacks takes its share with it. Raises MethodError where one grid is no whole multiple of the
    other.
    """
    if held.grid == wanted.grid and held.prefix == wanted.prefix and held.cells is None:
        return shares
    prefix = shares.new_zeros(len(wanted.prefix))
    for number, name in enumerate(held.prefix):
        if name in wanted.prefix:
            prefix[wanted.prefix.index(name)] = shares[number]
    if wanted.grid.rows % held.grid.rows or wanted.grid.cols % held.grid.cols:
        raise MethodError(
            f"Attention can't be followed from a grid of {held.grid.rows} × {held.grid.cols} patches "
            f"to one of {wanted.grid.rows} × {wanted.grid.cols}: choose a range of layers with one grid."
        )
    down, across = wanted.grid.rows // held.grid.rows, wanted.grid.cols // held.grid.cols
    patches = held.patches(shares)
    if held.cells is not None:
        patches = patches / held.cells.bincount()[held.cells].reshape(patches.shape)
    patches = patches.repeat_interleave(down, 0).repeat_interleave(across, 1) / (down * across)
    return torch.cat([prefix, patches.flatten()])

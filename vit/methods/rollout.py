"""Attention rollout: attention followed through all layers, back to the picture."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, Heatmap, LayerAttention, TokenLayout
from vit.errors import MethodError
from vit.methods import method
from vit.methods.choices import FUSIONS, Query, asking, choose_layer, fuse_heads, left_out


@method("rollout")
def rollout(
    record: AttentionRecord,
    head_fusion: str = "mean",
    discard: float = 0.0,
    residual: float = 0.5,
    first: int = 0,
    last: int = -1,
    query: Query = None,
) -> Heatmap:
    """Where a token looks through a range of layers, if attention passed information on like a flow.

    Formula: ``Â_l = rownorm((1 − residual) · fuse_heads(A_l) + residual · I)``, ``R = Â_last ··· Â_first``, and of R
    the row of the query (without one: of the readout). Abnar & Zuidema 2020, "Quantifying Attention Flow in
    Transformers", https://arxiv.org/abs/2005.00928. Only that row is needed, so a row vector goes through the layers
    from the last to the first, which costs layers × tokens² and not layers × tokens³.

    ``discard`` sets the lowest share of each layer's fused matrix to 0 before its rows are normed again. For windows,
    each window passes on to its own patches, and where a layer has merged n patches, each of them gets 1/n: that is
    our extension of the paper.

    Misleads: it knows neither values nor MLPs, and it is the same for every class.
    """
    if head_fusion not in FUSIONS:
        raise MethodError(f"Rollout fuses all heads: {head_fusion!r} is not one of {', '.join(FUSIONS)}.")
    for name, share in (("discard", discard), ("residual", residual)):
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise MethodError(f"{name}={share!r} is not in 0 to 1.")
    check_layers(record)
    start, _ = choose_layer(record, first)
    end, top = choose_layer(record, last)
    if start > end:
        raise MethodError(f"The range of layers is empty: it starts at layer {start} and ends at layer {end}.")

    layout = top.queries
    shares, words = asking(layout, query, record.readout)  # (tokens,), sums to 1
    for layer in reversed(record.layers[start : end + 1]):
        shares = carry(shares, layout, layer.queries)
        shares, layout = step(layer, shares, head_fusion, discard, residual)
    layers = f"layer {start + 1}" if start == end else f"layers {start + 1} to {end + 1}"
    kept = "" if residual == 0.5 else f", residual {residual:.0%}"
    dropped = "" if discard == 0 else f", lowest {discard:.0%} left out"
    caption = f"rollout of {layers}, {head_fusion} of all heads{kept}{dropped}, {words}{left_out(layout, shares)}"
    return Heatmap(layout.patches(shares), "rollout", caption)


def check_layers(record: AttentionRecord) -> None:
    """Raises MethodError, saying why, for a model whose layers attention can't be followed through."""
    if any(".attns." in layer.name for layer in record.layers):
        raise MethodError(f"{record.model} has layers side by side, and rollout follows layers one after the other.")
    for layer in record.layers:
        if ":" in layer.name:
            raise MethodError(
                f"Layer {layer.name.partition(':')[0]} of {record.model} mixes the results of several maps."
            )
        if not layer.sums_to_one:
            raise MethodError(
                f"What multiplies the values in layer {layer.name} of {record.model} is no softmax: its rows are not "
                "shares that sum to 1, so rollout can't pass them on. Look at that layer with raw attention."
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
            f"{record.model} has attention without a map too ({record.without_map[0]}), which rollout lacks."
        )


def step(
    layer: LayerAttention, shares: Tensor, head_fusion: str, discard: float, residual: float
) -> tuple[Tensor, TokenLayout]:
    """A row vector through one layer: ``shares · Â``, and the layout of the tokens that it is now over.

    Those are the tokens that went into the layer. The query of an attention pool is none of them, so there it has no
    residual part.
    """
    pool = layer.queries.prefix == ("pool",)
    residual = 0.0 if pool else residual
    if head_fusion == "mean" and discard == 0 and layer.queries.is_whole and layer.keys is layer.queries:
        # The plain ViT. Rows of a softmax sum to 1, and so do those of their mean: nothing to norm. The vector times
        # all heads one below the other is the sum over heads: no mean matrix to build. This is what makes it fast.
        below = layer.weights[0].flatten(0, 1).T  # (keys, heads * queries)
        share = (1 - residual) / layer.heads
        return torch.addmv(shares, below, shares.repeat(layer.heads), beta=residual, alpha=share), layer.queries
    fused = fuse_heads(layer, head_fusion) * (layer.keys.tokens >= 0).unsqueeze(1)  # (windows, queries, keys)
    fused = drop_lowest(fused, discard)
    norm = (1 - residual) * fused.sum(-1) + residual  # (windows, queries): what each row sums to
    slots = layer.queries.gather(shares)  # (windows, queries)
    slots = torch.where(norm > 0, slots / norm.clamp_min(1e-30), 0.0)
    attended = layer.keys.scatter((1 - residual) * torch.einsum("wq,wqk->wk", slots, fused))
    if pool:
        return attended, layer.keys
    return carry(attended, layer.keys, layer.queries) + layer.queries.scatter(residual * slots), layer.queries


def drop_lowest(fused: Tensor, share: float) -> Tensor:
    """Sets the lowest ``share`` of all entries of a layer's matrices ``(windows, queries, keys)`` to 0."""
    count = int(share * fused.numel())
    if count == 0:
        return fused
    lowest = fused.flatten().topk(count, largest=False).indices
    return fused.flatten().index_fill(0, lowest, 0.0).reshape(fused.shape)


def carry(shares: Tensor, held: TokenLayout, wanted: TokenLayout) -> Tensor:
    """Shares over the tokens of one layout, ``(tokens,)``, brought to another's: prefix by name, patches by place.

    A patch that stands for n finer ones gives each 1/n. A prefix token that the other layout lacks takes its share
    with it. Raises MethodError where one grid is no whole multiple of the other.
    """
    if held.grid == wanted.grid and held.prefix == wanted.prefix:
        return shares
    prefix = shares.new_zeros(len(wanted.prefix))
    for number, name in enumerate(held.prefix):
        if name in wanted.prefix:
            prefix[wanted.prefix.index(name)] = shares[number]
    if wanted.grid.rows % held.grid.rows or wanted.grid.cols % held.grid.cols:
        raise MethodError(
            f"Rollout can't follow attention from a grid of {held.grid.rows} × {held.grid.cols} patches "
            f"to one of {wanted.grid.rows} × {wanted.grid.cols}: choose a range of layers with one grid."
        )
    down, across = wanted.grid.rows // held.grid.rows, wanted.grid.cols // held.grid.cols
    patches = held.patches(shares).repeat_interleave(down, 0).repeat_interleave(across, 1) / (down * across)
    return torch.cat([prefix, patches.flatten()])

"""Attention rollout: attention followed through all layers, back to the picture."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, Heatmap, LayerAttention, TokenLayout
from vit.methods import method
from vit.methods.choices import Query, asking, check_fusion, check_share, choose_range, fuse_heads, left_out
from vit.methods.follow import carry, check_order, check_shares, drop_lowest


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
    check_fusion(head_fusion)
    check_share("discard", discard)
    check_share("residual", residual)
    check_order(record)
    check_shares(record)
    chosen, layers = choose_range(record, first, last)

    layout = chosen[-1].queries
    shares, words = asking(layout, query, record.readout)  # (tokens,), sums to 1
    for layer in reversed(chosen):
        shares = carry(shares, layout, layer.queries)
        shares, layout = step(layer, shares, head_fusion, discard, residual)
    kept = "" if residual == 0.5 else f", residual {residual:.0%}"
    dropped = "" if discard == 0 else f", lowest {discard:.0%} left out"
    caption = f"rollout of {layers}, {head_fusion} of all heads{kept}{dropped}, {words}{left_out(layout, shares)}"
    return Heatmap(layout.patches(shares), "rollout", caption)


def step(
    layer: LayerAttention, shares: Tensor, head_fusion: str, discard: float, residual: float
) -> tuple[Tensor, TokenLayout]:
    """A row vector through one layer: ``shares · Â``, and the layout of the tokens that it is now over.

    Those are the tokens that went into the layer. The query of an attention pool is none of them, so there it has no
    residual part. A token that does not ask (every patch, where CLS alone looks around) stays as it is.
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
    asks = layer.queries.scatter(torch.ones_like(slots)) > 0  # (tokens,)
    kept = torch.where(asks, layer.queries.scatter(residual * slots), shares)
    return carry(attended, layer.keys, layer.queries) + kept, layer.queries

"""Attention flow: how much attention could reach each patch, if every look were a pipe of its width."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, Heatmap, LayerAttention, TokenLayout
from vit.errors import BudgetError
from vit.methods import method
from vit.methods.choices import Query, asking, check_fusion, check_share, choose_range, fuse_heads
from vit.methods.follow import carry, check_order, check_shares

MOST_EDGES = 500_000  # a ViT-B at 224 px has 465,708
UNIT = 2**30  # SciPy's flows are whole numbers of 32 bits; nothing here exceeds a capacity of 1


@method("attention_flow", slow=True)
def attention_flow(
    record: AttentionRecord,
    head_fusion: str = "mean",
    residual: float = 0.5,
    first: int = 0,
    last: int = -1,
    query: Query = None,
) -> Heatmap:
    """How much could flow from a token back to each patch, if every look in the layers were a pipe of its width.

    Formula: for each patch, the maximum flow from the query (without one: from the readout) to it through a network
    whose pipes have the widths ``Â_l = rownorm((1 − residual) · fuse_heads(A_l) + residual · I)``. Each patch has the
    network to itself. Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers",
    https://arxiv.org/abs/2005.00928. Between layers that merged n patches into one, each of them has a pipe of 1/n: our
    extension, as in rollout.

    SciPy computes it in whole numbers, 2³⁰ for a width of 1. Rounding moves a flow by at most 2⁻³¹ for each pipe of its
    narrowest cut. More than 500,000 pipes are refused (BudgetError), before any work.

    Misleads: the flow is as wide as its narrowest place, often the query's own row or the patch's own residual pipe, so
    many patches come out alike; it knows neither values nor MLPs, and it is the same for every class.
    """
    check_fusion(head_fusion)
    check_share("residual", residual)
    check_order(record)
    check_shares(record)
    chosen, layers = choose_range(record, first, last)
    pipes = sum(layer.shape[0] * layer.shape[2] * layer.shape[3] for layer in chosen)
    if pipes > MOST_EDGES:
        raise BudgetError(
            f"Attention flow through {layers} of {record.model} would have {pipes:,} pipes; at most {MOST_EDGES:,} are "
            "allowed. Choose a smaller range of layers, picture size or model."
        )
    layout = chosen[-1].queries
    shares, words = asking(layout, query, record.readout)
    stages = [shares.unsqueeze(0)]  # each (nodes above, nodes below): the widths of the pipes between them
    for layer in reversed(chosen):
        if (layout.grid, layout.prefix) != (layer.queries.grid, layer.queries.prefix):
            stages.append(carry_matrix(layout, layer.queries))
        widths, layout = pipes_of(layer, head_fusion, residual)
        stages.append(widths)
    flows = maximum_flows(stages)
    kept = "" if residual == 0.5 else f", residual {residual:.0%}"
    caption = f"attention flow through {layers}, {head_fusion} of all heads{kept}, {words}"
    return Heatmap(layout.patches(flows), "attention_flow", caption)


def carry_matrix(held: TokenLayout, wanted: TokenLayout) -> Tensor:
    """``carry`` for every token at once: (tokens held, tokens wanted)."""
    return torch.stack([carry(token, held, wanted) for token in torch.eye(held.count)])


def pipes_of(layer: LayerAttention, head_fusion: str, residual: float) -> tuple[Tensor, TokenLayout]:
    """``Â`` of a layer over the tokens of the picture, (tokens after it, tokens before it), and their layout."""
    fused = fuse_heads(layer, head_fusion)  # (windows, queries, keys)
    query, key = layer.queries.tokens.unsqueeze(2), layer.keys.tokens.unsqueeze(1)
    real = (query >= 0) & (key >= 0)  # (windows, queries, keys)
    matrix = fused.new_zeros(layer.queries.count, layer.keys.count)
    matrix.index_put_((query.expand_as(real)[real], key.expand_as(real)[real]), fused[real], accumulate=True)
    layout = layer.keys
    if layer.queries.prefix != ("pool",):  # the query of a pool is none of the tokens before it
        layout = layer.queries
        if (layout.grid, layout.prefix) != (layer.keys.grid, layer.keys.prefix):
            matrix = matrix @ carry_matrix(layer.keys, layout)
        asks = layout.scatter(torch.ones(layout.tokens.shape)) > 0  # (tokens,)
        mixed = (1 - residual) * matrix + residual * torch.eye(layout.count)
        matrix = torch.where(asks.unsqueeze(1), mixed, torch.eye(layout.count))  # who doesn't ask stays as it is
    return matrix / matrix.sum(1, keepdim=True).clamp_min(1e-30), layout


def maximum_flows(stages: list[Tensor]) -> Tensor:
    """The maximum flow from the one node above the first stage to each node below the last, ``(nodes,)``."""
    from scipy.sparse import csr_array  # takes a third of a second, and only this method needs it
    from scipy.sparse.csgraph import maximum_flow

    starts = [0]
    for stage in stages:
        starts.append(starts[-1] + stage.shape[0])
    count = starts[-1] + stages[-1].shape[1]
    sources, sinks, widths = [], [], []
    for stage, above, below in zip(stages, starts, starts[1:], strict=False):
        whole = (stage.double() * UNIT).round().to(torch.int32)
        rows, cols = whole.nonzero(as_tuple=True)
        sources.append(rows + above)
        sinks.append(cols + below)
        widths.append(whole[rows, cols])
    pairs = (torch.cat(sources).int().numpy(), torch.cat(sinks).int().numpy())
    network = csr_array((torch.cat(widths).numpy(), pairs), shape=(count, count))
    flows = [maximum_flow(network, 0, sink, method="dinic").flow_value for sink in range(starts[-1], count)]
    return torch.tensor([flow / UNIT for flow in flows], dtype=torch.float32)

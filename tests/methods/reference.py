"""The slow way, to check the fast way against: whole matrices over image-wide tokens, in float64."""

import networkx
import torch
from torch import Tensor

from vit.attention import LayerAttention


def dense(layer: LayerAttention, head: int | None = None, of: Tensor | None = None) -> Tensor:
    """A layer's attention as one matrix over all tokens: ``(query tokens, key tokens)``, float64; mean over heads.

    ``of`` are other matrices of its shape, such as its gradient.
    """
    weights = (layer.weights if of is None else of).double()
    weights = weights.mean(1) if head is None else weights[:, head]  # (windows, queries, keys)
    matrix = torch.zeros(layer.queries.count, layer.keys.count, dtype=torch.float64)
    for window in range(weights.shape[0]):
        for i, query in enumerate(layer.queries.tokens[window].tolist()):
            for j, key in enumerate(layer.keys.tokens[window].tolist()):
                if query >= 0 and key >= 0:
                    matrix[query, key] += weights[window, i, j]
    return matrix


def merge_matrix(coarse: tuple[int, int], fine: tuple[int, int]) -> Tensor:
    """Patches of a coarse grid to the finer ones they were merged from: ``(coarse, fine)``, rows sum to 1."""
    matrix = torch.zeros(coarse[0] * coarse[1], fine[0] * fine[1], dtype=torch.float64)
    down, across = fine[0] // coarse[0], fine[1] // coarse[1]
    for row in range(fine[0]):
        for col in range(fine[1]):
            matrix[(row // down) * coarse[1] + col // across, row * fine[1] + col] = 1 / (down * across)
    return matrix


def full_rollout(layers: tuple[LayerAttention, ...], residual: float = 0.5) -> Tensor:
    """``Â_last ··· Â_first`` as a full product: ``(tokens of the last layer, tokens of the first)``, float64."""
    product: Tensor | None = None
    below = None
    for layer in layers:
        mixed = dense(layer)
        if layer.queries.prefix == ("pool",):
            step = mixed / mixed.sum(-1, keepdim=True).clamp_min(1e-12)  # only the pool's row is not empty
        else:
            step = (1 - residual) * mixed + residual * torch.eye(len(mixed), dtype=torch.float64)
            step = step / step.sum(-1, keepdim=True)
        if below is not None and below.grid != layer.keys.grid:
            coarse, fine = layer.keys.grid, below.grid
            step = step @ merge_matrix((coarse.rows, coarse.cols), (fine.rows, fine.cols))
        product = step if product is None else step @ product
        below = layer.queries if layer.queries.prefix != ("pool",) else layer.keys
    assert product is not None
    return product


def for_the_class(layer: LayerAttention, relu_before_mean: bool) -> Tensor:
    """The mean over heads of A ∘ ∂y/∂A, cut off below 0 before or after it: (query tokens, key tokens), float64."""
    total = torch.zeros(layer.queries.count, layer.keys.count, dtype=torch.float64)
    for head in range(layer.heads):
        product = dense(layer, head) * dense(layer, head, layer.gradient)
        total += product.clamp_min(0) if relu_before_mean else product
    return (total / layer.heads).clamp_min(0)


def full_relevance(layers: tuple[LayerAttention, ...], normed: bool = False) -> tuple[Tensor, Tensor]:
    """R as a full product, each ``(tokens of the last layer, tokens of the first)``: all of it, and the I in it.

    ``normed`` is gradient rollout, else relevance.
    """
    count = layers[0].queries.count
    result, stayed = torch.eye(count, dtype=torch.float64), torch.eye(count, dtype=torch.float64)
    below = layers[0].queries
    for layer in layers:
        if below.grid != layer.queries.grid:
            coarse, fine = layer.queries.grid, below.grid
            merge = merge_matrix((coarse.rows, coarse.cols), (fine.rows, fine.cols))
            result, stayed = merge @ result, merge @ stayed
        step = for_the_class(layer, relu_before_mean=not normed)
        pool = layer.queries.prefix == ("pool",)
        sums = step.sum(1, keepdim=True) + (0 if pool else 1)
        factor = 1 / sums.clamp_min(1e-300) if normed else torch.ones_like(sums)
        if pool:
            result, stayed = factor * (step @ result), torch.zeros(len(step), count, dtype=torch.float64)
        else:
            result, stayed = factor * (result + step @ result), factor * stayed
        below = layer.queries
    return result, stayed


def flow_to(layers: tuple[LayerAttention, ...], shares: Tensor, sink: int, residual: float = 0.5) -> float:
    """The maximum flow from the last layer's tokens, fed by ``shares``, to a token before the first; in floats."""
    network: networkx.DiGraph = networkx.DiGraph()

    def pipes(above: int, below: int, widths: Tensor) -> None:
        for i, j in widths.nonzero().tolist():
            network.add_edge((above, i), (below, j), capacity=float(widths[i, j]))

    level = 1
    pipes(0, level, shares.double().unsqueeze(0))
    for layer, lower in zip(reversed(layers), [*reversed(layers[:-1]), None], strict=True):
        widths = dense(layer)
        if layer.queries.prefix != ("pool",):
            widths = (1 - residual) * widths + residual * torch.eye(len(widths), dtype=torch.float64)
        pipes(level, level + 1, widths / widths.sum(1, keepdim=True).clamp_min(1e-300))
        level += 1
        if lower is not None and lower.queries.grid != layer.queries.grid:
            coarse, fine = layer.queries.grid, lower.queries.grid
            pipes(level, level + 1, merge_matrix((coarse.rows, coarse.cols), (fine.rows, fine.cols)))
            level += 1
    if (level, sink) not in network:
        return 0.0
    return networkx.maximum_flow_value(network, (0, 0), (level, sink))

"""The slow way, to check the fast way against: whole matrices over image-wide tokens, in float64."""

import torch
from torch import Tensor

from vit.attention import LayerAttention


def dense(layer: LayerAttention, head: int | None = None) -> Tensor:
    """A layer's attention as one matrix over all tokens: ``(query tokens, key tokens)``, float64; mean over heads."""
    weights = layer.weights.double()
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

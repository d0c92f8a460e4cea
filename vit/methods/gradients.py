"""What the gradient methods share: attention weighted by its gradient, rows of it followed, and the class in words."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention, TokenLayout
from vit.errors import MethodError
from vit.methods.follow import carry


def weighted_attention(record: AttentionRecord, layer: LayerAttention) -> Tensor:
    """``A ∘ ∂y/∂A`` of a layer, ``(windows, heads, queries, keys)``: the weight of each look, times what y owes to it.

    y is the logit of the record's target. Raises MethodError where no gradients were recorded, or they are no numbers.
    """
    product = layer.weights * check_finite(record, layer.name, layer.gradient)
    return product if layer.keys.is_whole else product * (layer.keys.tokens >= 0)[:, None, None]  # no padding


def check_finite(record: AttentionRecord, name: str, gradient: Tensor) -> Tensor:
    """The gradient itself; MethodError if it holds NaN or infinity."""
    if not bool(gradient.isfinite().all()):
        wrong = gradient[~gradient.isfinite()][0].item()
        raise MethodError(
            f"The gradient of class {record.target} at {name} of {record.model} is {wrong}, so no map follows from it: "
            "finite numbers are needed, and the weights or the answer of this model are not."
        )
    return gradient


def likeliest_class(record: AttentionRecord) -> int:
    """The class that the model itself names first; MethodError for a model without a classifier."""
    best = record.top(1)
    if not best:
        raise MethodError(f"{record.model} has no classifier, so there is no class whose map could be shown.")
    return best[0][0]


def class_words(record: AttentionRecord) -> str:
    """The target for a caption: "for tench", by its label."""
    return "" if record.target is None else f"for {record.labels[record.target]}"


def relevance_row(
    layers: Sequence[LayerAttention],
    layout: TokenLayout,
    shares: Tensor,
    matrix_of: Callable[[LayerAttention], Tensor],
    normed: bool,
) -> tuple[Tensor, Tensor, TokenLayout]:
    """A row of ``R = (I + M_last) ··· (I + M_first)``, where each factor's rows are ``normed`` to sum to 1 or not.

    ``matrix_of`` gives a layer's ``M (windows, queries, keys)``, at least 0. Only one row is needed, so a row vector
    goes from the last layer back to the first: layers × tokens² instead of layers × tokens³.

    Returns the row in two parts, each ``(tokens,)``, and the layout they are over: what never left its own token (the
    product of all the I), and all the rest. The query of an attention pool is no token of the picture, so its layer
    has no I. Between layers of different grids the row is carried as in rollout.
    """
    stayed, moved = shares, torch.zeros_like(shares)
    for layer in reversed(layers):
        stayed, moved = carry(stayed, layout, layer.queries), carry(moved, layout, layer.queries)
        pool = layer.queries.prefix == ("pool",)
        matrix = matrix_of(layer)  # (windows, queries, keys)
        if normed:
            sums = layer.queries.scatter(matrix.sum(-1)) + (0.0 if pool else 1.0)  # (tokens,): of each row
            factor = torch.where(sums > 0, 1 / sums, 0.0)
            stayed, moved = stayed * factor, moved * factor
        looking = layer.queries.gather(stayed + moved)  # (windows, queries)
        given = layer.keys.scatter(torch.einsum("wq,wqk->wk", looking, matrix))
        if pool:
            layout, stayed, moved = layer.keys, torch.zeros_like(given), given
        else:
            layout, moved = layer.queries, moved + carry(given, layer.keys, layer.queries)
    return stayed, moved, layout

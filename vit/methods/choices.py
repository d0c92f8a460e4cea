"""What several methods let a person choose: a layer, a head or a fusion of heads, and the token that asks."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention, TokenLayout, whole_number
from vit.errors import MethodError

Query = str | int | tuple[int, int] | None  # a prefix name, a token's number, a patch (row, col); None: the readout
Head = int | str  # a head's number from 0, or "mean", "max", "min" over all heads

FUSIONS = ("mean", "max", "min")


def choose_layer(record: AttentionRecord, number: int) -> tuple[int, LayerAttention]:
    """A layer by its number from 0; negative numbers count from the end, as in a Python list."""
    count = len(record.layers)
    whole = whole_number(number)
    if whole is None or not -count <= whole < count:
        raise MethodError(f"Layer {number!r} is not in 0 to {count - 1}.")
    return whole % count, record.layers[whole]


def fuse_heads(layer: LayerAttention, head: Head) -> Tensor:
    """One matrix a window, ``(windows, queries, keys)``: a head's own, or the mean, max or min over all heads."""
    if head == "mean":
        return layer.weights.mean(1)
    if head == "max":
        return layer.weights.amax(1)
    if head == "min":
        return layer.weights.amin(1)
    number = whole_number(head)
    if number is not None and 0 <= number < layer.heads:
        return layer.weights[:, number]
    raise MethodError(f"Head {head!r} is not in 0 to {layer.heads - 1}, nor one of {', '.join(FUSIONS)}.")


def head_words(head: Head) -> str:
    return f"{head} of all heads" if isinstance(head, str) else f"head {head + 1}"


def asking(layout: TokenLayout, query: Query, readout: tuple[str, ...]) -> tuple[Tensor, str]:
    """Who asks: shares of the query tokens that sum to 1, ``(tokens,)``, and in words for the caption.

    Without a query it is the record's readout, the token (or tokens) that the classifier reads: CLS, the mean of CLS
    and DIST for a distilled DeiT, the query of an attention pool, or all patches. A layer that those tokens take no
    part in is read as the mean over all its patches.
    """
    shares = torch.zeros(layout.count)
    if query is not None:
        token = layout.token(query)
        if not bool((layout.tokens == token).any()):
            have = ", ".join(name.upper() for name in layout.prefix)
            raise MethodError(f"In this layer only {have} asks; choose another layer for {token_words(layout, token)}.")
        shares[token] = 1.0
        return shares, f"from {token_words(layout, token)}"
    if int(layout.tokens.max()) < len(layout.prefix) and not set(readout) <= set(layout.prefix):
        readout = layout.prefix  # no patch asks in this layer
    if set(readout) <= set(layout.prefix):
        shares[[layout.token(name) for name in readout]] = 1.0 / len(readout)
        names = [name.upper() for name in readout]
        if readout == ("pool",):
            return shares, "from the pool's query"
        return shares, f"from {names[0]}" if len(names) == 1 else f"from the mean of {' and '.join(names)}"
    shares[len(layout.prefix) :] = 1.0 / (layout.count - len(layout.prefix))
    return shares, "from the mean of all patches"


def token_words(layout: TokenLayout, token: int) -> str:
    """A token for a caption: "CLS", or "the patch in row 3, column 8" (counted from 1)."""
    if token < len(layout.prefix):
        return layout.prefix[token].upper()
    row, col = divmod(token - len(layout.prefix), layout.grid.cols)
    return f"the patch in row {row + 1}, column {col + 1}"


def left_out(layout: TokenLayout, per_token: Tensor) -> str:
    """For the caption: the share that fell on tokens which are no patch, and so is not on the picture."""
    total, prefix = float(per_token.sum()), float(per_token[: len(layout.prefix)].sum())
    if prefix <= 0 or total <= 0:
        return ""
    return f" · {100 * prefix / total:.1f}% on {', '.join(n.upper() for n in layout.prefix)} not shown"

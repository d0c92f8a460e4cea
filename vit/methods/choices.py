"""What several methods let a person choose: a layer, a head or a fusion of heads, and the token that asks."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention, TokenLayout, whole_number
from vit.errors import MethodError

Query = str | int | tuple[int, int] | None  # a prefix name, a token's number, a patch (row, col); None: the readout
Head = int | str  # a head's number from 0, or "mean", "max", "min" over all heads

FUSIONS = ("mean", "max", "min")
PARTS = ("positive", "negative")


def choose_layer(record: AttentionRecord, number: int) -> tuple[int, LayerAttention]:
    """A layer by its number from 0; negative numbers count from the end, as in a Python list."""
    count = len(record.layers)
    whole = whole_number(number)
    if whole is None or not -count <= whole < count:
        raise MethodError(f"Layer {number!r} is not in 0 to {count - 1}.")
    return whole % count, record.layers[whole]


def choose_range(record: AttentionRecord, first: int, last: int) -> tuple[tuple[LayerAttention, ...], str]:
    """The layers from ``first`` to ``last``, both included, and in words for the caption: "layers 2 to 9"."""
    start, _ = choose_layer(record, first)
    end, _ = choose_layer(record, last)
    if start > end:
        raise MethodError(f"The range of layers is empty: it starts at layer {start} and ends at layer {end}.")
    words = f"layer {start + 1}" if start == end else f"layers {start + 1} to {end + 1}"
    return record.layers[start : end + 1], words


def check_share(name: str, share: float) -> None:
    """Raises MethodError unless the option of this name is a number from 0 to 1."""
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise MethodError(f"{name}={share!r} is not in 0 to 1.")


def check_switch(name: str, switch: bool) -> None:
    """Raises MethodError unless the option of this name is yes or no; 1 and 0 say so too."""
    if switch not in (True, False):
        raise MethodError(f"{name}={switch!r} is not one of: True, False (or 1, 0).")


def check_fusion(head_fusion: str) -> None:
    """Raises MethodError unless it is a fusion of all heads."""
    if head_fusion not in FUSIONS:
        raise MethodError(f"This method fuses all heads: {head_fusion!r} is not one of {', '.join(FUSIONS)}.")


def fuse_heads(layer: LayerAttention, head: Head) -> Tensor:
    """One matrix a window, ``(windows, queries, keys)``: a head's own, or the mean, max or min over all heads."""
    return fuse(layer.weights, head)


def fuse(matrices: Tensor, head: Head) -> Tensor:
    """The same of any matrices of a layer: ``(windows, heads, queries, keys)`` to ``(windows, queries, keys)``."""
    if head == "mean":
        return matrices.mean(1)
    if head == "max":
        return matrices.amax(1)
    if head == "min":
        return matrices.amin(1)
    number, heads = whole_number(head), matrices.shape[1]
    if number is not None and 0 <= number < heads:
        return matrices[:, number]
    raise MethodError(f"Head {head!r} is not in 0 to {heads - 1}, nor one of {', '.join(FUSIONS)}.")


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
    read = readers(layout, readout)
    if read:
        shares[[layout.token(name) for name in read]] = 1.0 / len(read)
        names = [name.upper() for name in read]
        if read == ("pool",):
            return shares, "from the pool's query"
        return shares, f"from {names[0]}" if len(names) == 1 else f"from the mean of {' and '.join(names)}"
    shares[len(layout.prefix) :] = 1.0 / (layout.count - len(layout.prefix))
    return shares, "from the mean of all patches"


def readers(layout: TokenLayout, readout: tuple[str, ...]) -> tuple[str, ...]:
    """The prefix tokens that stand for a record's readout in one layer; none where it is all patches."""
    if set(readout) <= set(layout.prefix):
        return readout
    no_patch_asks = int(layout.tokens.max()) < len(layout.prefix)
    return layout.prefix if no_patch_asks else ()


def token_words(layout: TokenLayout, token: int) -> str:
    """A token for a caption: "CLS", or "the patch in row 3, column 8" (counted from 1)."""
    if token < len(layout.prefix):
        return layout.prefix[token].upper()
    patch, what = token - len(layout.prefix), "the patch"
    if layout.cells is not None:
        patch, what = int((layout.cells == patch).nonzero()[0]), "the run of patches that starts"
    row, col = divmod(patch, layout.grid.cols)
    return f"{what} in row {row + 1}, column {col + 1}"


def weights_words(layer: LayerAttention) -> str:
    """For the caption: says so where a layer's rows are no shares that sum to 1."""
    return "" if layer.sums_to_one else " · what multiplies the values, not a softmax"


def one_part(per_token: Tensor, part: str) -> tuple[Tensor, str]:
    """A map's part of one sign, at least 0, and words for the caption, which also say how much is not shown.

    Where mixed heads or a difference of two maps multiply the values, weights may be below zero. A map without such
    weights stays as it is, and has nothing for a negative part.
    """
    if part not in PARTS:
        raise MethodError(f"part={part!r} is not one of: {', '.join(PARTS)}.")
    above, below = per_token.clamp_min(0), (-per_token).clamp_min(0)
    if not bool((below > 0).any()):
        return (per_token, "") if part == "positive" else (below, " · negative part, of which there is none")
    shown, hidden = (above, below) if part == "positive" else (below, above)
    missing = float(hidden.sum()) / float(per_token.abs().sum())
    return shown, f" · {part} part, {100 * missing:.1f}% has the other sign and is not shown"


def left_out(layout: TokenLayout, per_token: Tensor) -> str:
    """For the caption: the share that fell on tokens which are no patch, and so is not on the picture."""
    total, prefix = float(per_token.sum()), float(per_token[: len(layout.prefix)].sum())
    if prefix <= 0 or total <= 0:
        return ""
    return f" · {100 * prefix / total:.1f}% on {', '.join(n.upper() for n in layout.prefix)} not shown"

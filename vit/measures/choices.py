"""What several measures ask of a record: layers whose rows are shares, and the block that holds a layer."""

from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention, LayerFeatures, whole_number
from vit.errors import MethodError

_MASKED = 1e-30  # e^-100 is 4e-44; scores that a network computes are never so far apart in all heads


def check_shares(record: AttentionRecord, layer: LayerAttention, what: str) -> None:
    """MethodError where rows are no shares: ``what`` is then not defined."""
    if not layer.sums_to_one:
        raise MethodError(
            f"What multiplies the values in layer {layer.name} of {record.model} is no softmax: its rows are not "
            f"shares that sum to 1, so {what} isn't defined for them."
        )


def in_reach(layer: LayerAttention, weights: Tensor) -> Tensor:
    """Which keys each query may look at, ``(windows, queries, keys)``, 0 or 1.

    A shifted window holds patches of two edges of the picture, and a mask keeps them apart. A record has no masks, but
    a mask of −100 leaves no head a share that could be told from 0: where there are several windows, a pair without
    any is out of reach.
    """
    if weights.shape[0] == 1:
        return weights.new_ones(weights[:, 0].shape)
    return (weights.amax(1) > _MASKED).float()


def block_of(record: AttentionRecord, layer: int) -> LayerFeatures:
    """The tokens after the block that holds an attention layer; −1 is the last block, −2 the one before.

    A block may hold several attention layers, and a pool after the last block belongs to none: then MethodError.
    """
    blocks = record.features
    number = whole_number(layer)
    if number is not None and -len(blocks) <= number < 0:
        return blocks[number]
    held = [] if number is None or number < 0 else [block for block in blocks if block.layer >= number]
    if not held:
        raise MethodError(f"Layer {layer!r} is in no block: choose 0 to {blocks[-1].layer}, or −{len(blocks)} to −1.")
    return held[0]


def check_number(name: str, value: object, lowest: float) -> float:
    """A number of at least ``lowest``, or MethodError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value < float("inf"):
        raise MethodError(f"{name}={value!r} is no number of at least {lowest:g}.")
    return float(value)

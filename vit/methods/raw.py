"""Raw attention: one layer's own matrix, as it is."""

import torch

from vit.attention import AttentionRecord, Heatmap
from vit.errors import MethodError
from vit.methods import method
from vit.methods.choices import (
    Head,
    Query,
    asking,
    choose_layer,
    fuse_heads,
    head_words,
    left_out,
    one_part,
    weights_words,
)


@method("raw")
def raw(
    record: AttentionRecord,
    layer: int = -1,
    head: Head = "mean",
    query: Query = None,
    direction: str = "to",
    part: str = "positive",
) -> Heatmap:
    """Where a token looks in one layer, by one head or by all of them fused.

    Formula: the query's row of A, without its prefix columns; with ``direction="by"`` the query's column instead:
    who looks at it. Without a ``query``, the row of the readout (for "by", its column).
    What multiplies the values may be below zero in a few families (CaiT mixes heads after the softmax): ``part`` says
    whether the map's "positive" values are shown or its "negative" ones, with their sign turned.

    Misleads: a row says what a head *reads*, not what the class owes to it; later layers read tokens that have
    already been mixed, so a patch's row is no longer about that patch of the picture alone.
    """
    number, chosen = choose_layer(record, layer)
    matrix = fuse_heads(chosen, head)  # (windows, queries, keys)
    if direction == "to":
        asked_of, answered_on = chosen.queries, chosen.keys
    elif direction == "by":
        asked_of, answered_on = chosen.keys, chosen.queries
        matrix = matrix.transpose(1, 2)
    else:
        raise MethodError(f"direction={direction!r} is not one of: to, by.")
    shares, words = asking(asked_of, query, record.readout)
    per_token = answered_on.scatter(torch.einsum("wq,wqk->wk", asked_of.gather(shares), matrix))
    if direction == "by":
        words = words.replace("from ", "to ", 1)
    per_token, part_words = one_part(per_token, part)
    caption = f"attention of layer {number + 1}, {head_words(head)}, {words}{weights_words(chosen)}{part_words}"
    caption += left_out(answered_on, per_token)
    return Heatmap(answered_on.patches(per_token), "raw", caption)

"""Attention received: how much all tokens together look at each patch."""

import torch

from vit.attention import AttentionRecord, Heatmap
from vit.methods import method
from vit.methods.choices import Head, choose_layer, fuse_heads, head_words, left_out, one_part, weights_words


@method("received")
def received(record: AttentionRecord, layer: int = -1, head: Head = "mean", part: str = "positive") -> Heatmap:
    """How much each patch is looked at, on average over all query tokens of a layer.

    Formula: the mean over the rows of A, so that an evenly looking layer gives 1/tokens everywhere.
    Of means below zero, where the rows are no softmax's, ``part="negative"`` shows the size.

    Misleads: "sinks", patches that many tokens look at for want of anything better, stand out most (Darcet et al.
    2024, "Vision Transformers Need Registers", https://arxiv.org/abs/2309.16588).
    """
    number, chosen = choose_layer(record, layer)
    asking = chosen.queries.tokens[chosen.queries.tokens >= 0].unique()  # of a pool, its one query only
    everyone = torch.zeros(chosen.queries.count)
    everyone[asking] = 1.0 / len(asking)
    shares = chosen.queries.gather(everyone)  # (windows, queries)
    per_token = chosen.keys.scatter(torch.einsum("wq,wqk->wk", shares, fuse_heads(chosen, head)))
    per_token, part_words = one_part(per_token, part)
    caption = f"attention received in layer {number + 1}, {head_words(head)}{weights_words(chosen)}{part_words}"
    caption += left_out(chosen.keys, per_token)
    return Heatmap(chosen.keys.patches(per_token), "received", caption)

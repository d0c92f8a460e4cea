"""Gradient × attention: of one layer's looks, those that the class owes something to."""

import torch

from vit.attention import AttentionRecord, Heatmap
from vit.methods import method
from vit.methods.choices import Head, Query, asking, choose_layer, fuse, head_words, left_out
from vit.methods.gradients import class_words, weighted_attention


@method("gradient_attention", needs=("gradients",))
def gradient_attention(record: AttentionRecord, layer: int = -1, head: Head = "mean", query: Query = None) -> Heatmap:
    """Where a token looks in one layer, as far as the class's score would fall without it.

    Formula: the query's row of ``(A ∘ ∂y/∂A)⁺``, y the logit of the class: the part of each look that speaks for it, by
    one head or fused over heads after the ⁺. Without a ``query``, the row of the readout. Source: one layer of Chefer
    et al. 2021, "Generic Attention-model Explainability", https://arxiv.org/abs/2103.15679, equation 5.

    Misleads: a gradient tells of small changes only; where the softmax is saturated it is near 0 although the look
    matters. What speaks against the class is cut off. In an early layer, the patches have yet to meet each other.
    """
    number, chosen = choose_layer(record, layer)
    matrix = fuse(weighted_attention(record, chosen).clamp_min(0), head)  # (windows, queries, keys)
    shares, words = asking(chosen.queries, query, record.readout)
    per_token = chosen.keys.scatter(torch.einsum("wq,wqk->wk", chosen.queries.gather(shares), matrix))
    caption = (
        f"gradient × attention {class_words(record)}, layer {number + 1}, {head_words(head)}, {words}"
        f"{left_out(chosen.keys, per_token)}"
    )
    return Heatmap(chosen.keys.patches(per_token), "gradient_attention", caption)

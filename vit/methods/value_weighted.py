"""Value-weighted attention: not how much a token looks, but how much it carries away."""

import torch

from vit.attention import AttentionRecord, Heatmap
from vit.errors import MethodError
from vit.methods import method
from vit.methods.choices import Head, Query, asking, choose_layer, fuse, head_words, left_out


@method("value_weighted", needs=("values",))
def value_weighted(record: AttentionRecord, layer: int = -1, head: Head = "mean", query: Query = None) -> Heatmap:
    """How long the vectors are that a token takes from each patch in one layer.

    Formula: the query's row of ``‖A[q, k] · v_k‖ = |A[q, k]| · ‖v_k‖``, by one head or fused over heads. Without a
    ``query``, the row of the readout. Kobayashi et al. 2020, "Attention is Not Only a Weight",
    https://arxiv.org/abs/2004.10102; theirs also sends v_k through the layer's output projection, ours stops before it.

    Misleads: long vectors from several patches can point against each other and cancel; and what the layer carries,
    the MLP and later layers may undo. It is the same for every class.
    """
    number, chosen = choose_layer(record, layer)
    lengths = chosen.values.norm(dim=-1)  # (windows, heads, keys)
    if not bool(lengths.isfinite().all()):
        raise MethodError(f"The values of layer {chosen.name} of {record.model} are no finite numbers.")
    matrix = fuse(chosen.weights.abs() * lengths.unsqueeze(2), head)  # (windows, queries, keys)
    shares, words = asking(chosen.queries, query, record.readout)
    per_token = chosen.keys.scatter(torch.einsum("wq,wqk->wk", chosen.queries.gather(shares), matrix))
    caption = (
        f"length of what is carried in layer {number + 1}, {head_words(head)}, {words}"
        f"{left_out(chosen.keys, per_token)}"
    )
    return Heatmap(chosen.keys.patches(per_token), "value_weighted", caption)

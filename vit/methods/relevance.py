"""Relevance: what the class's score owes to each patch, through all layers."""

from vit.attention import AttentionRecord, Heatmap
from vit.methods import method
from vit.methods.choices import Query, asking, check_switch, choose_range, left_out
from vit.methods.follow import check_order
from vit.methods.gradients import class_words, relevance_row, weighted_attention


@method("relevance", needs=("gradients",))
def relevance(
    record: AttentionRecord, first: int = 0, last: int = -1, query: Query = None, identity: bool = False
) -> Heatmap:
    """How much the score of a class owes to each patch, followed through a range of layers.

    Formula: ``R = I``, then for each layer l from the first to the last ``R ← R + mean_h((A_l ∘ ∂y/∂A_l)⁺) · R``, y the
    logit of the class, each gradient with its own layer; of R the row of the query (without one: of the readout).
    Chefer, Gur & Wolf 2021 (ICCV), "Generic Attention-model Explainability for Interpreting Bi-Modal and
    Encoder-Decoder Transformers", https://arxiv.org/abs/2103.15679. No row is normed. Windows, pools and merged patches
    are passed through as in rollout: our extension.

    The product of all the I keeps each token with itself. For CLS or a pool it is not on the picture; for the mean of
    all patches it is one constant everywhere, which no order of patches depends on, but so large that the eye sees
    little else. So it is left out, and the caption says so; ``identity=True`` leaves it in.

    Misleads: what speaks against the class is cut off in every layer, MLPs and values are left out, and a large
    product of many gradients isn't a share of anything: compare patches, not models.
    """
    check_switch("identity", identity)
    check_order(record)
    chosen, layers = choose_range(record, first, last)
    shares, words = asking(chosen[-1].queries, query, record.readout)
    stayed, moved, layout = relevance_row(
        chosen,
        chosen[-1].queries,
        shares,
        lambda layer: weighted_attention(record, layer).clamp_min(0).mean(1),
        normed=False,
    )
    per_token = moved + stayed if identity else moved
    without = "" if identity or not bool(layout.patches(stayed).any()) else ", without the identity"
    caption = f"relevance {class_words(record)}{without}, {layers}, {words}{left_out(layout, moved)}"
    return Heatmap(layout.patches(per_token), "relevance", caption)

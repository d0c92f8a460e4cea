"""Gradient rollout: attention rollout over those looks only that speak for a class."""

from vit.attention import AttentionRecord, Heatmap
from vit.methods import method
from vit.methods.choices import Query, asking, check_share, check_switch, choose_range, left_out
from vit.methods.follow import check_order, drop_lowest
from vit.methods.gradients import class_words, relevance_row, weighted_attention


@method("gradient_rollout", needs=("gradients",))
def gradient_rollout(
    record: AttentionRecord,
    discard: float = 0.0,
    first: int = 0,
    last: int = -1,
    query: Query = None,
    identity: bool = False,
) -> Heatmap:
    """Where a token looks through a range of layers, each look weighted by what it does for a class.

    Formula: ``Â_l = rownorm(drop(mean_h(A_l ∘ ∂y/∂A_l)⁺) + I)``, ``R = Â_last ··· Â_first``, y the logit of the class,
    each gradient with its own layer; of R the row of the query (without one: of the readout). ``discard`` sets the
    lowest share of each layer's matrix to 0. Source: J. Gildenblat, https://github.com/jacobgil/vit-explain, whose
    own default is ``discard=0.9``. Windows, pools and merged patches are passed through as in rollout: our extension.

    What the product of the I keeps on its own token is left out unless ``identity=True``, as in relevance. It is large
    but no constant here, since rows are normed: where all patches are read, patches come in another order with it.

    Misleads: heads are averaged before the negative part is cut, so heads that disagree cancel; gradients are mostly
    small against I, so the map is nearly a sum over layers; and it knows neither values nor MLPs.
    """
    check_share("discard", discard)
    check_switch("identity", identity)
    check_order(record)
    chosen, layers = choose_range(record, first, last)
    shares, words = asking(chosen[-1].queries, query, record.readout)
    stayed, moved, layout = relevance_row(
        chosen,
        chosen[-1].queries,
        shares,
        lambda layer: drop_lowest(weighted_attention(record, layer).mean(1).clamp_min(0), discard),
        normed=True,
    )
    per_token = moved + stayed if identity else moved
    dropped = "" if discard == 0 else f", lowest {discard:.0%} left out"
    dropped += "" if identity or not bool(layout.patches(stayed).any()) else ", without the identity"
    caption = f"gradient rollout {class_words(record)}, {layers}{dropped}, {words}{left_out(layout, moved)}"
    return Heatmap(layout.patches(per_token), "gradient_rollout", caption)

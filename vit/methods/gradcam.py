"""Grad-CAM: the patches whose features point where the class's score rises."""

from vit.attention import AttentionRecord, Heatmap, LayerFeatures
from vit.errors import MethodError
from vit.methods import method
from vit.methods.choices import choose_layer
from vit.methods.gradients import check_finite, class_words


@method("gradcam", needs=("gradients", "features"))
def gradcam(record: AttentionRecord, layer: int | None = None) -> Heatmap:
    """Which patches' features, as a block leaves them, point the way in which the score of a class rises.

    Formula: ``(Σ_c α_c · x[t, c])⁺`` for the patch t, with ``α_c`` the mean over all patches of ``∂y/∂x[t, c]``, y the
    logit of the class. Selvaraju et al. 2017, "Grad-CAM", https://arxiv.org/abs/1610.02391. Windows don't hinder it.

    ``layer`` chooses the block by its attention layer. Without it, these are the last features whose patches still
    reach the answer. A classifier that reads the mean of all patches, or a pool, reads the last block's. One that
    reads CLS reads only CLS of the last block: patches last reach it as they go into that block, so there it is the
    block before.

    Misleads: one α for all patches stems from networks whose last step is a mean; under attention a channel can count
    for one patch and not for another. Late patches have met all others, so a warm patch needn't be the thing itself.
    """
    block = _last_reaching(record) if layer is None else _block_of(record, choose_layer(record, layer)[0])
    vectors, gradient = block.vectors, check_finite(record, block.name, block.gradient)  # (tokens, width)
    if not bool(vectors.isfinite().all()):
        raise MethodError(f"The features of {block.name} of {record.model} are no finite numbers.")
    prefix = len(block.layout.prefix)
    if not bool(gradient[prefix:].any()):
        raise MethodError(
            f"After {block.name} no patch reaches the answer of {record.model} for class {record.target}: it reads "
            "other tokens there. Choose an earlier layer, or none."
        )
    channels = gradient[prefix:].mean(0)  # (width,)
    per_token = (vectors @ channels).clamp_min(0)
    caption = f"Grad-CAM {class_words(record)}, features after layer {block.layer + 1}"
    return Heatmap(block.layout.patches(per_token), "gradcam", caption)


def _last_reaching(record: AttentionRecord) -> LayerFeatures:
    for block in reversed(record.features):
        if bool(block.gradient[len(block.layout.prefix) :].any()):  # NaN counts too, and is refused by the caller
            return block
    raise MethodError(
        f"In {record.model} no block's patches reach the answer for class {record.target}, so there is no map."
    )


def _block_of(record: AttentionRecord, layer: int) -> LayerFeatures:
    """The block that holds this attention layer: features are kept at the end of each block."""
    for block in record.features:
        if block.layer >= layer:
            return block
    raise MethodError(
        f"Layer {layer} of {record.model} stands after its last block, so it leaves no patches: choose a layer of "
        f"0 to {record.features[-1].layer}."
    )

from dataclasses import replace

import pytest
import torch

from tests.families import FAMILIES, WINDOWED, photo, tiny_model
from tests.methods.by_hand import record_of
from vit.attention import LayerFeatures
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain

EVEN = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]


def record_with(*blocks: tuple[list[list[float]], list[list[float]]]):
    """A record of as many layers as blocks: each a pair of features and gradients, over CLS and two patches."""
    record = record_of(*[[EVEN]] * len(blocks), gradients=[[EVEN]] * len(blocks))
    layout = record.layers[0].queries
    features = [
        LayerFeatures(f"blocks.{n}", n, torch.tensor(vectors), layout, torch.tensor(gradient))
        for n, (vectors, gradient) in enumerate(blocks)
    ]
    return replace(record, taken_features=tuple(features))


CLS_ONLY = [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]


def test_worked_out_by_hand():
    # The mean over the two patches: α = (1, −1), whatever CLS has. Patch 1: 3 − 1 = 2. Patch 2: 1 − 4 < 0, cut off.
    block = ([[9.0, 9.0], [3.0, 1.0], [1.0, 4.0]], [[50.0, 50.0], [2.0, 0.0], [0.0, -2.0]])
    heat = explain(record_with(block), "gradcam")
    assert heat.values.tolist() == [[2.0, 0.0]]
    assert heat.caption == "Grad-CAM for b, features after layer 1"


def test_where_only_cls_is_read_it_takes_what_goes_into_the_last_block():
    reaching = ([[9.0, 9.0], [3.0, 1.0], [1.0, 4.0]], [[50.0, 50.0], [2.0, 0.0], [0.0, -2.0]])
    record = record_with(reaching, ([[1.0, 1.0]] * 3, CLS_ONLY))
    assert explain(record, "gradcam").values.tolist() == [[2.0, 0.0]]
    assert "features after layer 1" in explain(record, "gradcam").caption
    with pytest.raises(MethodError, match=r"After blocks.1 no patch reaches the answer .* Choose an earlier layer"):
        explain(record, "gradcam", layer=1)
    with pytest.raises(MethodError, match="no block's patches reach"):
        explain(record_with(([[1.0, 1.0]] * 3, CLS_ONLY)), "gradcam")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_it_equals_the_slow_one(family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size), target=4, keep=("features",))
    block = record.features[0]
    vectors, gradient, prefix = block.vectors.double(), block.gradient.double(), len(block.layout.prefix)
    patches = range(prefix, len(vectors))
    expected = []
    for patch in patches:
        total = 0.0
        for channel in range(vectors.shape[1]):
            weight = sum(float(gradient[other, channel]) for other in patches) / len(patches)
            total += weight * float(vectors[patch, channel])
        expected.append(max(total, 0.0))
    heat = explain(record, "gradcam", layer=0)
    assert heat.values.flatten().tolist() == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_block_is_the_last_whose_patches_reach_the_answer(family):
    record = record_attention(tiny_model(family), photo(), target=4, keep=("features",))
    reads_patches = family in (*WINDOWED, "siglip", "beit", "eva02")  # a mean of them, or a pool of them
    last = record.features[-1 if reads_patches else -2].layer
    assert explain(record, "gradcam").caption.endswith(f"features after layer {last + 1}")


def test_a_layer_that_is_not_there_is_a_sentence():
    record = record_attention(tiny_model("siglip"), photo(), target=4, keep=("features",))
    with pytest.raises(MethodError, match="Layer 3 is not in 0 to 2"):
        explain(record, "gradcam", layer=3)
    with pytest.raises(MethodError, match="Layer 2 of .* after its last block.*0 to 1"):
        explain(record, "gradcam", layer=2)


def test_what_was_not_recorded_is_a_sentence():
    with pytest.raises(MethodError, match="without features"):
        explain(record_of([EVEN], gradients=[[EVEN]]), "gradcam")
    nan = [[0.0, 0.0], [float("nan"), 0.0], [0.0, 0.0]]
    with pytest.raises(MethodError, match="at blocks.0 .* is nan"):
        explain(record_with(([[1.0, 1.0]] * 3, nan)), "gradcam")

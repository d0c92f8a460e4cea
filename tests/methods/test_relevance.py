"""Relevance and gradient rollout: rows of R, with each gradient at its own layer."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.by_hand import record_of
from tests.methods.reference import full_relevance
from vit.attention import AttentionRecord
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.choices import asking

BOTH = ("relevance", "gradient_rollout")

# CLS and two patches, two heads. The product of attention and gradient is what counts: where CLS looks, in halves.
EVEN = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]
TO_FIRST = [[0.0, 4.0, -4.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]  # speaks for the first patch, against the second
TO_SECOND = [[0.0, 0.0, 8.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
PATCHES = [[0.0, 0.0, 0.0], [0.0, 0.0, 12.0], [0.0, 0.0, 0.0]]  # the first patch owes all to the second
NONE = [[0.0] * 3] * 3


def test_relevance_of_one_layer_by_hand():
    # Head 1: A∘G = (0, 1, −1), cut to (0, 1, 0). Head 2: (0, 0, 2). Their mean: (0, ½, 1).
    record = record_of([EVEN, EVEN], gradients=[[TO_FIRST, TO_SECOND]])
    heat = explain(record, "relevance")
    assert heat.values.tolist() == [[0.5, 1.0]]
    assert heat.caption == "relevance for b, layer 1, from CLS"


def test_relevance_of_two_layers_by_hand():
    # Layer 2: CLS owes 1 to patch 1. Layer 1: patch 1 owes 3 to patch 2. R's CLS row: (1, 1, 0) + 1·(0, 0, 3).
    record = record_of([EVEN], [EVEN], gradients=[[PATCHES], [TO_FIRST]])
    assert explain(record, "relevance").values.tolist() == [[1.0, 3.0]]
    assert explain(record, "relevance", first=1).values.tolist() == [[1.0, 0.0]]
    heat = explain(record, "relevance", last=0, query=(0, 0))  # the patch's own I is left out
    assert heat.values.tolist() == [[0.0, 3.0]] and "without the identity" in heat.caption
    heat = explain(record, "relevance", last=0, query=(0, 0), identity=True)
    assert heat.values.tolist() == [[1.0, 3.0]] and "without" not in heat.caption


def test_gradient_rollout_by_hand():
    # The mean of heads comes before the cut: (0, ½, ½). With the I it is (1, ½, ½), normed (½, ¼, ¼).
    record = record_of([EVEN, EVEN], gradients=[[TO_FIRST, TO_SECOND]])
    heat = explain(record, "gradient_rollout")
    assert heat.values.tolist() == [[0.25, 0.25]]
    assert heat.caption == "gradient rollout for b, layer 1, from CLS"
    # Two layers. CLS: (½, ½, 0) after the second. Patch 1's row of the first: (0, 1, 3), normed (0, ¼, ¾).
    record = record_of([EVEN], [EVEN], gradients=[[PATCHES], [TO_FIRST]])
    assert explain(record, "gradient_rollout").values.tolist() == [[0.125, 0.375]]
    # CLS owes 1 and 2; the lower of all nine entries but one are dropped.
    record = record_of([EVEN], gradients=[[[[0.0, 4.0, 8.0], [0.0] * 3, [0.0] * 3]]])
    heat = explain(record, "gradient_rollout", discard=0.9)
    assert heat.values.flatten().tolist() == pytest.approx([0.0, 2 / 3])
    assert "lowest 90% left out" in heat.caption


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
@pytest.mark.parametrize("name", BOTH)
def test_the_row_equals_the_full_product_in_float64(name, family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size), target=3)
    result, stayed = full_relevance(record.layers, normed=name == "gradient_rollout")
    top, below = record.layers[-1].queries, record.layers[0].queries
    for query in (None, int(top.tokens[-1, -1])):
        shares = asking(top, query, record.readout)[0].double()
        for identity, matrix in ((False, result - stayed), (True, result)):
            expected = below.patches(shares @ matrix)
            heat = explain(record, name, query=query, identity=identity)
            assert torch.allclose(heat.values.double(), expected, rtol=1e-5, atol=1e-7)


def reversed_gradients(record: AttentionRecord) -> AttentionRecord:
    """The error of much copied code: hooks give gradients last layer first."""
    gradients = [layer.gradient for layer in reversed(record.layers)]
    layers = [replace_gradient(layer, each) for layer, each in zip(record.layers, gradients, strict=True)]
    return replace(record, layers=tuple(layers))


def replace_gradient(layer, gradient):
    return type(layer)(layer.name, layer.weights, layer.queries, layer.keys, taken_gradient=gradient)


@pytest.mark.parametrize("name", BOTH)
def test_each_gradient_stays_with_its_own_layer(name):
    # The last layer of a model that reads CLS: no other row has a gradient, so reversed they can't be right.
    record = record_attention(tiny_model("vit"), photo(5), target=3)
    assert not bool(record.layers[-1].gradient[0, :, 1:].any())
    result, stayed = full_relevance(record.layers, normed=name == "gradient_rollout")
    right = (result - stayed)[0, 1:]
    heat = explain(record, name).values.flatten().double()
    wrong = explain(reversed_gradients(record), name).values.flatten().double()
    assert torch.allclose(heat, right, rtol=1e-5)
    assert not torch.allclose(wrong, right, rtol=0.1)


@pytest.mark.parametrize("name", BOTH)
def test_another_class_is_another_map(name):
    maps = [explain(record_attention(tiny_model("vit"), photo(1), target=c), name) for c in (2, 7)]
    assert not torch.allclose(maps[0].values, maps[1].values, rtol=1e-2)
    assert "for class 2," in maps[0].caption
    assert "for class 7," in maps[1].caption


@pytest.mark.parametrize("name", [*BOTH, "gradient_attention"])
def test_without_gradients_it_is_a_sentence(name):
    with pytest.raises(MethodError, match="without gradients; record it with target=CLASS"):
        explain(record_of([EVEN]), name)


@pytest.mark.parametrize("name", [*BOTH, "gradient_attention"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_a_sentence(name, number):
    gradient = [[0.0, number, 0.0], [0.0] * 3, [0.0] * 3]
    record = record_of([EVEN], gradients=[[gradient]])
    with pytest.raises(MethodError, match=rf"class 1 at layer 0 .* is {number}.*finite numbers are needed"):
        explain(record, name)


@pytest.mark.parametrize("name", [*BOTH, "gradient_attention", "gradcam"])
def test_weights_that_are_no_numbers_are_a_sentence(name):
    model = tiny_model("vit")
    model = replace(model, network=deepcopy(model.network))
    with torch.no_grad():
        dict(model.network.named_parameters())["head.weight"][3] = float(
            "nan"
        )  # the maps are sound, but not the answer
    record = record_attention(model, photo(), target=3, keep=("features",))
    with pytest.raises(MethodError, match=r"gradient of class 3 at blocks.* is nan.*finite numbers are needed"):
        explain(record, name)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"first": 1, "last": 0}, "empty: it starts at layer 1 and ends at layer 0"),
        ({"first": 2}, "Layer 2 is not in 0 to 1"),
        ({"query": (4, 0)}, "rows 0 to 0"),
        ({"identity": "yes"}, "identity='yes'"),
    ],
)
@pytest.mark.parametrize("name", BOTH)
def test_impossible_options_are_sentences(name, options, says):
    with pytest.raises(MethodError, match=says):
        explain(record_of([EVEN], [EVEN], gradients=[[PATCHES], [TO_FIRST]]), name, **options)

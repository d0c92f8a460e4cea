from dataclasses import replace

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.by_hand import record_of
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.choices import asking

EVEN = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]
VALUES = [[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]]  # lengths 1, 5, 2


def test_worked_out_by_hand():
    record = record_of([EVEN, EVEN], values=[[VALUES, [[0.0, 0.0]] * 3]])
    assert explain(record, "value_weighted", head=0).values.tolist() == [[1.25, 0.5]]
    heat = explain(record, "value_weighted")  # the other head carries nothing
    assert heat.values.tolist() == [[0.625, 0.25]]
    assert heat.caption.startswith("length of what is carried in layer 1, mean of all heads, from CLS · 22.2% on CLS")


def test_a_negative_weight_carries_as_far_as_a_positive():
    record = record_of([[[0.5, -0.25, 0.25], *EVEN[1:]]], values=[[VALUES]])
    assert explain(record, "value_weighted").values.tolist() == [[1.25, 0.5]]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_a_row_equals_the_slow_one(family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size), keep=("values",))
    for number, layer in enumerate(record.layers):
        shares, _ = asking(layer.queries, None, record.readout)
        expected = torch.zeros(layer.keys.count, dtype=torch.float64)
        for window, (asked, told) in enumerate(zip(layer.queries.tokens, layer.keys.tokens, strict=True)):
            for i, query in enumerate(asked.tolist()):
                for j, key in enumerate(told.tolist()):
                    if query >= 0 and key >= 0:
                        carried = layer.weights[window, 1, i, j].double() * layer.values[window, 1, j].double()
                        expected[key] += float(shares[query]) * carried.norm()
        heat = explain(record, "value_weighted", layer=number, head=1)
        assert torch.allclose(heat.values.double(), layer.keys.patches(expected), rtol=1e-5, atol=1e-8)


def test_without_values_it_is_a_sentence():
    with pytest.raises(MethodError, match="without values"):
        explain(record_of([EVEN]), "value_weighted")


def test_values_that_are_no_numbers_are_a_sentence():
    wrong = record_of([EVEN], values=[[[[1.0, float("nan")], *VALUES[1:]]]])
    with pytest.raises(MethodError, match="values of layer layer 0 .* no finite numbers"):
        explain(wrong, "value_weighted")
    assert explain(replace(wrong), "raw").values.shape == (1, 2)  # the weights themselves are sound

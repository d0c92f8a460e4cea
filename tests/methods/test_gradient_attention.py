import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.by_hand import record_of
from tests.methods.reference import dense
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.choices import asking


def test_worked_out_by_hand():
    even = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]
    one = [[2.0, 4.0, -4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]]
    other = [[0.0, 8.0, 4.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    record = record_of([even, even], gradients=[[one, other]])
    assert explain(record, "gradient_attention", head=0).values.tolist() == [[1.0, 0.0]]  # −1 is cut off
    assert explain(record, "gradient_attention", head=1).values.tolist() == [[2.0, 1.0]]
    heat = explain(record, "gradient_attention")
    assert heat.values.tolist() == [[1.5, 0.5]]
    assert "gradient × attention for b, layer 1, mean of all heads, from CLS · 20.0% on CLS not shown" in heat.caption
    assert explain(record, "gradient_attention", head="max").values.tolist() == [[2.0, 1.0]]
    assert explain(record, "gradient_attention", head=0, query=(0, 0)).values.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_a_row_equals_the_slow_one(family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size), target=4)
    for number, layer in enumerate(record.layers):
        for query in (None, int(layer.queries.tokens[-1, -1])):
            expected = asking(layer.queries, query, record.readout)[0].double() @ (
                dense(layer, 1) * dense(layer, 1, layer.gradient)
            ).clamp_min(0)
            heat = explain(record, "gradient_attention", layer=number, head=1, query=query)
            assert torch.allclose(heat.values.double(), layer.keys.patches(expected), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"layer": 2}, "0 to 1"), ({"head": 5}, "Head 5 is not in 0 to 1"), ({"query": "dist"}, "no token 'dist'")],
)
def test_impossible_options_are_sentences(options, says):
    with pytest.raises(MethodError, match=says):
        explain(record_attention(tiny_model("vit"), photo(), target=0), "gradient_attention", **options)

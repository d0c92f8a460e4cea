"""One test over all methods and all families: each gives a sound map."""

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain, get_method, list_methods


def test_the_methods_of_the_contract_are_there():
    assert {"raw", "received", "rollout", "relevance", "gradcam", "attention_flow"} <= set(list_methods())


@pytest.mark.parametrize("name", list_methods())
def test_each_says_what_it_means_and_where_it_misleads(name):
    method = get_method(name)
    assert len(method.title) > 20
    assert "Formula:" in (method.run.__doc__ or "")
    assert "Misleads:" in (method.run.__doc__ or "")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", list_methods())
def test_every_method_on_every_family(name, family):
    target = 3 if get_method(name).of_a_class else None
    record = record_attention(tiny_model(family), photo(), target=target, keep=get_method(name).keep)
    heat = explain(record, name)
    assert heat.values.dtype == torch.float32
    assert heat.values.shape in [(layer.keys.grid.rows, layer.keys.grid.cols) for layer in record.layers]
    assert bool(torch.isfinite(heat.values).all())
    assert float(heat.values.min()) >= 0
    assert float(heat.values.max()) > 0
    assert heat.caption
    assert torch.equal(heat.values, explain(record, name).values)  # a pure function of the record


def test_an_unknown_method_lists_the_known():
    with pytest.raises(MethodError, match="raw, received, relevance, rollout"):
        explain(record_attention(tiny_model("vit"), photo()), "saliency")

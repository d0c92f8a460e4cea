import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.by_hand import class_attention, record_of
from tests.methods.reference import flow_to
from vit.capture import record_attention
from vit.errors import BudgetError, MethodError
from vit.methods import explain
from vit.methods.choices import asking


def test_the_narrowest_pipe_counts():
    # CLS looks at patch 1 with 0.75 and at patch 2 with 0.25; below, patch 1 passes half of itself on to patch 2.
    top = [[0.0, 0.75, 0.25], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    bottom = [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
    heat = explain(record_of([bottom], [top]), "attention_flow", residual=0.0)
    # To patch 1: min(0.75, 0.5). To patch 2: min(0.75, 0.5) + min(0.25, 1).
    assert heat.values.flatten().tolist() == pytest.approx([0.5, 0.75], abs=1e-8)
    assert heat.caption == "attention flow through layers 1 to 2, mean of all heads, residual 0%, from CLS"


def test_a_residual_pipe_passes_half():
    top = [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    # CLS: half stays, half goes to patch 1.
    assert explain(record_of([top]), "attention_flow").values.flatten().tolist() == pytest.approx([0.5, 0.0], abs=1e-8)


def test_patches_that_do_not_ask_hand_on_all_they_were_given():
    """CLS alone looks around, in two layers: to a patch flow what the upper layer gave it and what the lower can."""
    record = class_attention([0.2, 0.5, 0.3], [0.1, 0.1, 0.8])
    heat = explain(record, "attention_flow", residual=0.0)
    assert heat.values.flatten().tolist() == pytest.approx([0.1 + min(0.1, 0.5), 0.8 + min(0.1, 0.3)], abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_it_equals_the_maximum_flow_in_floats(family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size))
    shares, _ = asking(record.layers[-1].queries, None, record.readout)
    below = record.layers[0].queries
    flows = explain(record, "attention_flow").values.flatten()
    for patch in (0, below.grid.cols + 2, below.grid.size - 1):
        assert float(flows[patch]) == pytest.approx(flow_to(record.layers, shares, len(below.prefix) + patch), abs=1e-6)


def test_too_many_pipes_are_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("vit.methods.attention_flow.MOST_EDGES", 500)
    record = record_attention(tiny_model("vit"), photo())
    with pytest.raises(BudgetError, match="578 pipes; at most 500"):
        explain(record, "attention_flow")
    assert explain(record, "attention_flow", first=1).values.shape == (4, 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"first": 1, "last": 0}, "empty"), ({"residual": 2}, "residual=2"), ({"head_fusion": 1}, "mean, max, min")],
)
def test_impossible_options_are_sentences(options, says):
    with pytest.raises(MethodError, match=says):
        explain(record_attention(tiny_model("vit"), photo()), "attention_flow", **options)


def test_flows_are_finite_and_at_most_one():
    heat = explain(record_attention(tiny_model("our swin"), photo()), "attention_flow")
    assert heat.values.dtype == torch.float32
    assert 0 < float(heat.values.max()) <= 1

from dataclasses import replace

import pytest
import torch

from tests.families import photo, tiny_model
from tests.methods.by_hand import record_of
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.difference import compare_classes

EVEN = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]


def record_for(target: int, *row: float):
    made = record_of([EVEN], gradients=[[[list(row), [0.0] * 3, [0.0] * 3]]])
    return replace(made, target=target)


def test_the_first_minus_the_second_by_hand():
    one, other = record_for(0, 0.0, 4.0, 8.0), record_for(1, 8.0, 12.0, 0.0)
    first, second, difference = compare_classes(one, other, "relevance")
    assert first.values.tolist() == [[1.0, 2.0]]
    assert second.values.tolist() == [[3.0, 0.0]]
    assert difference.values.tolist() == [[-2.0, 2.0]]
    assert difference.signed
    assert not first.signed
    assert not second.signed
    assert difference.caption == "relevance for a minus for b, layer 1, from CLS"


def test_it_is_each_class_s_own_map_and_turns_its_sign():
    one, other = (record_attention(tiny_model("vit"), photo(), target=target) for target in (3, 7))
    first, second, difference = compare_classes(one, other, "gradient_rollout", last=0)
    assert torch.equal(first.values, explain(one, "gradient_rollout", last=0).values)
    assert torch.equal(difference.values, first.values - second.values)
    assert (difference.model, difference.provenance) == ("tiny vit", "random")
    assert torch.equal(compare_classes(other, one, "gradient_rollout", last=0)[2].values, -difference.values)


def test_what_can_not_be_compared_is_a_sentence():
    record = record_for(0, 0.0, 4.0, 8.0)
    with pytest.raises(MethodError, match="rollout is the same for every class"):
        compare_classes(record, record_for(1, 0.0, 0.0, 0.0), "rollout")
    with pytest.raises(MethodError, match="0 and 0 are not two"):
        compare_classes(record, record, "relevance")
    with pytest.raises(MethodError, match="records of different ones"):
        compare_classes(record, replace(record_for(1, 0.0, 0.0, 0.0), model="another"), "relevance")

import pytest
import torch
from torch import Tensor

from tests.families import FAMILIES, photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.attention import LayerAttention
from vit.capture import record_attention
from vit.errors import MethodError
from vit.measures.sinks import received_evenly, sinks


def slow(one: LayerAttention, weights: Tensor, token: int) -> float:
    """What a token receives, in even shares, entry by entry in float64."""
    got = expected = 0.0
    for window in range(one.shape[0]):
        keys = one.keys.tokens[window].tolist()
        for i, query in enumerate(one.queries.tokens[window].tolist()):
            for j, key in enumerate(keys):
                if query >= 0 and key == token:
                    reached = [n for n in range(len(keys)) if float(weights[window, :, i, n].max()) > 1e-30]
                    got += float(weights[window, :, i, j].double().mean())
                    expected += (j in reached) / len(reached)
    return got / expected if expected else 0.0


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_token_receives_is_the_slow_one_on_every_family(family):
    given = record_attention(tiny_model(family, (32, 48)), photo())
    for one in given.layers:
        weights = one.weights
        ratio = received_evenly(one, weights)
        for token in (0, 1, one.keys.count // 2, one.keys.count - 1):
            assert float(ratio[token]) == pytest.approx(slow(one, weights, token), rel=1e-5)


def test_all_alike_is_one_everywhere_and_no_sink():
    found = sinks(record(even(2, 3, ("cls",), heads=2)), times=1.5)
    assert found.received[0].tolist() == pytest.approx([1.0] * 7)
    assert found.tokens == ((),)
    assert found.heads[0].tolist() == [0.0, 0.0]
    assert "there is none here: the most that a token receives is 1.0 times" in found.summary


def test_a_token_that_all_look_at_is_one():
    weights = torch.full((2, 10, 10), 0.05)
    weights[..., 4] = 0.55  # each row: 9 · 0.05 + 0.55 = 1
    found = sinks(record(layer(weights, 3, 3, ("cls",))))
    assert found.tokens == ((4,),)
    assert found.words == (("the patch in row 2, column 1",),)
    assert float(found.received[0][4]) == pytest.approx(5.5)
    assert found.heads[0].tolist() == pytest.approx([0.55, 0.55])
    assert float(found.even[0]) == pytest.approx(0.1)
    assert "the patch in row 2, column 1" in found.summary
    assert sinks(record(layer(weights, 3, 3, ("cls",))), times=6).tokens == ((),)


def test_the_strongest_comes_first_and_cls_may_be_one():
    weights = torch.zeros(1, 4, 4)
    weights[..., 0], weights[..., 3] = 0.6, 0.4
    found = sinks(record(layer(weights, 1, 3, ("cls",))), times=1.5)
    assert found.words == (("CLS", "the patch in row 1, column 3"),)
    assert found.heads[0].tolist() == pytest.approx([1.0])


@pytest.mark.parametrize("times", [0, "many", float("nan"), float("inf"), True])
def test_times_is_a_number_of_at_least_one(times):
    with pytest.raises(MethodError, match="times="):
        sinks(record(even(1, 2)), times=times)

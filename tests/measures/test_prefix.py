import math

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.capture import record_attention
from vit.errors import MethodError
from vit.measures.prefix import prefix_share

WITHOUT = ("siglip", "swin", "swinv2", "our swin")  # a SigLIP's pool asks, and nobody looks at it


@pytest.mark.parametrize("family", [each for each in FAMILIES if each not in WITHOUT])
def test_it_is_the_slow_one(family):
    given = record_attention(tiny_model(family, (32, 48)), photo())
    found = prefix_share(given)
    for number, one in enumerate(given.layers):
        prefix, weights = len(one.keys.prefix), one.weights.double()
        for head in range(one.heads):
            rows = weights[0, head].tolist()
            slow = sum(sum(row[:prefix]) for row in rows) / len(rows)
            assert float(found.heads[number][head]) == pytest.approx(slow, rel=1e-5)
        assert found.each[number].shape == (one.heads, prefix)


@pytest.mark.parametrize("family", WITHOUT)
def test_where_all_keys_are_patches_it_says_so(family):
    with pytest.raises(MethodError, match="no tokens beside the patches"):
        prefix_share(record_attention(tiny_model(family), photo()))


def test_each_token_has_its_own_share():
    weights = torch.tensor([[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    found = prefix_share(record(layer(weights, 1, 1, ("cls", "reg1"))))
    assert found.each[0].tolist() == [pytest.approx([0.5, 0.5 / 3])]
    assert float(found.heads[0][0]) == pytest.approx(2 / 3)
    assert float(found.even[0]) == pytest.approx(2 / 3)
    assert "falls on CLS, REG1" in found.summary
    columns, rows = found.table()
    assert columns[-2:] == ("on cls", "on reg1")
    assert rows[0][-2:] == pytest.approx((0.5, 0.5 / 3))


def test_layers_without_prefix_keys_are_nan_beside_others():
    found = prefix_share(record(even(1, 2, ("cls",)), even(1, 2)))
    assert float(found.heads[0][0]) == pytest.approx(1 / 3)
    assert math.isnan(float(found.heads[1][0]))
    assert found.table()[1][1][-1] != found.table()[1][1][-1]  # NaN

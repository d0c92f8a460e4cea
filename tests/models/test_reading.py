from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tests.families import FAMILIES, WINDOWED, photo, tiny_model
from vit.capture import record_attention
from vit.errors import ModelError
from vit.models.reading import TOLERANCE, reader


def kept(family: str, size: tuple[int, int] = (32, 32)):
    model = tiny_model(family, size)
    return model, record_attention(model, photo(), keep=("features",))


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_block_read_is_the_network_s_answer(family, size):
    model, record = kept(family, size)
    read = reader(model, record)
    last = record.features[-1]
    assert float((read.whole(last.vectors) - record.logits).abs().max()) <= TOLERANCE
    each = read(last.vectors)
    assert each.shape == (last.layout.count, 10)
    # A token by itself is what the network would say if all its tokens were this one.
    alike = last.vectors[:1].expand_as(last.vectors)
    assert each[0].tolist() == pytest.approx(read.whole(alike).tolist(), abs=1e-5)


@pytest.mark.parametrize("family", ["vit", "our vit"])
def test_of_a_vit_it_is_head_of_norm(family):
    model, record = kept(family)
    network: Any = model.network
    tokens = record.features[0].vectors
    normed = F.layer_norm(tokens, (32,), network.norm.weight, network.norm.bias, 1e-6)
    slow = normed @ network.head.weight.T + network.head.bias
    assert torch.allclose(reader(model, record)(tokens), slow, atol=1e-5)
    assert torch.allclose(reader(model, record).whole(tokens), slow[0], atol=1e-5)


@pytest.mark.parametrize("family", ["deit", "our deit"])
def test_of_a_distilled_deit_it_is_the_mean_of_both_heads(family):
    model, record = kept(family)
    network: Any = model.network
    tokens = record.features[0].vectors
    with torch.no_grad():
        normed = network.norm(tokens)
        one, other = network.head(normed), network.head_dist(normed)
    read = reader(model, record)
    assert torch.allclose(read(tokens), (one + other) / 2, atol=1e-5)
    assert torch.allclose(read.whole(tokens), (one[0] + other[1]) / 2, atol=1e-5)


@pytest.mark.parametrize("family", WINDOWED)
def test_where_the_mean_is_read_the_whole_is_the_mean_of_the_tokens(family):
    model, record = kept(family)
    read, tokens = reader(model, record), record.features[-1].vectors
    assert torch.allclose(read(tokens).mean(0), read.whole(tokens), atol=1e-5)


def test_what_does_not_give_the_network_s_answer_is_refused():
    model, record = kept("vit")
    with pytest.raises(ModelError, match="tiny vit comes from its last tokens"):
        reader(model, replace(record, logits=record.logits + 0.01))
    with pytest.raises(ModelError, match="no token is read"):
        reader(replace(model, network=torch.nn.Identity()), record)

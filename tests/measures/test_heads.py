import math

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.attention import Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.errors import MethodError
from vit.measures.heads import head_similarity


def slow_cosine(one: LayerAttention, a: int, b: int) -> float:
    weights = one.weights.double()
    product = first = second = 0.0
    for window, slot in (one.queries.tokens >= 0).nonzero().tolist():
        for x, y in zip(weights[window, a, slot].tolist(), weights[window, b, slot].tolist(), strict=True):
            product, first, second = product + x * y, first + x * x, second + y * y
    return product / math.sqrt(first * second)


def slow_jensen_shannon(one: LayerAttention, a: int, b: int) -> float:
    rows, weights = [], one.weights.double()
    for window, slot in (one.queries.tokens >= 0).nonzero().tolist():
        apart = 0.0
        for x, y in zip(weights[window, a, slot].tolist(), weights[window, b, slot].tolist(), strict=True):
            middle = (x + y) / 2
            apart += sum(p * math.log2(p / middle) for p in (x, y) if p > 0) / 2
        rows.append(1 - apart)
    return sum(rows) / len(rows)


@pytest.mark.parametrize(("kind", "slow"), [("cosine", slow_cosine), ("jensen-shannon", slow_jensen_shannon)])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_slow_one_on_every_family(family, kind, slow):
    given = record_attention(tiny_model(family, (32, 48)), photo())
    for number, one in enumerate(given.layers):
        found = head_similarity(given, layer=number, kind=kind)
        assert found.heads == tuple((number, head) for head in range(one.heads))
        assert float(found.similarity[0, -1]) == pytest.approx(slow(one, 0, one.heads - 1), abs=1e-5)
        assert found.similarity.diagonal().tolist() == pytest.approx([1.0] * one.heads, abs=1e-5)
        assert torch.equal(found.similarity, found.similarity.T)


def test_three_heads_worked_by_hand():
    # The first looks at itself, the second at the other, the third at both alike.
    weights = torch.stack([torch.eye(2), torch.eye(2).flip(0), torch.full((2, 2), 0.5)])
    cosine = head_similarity(record(layer(weights, 1, 2)))
    assert cosine.similarity[0].tolist() == pytest.approx([1, 0, math.sqrt(0.5)])
    shannon = head_similarity(record(layer(weights, 1, 2)), kind="jensen-shannon")
    # JSD of (1, 0) with (0, 1) is 1 bit; with (½, ½): H(¾, ¼) − ½.
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert shannon.similarity[0].tolist() == pytest.approx([1, 0, 1 - (entropy - 0.5)])
    assert "Most alike: layer 1, head 1 and layer 1, head 3 (0.71)" in cosine.summary
    assert len(cosine.table()[1]) == 9


def test_all_layers_at_once():
    weights = torch.stack([torch.eye(2), torch.full((2, 2), 0.5)])
    found = head_similarity(record(layer(weights, 1, 2), even(1, 2)), layer="all")
    assert found.heads == ((0, 0), (0, 1), (1, 0))
    assert float(found.similarity[1, 2]) == pytest.approx(1)


@pytest.mark.parametrize("family", ["swin", "siglip"])
def test_layers_over_other_windows_or_queries_are_refused_in_one_matrix(family):
    with pytest.raises(MethodError, match="choose one layer"):
        head_similarity(record_attention(tiny_model(family), photo()), layer="all")


def test_rows_of_padding_are_left_out():
    queries = TokenLayout(Grid(1, 2), (), torch.tensor([[0, 1, -1]]))
    weights = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]]])
    one = LayerAttention("padded", weights, queries, TokenLayout.whole(Grid(1, 2)))
    assert float(head_similarity(record(one)).similarity[0, 1]) == pytest.approx(1)


def test_cosine_takes_what_is_no_share_and_jensen_shannon_does_not():
    given = record(layer(torch.tensor([[[2.0, -1.0], [0.0, 1.0]], [[-2.0, 1.0], [0.0, -1.0]]]), 1, 2))
    assert float(head_similarity(given).similarity[0, 1]) == pytest.approx(-1)
    with pytest.raises(MethodError, match="no softmax"):
        head_similarity(given, kind="jensen-shannon")


def test_one_head_is_alone_and_mistakes_are_sentences():
    given = record(even(1, 2))
    assert head_similarity(given).summary == "Layer 1, head 1 is alone: there is nothing to compare it with."
    with pytest.raises(MethodError, match="cosine, jensen-shannon"):
        head_similarity(given, kind="euclid")
    with pytest.raises(MethodError, match="nor all"):
        head_similarity(given, layer="every")
    with pytest.raises(MethodError, match="0 to 0"):
        head_similarity(given, layer=1)

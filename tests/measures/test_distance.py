import math

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.errors import MethodError
from vit.measures import measure
from vit.measures.distance import Distance, centres, distance


def slow(given: AttentionRecord, number: int, head: int) -> tuple[float, float]:
    """One head's mean distance in pixels and the share it drops, pair by pair in float64."""
    one = given.layers[number]
    weights = one.weights.double()
    grids = one.queries, one.keys

    def place(layout: TokenLayout, token: int) -> tuple[float, float]:
        row, col = divmod(token - len(layout.prefix), layout.grid.cols)
        height, width = given.image_size
        return (row + 0.5) * height / layout.grid.rows, (col + 0.5) * width / layout.grid.cols

    rows, missed = [], []
    for window in range(weights.shape[0]):
        for i, query in enumerate(one.queries.tokens[window].tolist()):
            if query < len(one.queries.prefix):
                continue
            total = far = 0.0
            for j, key in enumerate(one.keys.tokens[window].tolist()):
                if key >= len(one.keys.prefix):
                    share = float(weights[window, head, i, j])
                    total += share
                    far += share * math.dist(place(grids[0], query), place(grids[1], key))
            missed.append(1 - total)
            rows.append(far / total)
    return sum(rows) / len(rows), sum(missed) / len(missed)


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_slow_one_on_every_family_square_and_not(family, size):
    given = record_attention(tiny_model(family, size), photo())
    found = distance(given)
    for number, one in enumerate(given.layers):
        if not bool((one.queries.tokens >= len(one.queries.prefix)).any()):
            assert bool(found.heads[number].isnan().all())  # a pool: no patch asks
            continue
        far, missed = slow(given, number, one.heads - 1)
        assert float(found.heads[number][-1]) == pytest.approx(far, rel=1e-5)
        assert float(found.dropped[number][-1]) == pytest.approx(missed, abs=1e-5)


def test_two_patches_worked_by_hand():
    # Side by side, 10 pixels apart: the first looks at CLS 0.5, itself 0.3, the other 0.2; the second at itself only.
    weights = torch.tensor([[[1.0, 0, 0], [0.5, 0.3, 0.2], [0, 0, 1.0]]])
    found = distance(record(layer(weights, 1, 2, ("cls",))))
    assert found.heads[0].tolist() == pytest.approx([(10 * 0.2 / 0.5 + 0) / 2])
    assert found.dropped[0].tolist() == pytest.approx([0.25])
    assert found.even.tolist() == pytest.approx([5.0])  # each patch: itself, and one 10 pixels away


def test_pixels_need_not_be_square_patches():
    # Two rows are 20 pixels apart, two columns 10: from one corner to itself, beside, below, across.
    found = distance(record(even(2, 2)))
    assert float(found.heads[0][0]) == pytest.approx((0 + 10 + 20 + math.hypot(10, 20)) / 4)
    assert float(found.even[0]) == pytest.approx(float(found.heads[0][0]))


def test_a_row_on_no_patch_is_left_out_and_a_head_of_such_rows_is_nan():
    weights = torch.zeros(2, 3, 3)
    weights[0, :, 0] = 1.0
    weights[1] = torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0.0, 1.0, 0.0]])
    found = distance(record(layer(weights, 1, 2, ("cls",))))
    assert math.isnan(float(found.heads[0][0]))
    assert float(found.heads[0][1]) == pytest.approx(10)
    assert found.dropped[0].tolist() == pytest.approx([1.0, 0.5])


def test_a_run_of_patches_sits_at_their_mean():
    layout = TokenLayout(Grid(1, 4), (), torch.tensor([[0, 1]]), torch.tensor([0, 0, 1, 1]))
    assert centres(layout, (20, 40)).tolist() == [[10, 10], [10, 30]]


def test_shares_on_padding_are_dropped():
    keys = TokenLayout(Grid(1, 2), (), torch.tensor([[0, 1, -1]]))
    weights = torch.tensor([[[[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]]])
    one = LayerAttention("padded", weights, TokenLayout.whole(Grid(1, 2)), keys)
    found = distance(record(one))
    assert found.heads[0].tolist() == pytest.approx([5.0])
    assert found.dropped[0].tolist() == pytest.approx([0.25])


def test_rows_that_are_no_shares_are_refused():
    with pytest.raises(MethodError, match="blocks.0.attn of by hand is no softmax"):
        distance(record(layer(torch.tensor([[[2.0, -1.0], [0.0, 1.0]]]), 1, 2)))


def test_a_network_in_which_only_a_pool_asks_has_none():
    pool = TokenLayout(Grid(1, 2), ("pool",), torch.tensor([[0]]))
    one = LayerAttention("pool", torch.full((1, 1, 1, 2), 0.5), pool, TokenLayout.whole(Grid(1, 2)))
    with pytest.raises(MethodError, match="no patch looks at patches"):
        distance(record(one))


def test_it_says_its_result_in_words_and_numbers():
    found = measure(record(even(2, 2, heads=2), even(2, 2, heads=2)), "distance")
    assert isinstance(found, Distance)
    assert "40 × 20 pixels" in found.summary
    assert "layer 1, head 1" in found.summary
    columns, rows = found.table()
    assert columns == ("layer", "name", "head", "pixels")
    assert [row[:3] for row in rows] == [(n, "blocks.0.attn", h) for n in (0, 1) for h in (0, 1)]
    assert found.arrays()["heads_1"].shape == (2,)

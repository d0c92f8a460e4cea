import math

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.errors import MethodError
from vit.measures.entropy import entropy


def slow(given: AttentionRecord, number: int, head: int, readout: bool) -> tuple[float, float]:
    """H / ln T and e^H, means over the readout's rows or over all others, share by share in float64."""
    one = given.layers[number]
    names = one.queries.prefix
    reads = {names.index(name) for name in given.readout if name in names}
    weights = one.weights.double()
    shares, tokens = [], []
    for window in range(one.shape[0]):
        for slot, query in enumerate(one.queries.tokens[window].tolist()):
            if query < 0 or (query in reads) != readout:
                continue
            row = weights[window, head, slot].tolist()
            reached = [n for n in range(len(row)) if float(weights[window, :, slot, n].max()) > 1e-30]
            nats = -sum(share * math.log(share) for share in row if share > 0)
            shares.append(nats / math.log(len(reached)))
            tokens.append(math.exp(nats))
    return (sum(shares) / len(shares), sum(tokens) / len(tokens)) if shares else (math.nan, math.nan)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_slow_one_on_every_family(family):
    given = record_attention(tiny_model(family, (32, 48)), photo())
    found = entropy(given)
    for number, one in enumerate(given.layers):
        head = one.heads - 1
        others = float(found.heads[number][head]), float(found.effective[number][head])
        readout = float(found.readout[number][head]), float(found.readout_effective[number][head])
        assert others == pytest.approx(slow(given, number, head, readout=False), rel=1e-5, nan_ok=True)
        assert readout == pytest.approx(slow(given, number, head, readout=True), rel=1e-5, nan_ok=True)


def test_three_tokens_worked_by_hand():
    # CLS looks at all three alike; the patches at one token, and at two alike.
    weights = torch.tensor([[[1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]])
    found = entropy(record(layer(weights, 1, 2, ("cls",))))
    assert float(found.readout[0][0]) == pytest.approx(1.0)
    assert float(found.readout_effective[0][0]) == pytest.approx(3.0)
    assert float(found.heads[0][0]) == pytest.approx((0 + math.log(2)) / 2 / math.log(3))
    assert float(found.effective[0][0]) == pytest.approx((1 + 2) / 2)
    assert found.keys == (3,)


def test_a_distilled_readout_is_the_mean_over_both_rows():
    weights = torch.eye(3).unsqueeze(0).clone()
    weights[0, 1] = torch.tensor([0.5, 0.5, 0.0])
    found = entropy(record(layer(weights, 1, 1, ("cls", "dist"))))
    assert float(found.readout_effective[0][0]) == pytest.approx((1 + 2) / 2)
    assert float(found.effective[0][0]) == pytest.approx(1.0)


def test_where_the_classifier_reads_the_mean_of_patches_there_is_no_readout_row():
    found = entropy(record(even(2, 2)))
    assert bool(found.readout[0].isnan().all())
    assert float(found.heads[0][0]) == pytest.approx(1.0)
    assert "as if over 4.0 of 4" in found.summary


def test_where_only_a_pool_asks_there_are_no_others():
    pool = TokenLayout(Grid(1, 2), ("pool",), torch.tensor([[0]]))
    given = record(LayerAttention("pool", torch.full((1, 1, 1, 2), 0.5), pool, TokenLayout.whole(Grid(1, 2))))
    found = entropy(given)
    assert bool(found.heads[0].isnan().all())
    assert float(found.readout[0][0]) == pytest.approx(1.0)
    assert "Only the readout asks" in found.summary


def test_one_token_leaves_nothing_to_choose():
    found = entropy(record(even(1, 1)))
    assert math.isnan(float(found.heads[0][0]))
    assert float(found.effective[0][0]) == pytest.approx(1.0)


def test_a_row_without_a_choice_leaves_the_others_share_as_it_is():
    """Two windows: in one a patch is alone, in the other two look at both alike."""
    weights = torch.zeros(2, 1, 2, 2)
    weights[0, 0, :, 0], weights[1, 0] = 1.0, 0.5
    layout = TokenLayout(Grid(1, 3), (), torch.tensor([[0, -1], [1, 2]]))
    found = entropy(record(LayerAttention("shifted", weights, layout, layout)))
    assert float(found.heads[0][0]) == pytest.approx(1.0)
    assert float(found.effective[0][0]) == pytest.approx((1 + 2 + 2) / 3)


def test_rows_that_are_no_shares_are_refused():
    with pytest.raises(MethodError, match="an entropy isn't defined"):
        entropy(record(layer(torch.tensor([[[2.0, -1.0], [0.0, 1.0]]]), 1, 2)))


def test_the_table_names_the_readout_apart():
    columns, rows = entropy(record(even(1, 2, ("cls",), heads=2))).table()
    assert columns[3:] == (
        "entropy / highest",
        "entropy / highest, readout's row",
        "effective tokens",
        "effective tokens, readout's row",
        "tokens to choose among",
    )
    assert rows[1][3:] == pytest.approx((1.0, 1.0, 3.0, 3.0, 3))

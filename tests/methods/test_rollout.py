import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.by_hand import class_attention, record_of
from tests.methods.reference import full_rollout
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.choices import asking
from vit.methods.follow import drop_lowest

# CLS and two patches. In the first layer everyone looks at the first patch, in the second CLS looks at the second.
FIRST = [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
SECOND = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def test_two_layers_worked_out_by_hand():
    # Â_2's CLS row is (½, 0, ½). Times Â_1 = ½(FIRST + I): ½·(½, ½, 0) + ½·(0, ½, ½) = (¼, ½, ¼).
    heat = explain(record_of([FIRST], [SECOND]), "rollout")
    assert heat.values.tolist() == [[0.5, 0.25]]


def test_order_matters_and_is_right():
    # Top layer: CLS looks at patch 1 only. Bottom layer: patch 1 looks at patch 2 only. So CLS reaches patch 2.
    bottom = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    top = [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert explain(record_of([bottom], [top]), "rollout", residual=0.0).values.tolist() == [[0.0, 1.0]]
    assert explain(record_of([top], [bottom]), "rollout", residual=0.0).values.tolist() == [[1.0, 0.0]]


def test_heads_are_fused_before_the_product():
    one, two = [[0.6, 0.4], [0.0, 1.0]], [[0.2, 0.8], [1.0, 0.0]]
    values = {
        fusion: explain(record_of([one, two]), "rollout", head_fusion=fusion, residual=0.0).values
        for fusion in ("mean", "max", "min")
    }
    assert values["mean"].tolist() == [[pytest.approx(0.6)]]
    assert values["max"].tolist() == [[pytest.approx(0.8 / 1.4)]]  # (0.6, 0.8), normed
    assert values["min"].tolist() == [[pytest.approx(0.4 / 0.6)]]  # (0.2, 0.4), normed


def test_discard_drops_the_lowest_entries_and_norms_the_rows_again():
    matrix = [[0.5, 0.3, 0.2], [0.1, 0.9, 0.0], [0.25, 0.35, 0.4]]
    # A third of nine entries: 0.0, 0.1 and 0.2 go. CLS's row becomes (0.5, 0.3, 0), sums to 0.8.
    heat = explain(record_of([matrix]), "rollout", discard=0.34, residual=0.0)
    assert heat.values.tolist() == [pytest.approx([0.375, 0.0])]
    assert drop_lowest(torch.tensor([[[3.0, 1.0, 2.0]]]), 0.5).tolist() == [[[3.0, 0.0, 2.0]]]


def test_a_row_that_lost_everything_keeps_only_itself():
    heat = explain(record_of([[[0.4, 0.6], [0.9, 0.1]]]), "rollout", discard=1.0, query=(0, 0))
    assert heat.values.tolist() == [[1.0]]


def test_patches_that_do_not_ask_keep_what_they_were_given():
    """CLS alone looks around, in two layers one after the other: what the upper gave to patches stays on them.

    From the upper layer (½·0.1 + ½, 0.05, 0.4) = (0.55, 0.05, 0.4); of CLS's 0.55 the lower gives ½·0.5 and ½·0.3 of it
    to the patches: 0.05 + 0.1375 and 0.4 + 0.0825.
    """
    record = class_attention([0.2, 0.5, 0.3], [0.1, 0.1, 0.8])
    heat = explain(record, "rollout")
    assert heat.values.tolist() == [pytest.approx([0.1875, 0.4825])]
    assert heat.values.flatten().tolist() == pytest.approx(full_rollout(record.layers)[0, 1:].tolist())
    assert explain(record, "rollout", residual=0.0).values.tolist() == [pytest.approx([0.15, 0.83])]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
def test_the_row_vector_equals_the_full_product(family, size):
    record = record_attention(tiny_model(family, size), photo(2, *size))
    product = full_rollout(record.layers)
    top, below = record.layers[-1].queries, record.layers[0].queries
    for query in (None, int(top.tokens[-1, -1])):
        shares, _ = asking(top, query, record.readout)
        expected = below.patches(shares.double() @ product)
        assert torch.allclose(explain(record, "rollout", query=query).values.double(), expected, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_comes_out_is_all_that_went_in(family):
    record = record_attention(tiny_model(family), photo(3))
    heat = explain(record, "rollout", head_fusion="max", discard=0.3)
    assert 0 < float(heat.values.sum()) <= 1 + 1e-5
    if not record.layers[0].queries.prefix:
        assert float(heat.values.sum()) == pytest.approx(1, abs=1e-5)


def test_a_range_of_layers_is_the_product_of_that_range():
    record = record_attention(tiny_model("vit"), photo(4))
    product = full_rollout(record.layers[1:])
    heat = explain(record, "rollout", first=1, last=1)
    assert torch.allclose(heat.values.double(), record.layers[1].queries.patches(product[0]), atol=1e-6)
    assert "rollout of layer 2, mean of all heads, from CLS" in heat.caption
    caption = explain(record, "rollout", residual=0.3, discard=0.1).caption
    assert "layers 1 to 2, mean of all heads, residual 30%, lowest 10% left out, from CLS" in caption


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"first": 1, "last": 0}, "empty"),
        ({"first": 2}, "0 to 1"),
        ({"head_fusion": "sum"}, "mean, max, min"),
        ({"discard": 1.5}, "discard=1.5"),
        ({"discard": None}, "discard=None"),
        ({"residual": -0.1}, "residual=-0.1"),
        ({"query": "reg1"}, "reg1"),
        ({"layer": 3}, "its options"),
    ],
)
def test_impossible_options_are_sentences(options, says):
    with pytest.raises(MethodError, match=says):
        explain(record_of([FIRST], [SECOND]), "rollout", **options)


def test_grids_that_do_not_divide_are_a_sentence():
    fine, coarse = TokenLayout.whole(Grid(3, 3)), TokenLayout.whole(Grid(2, 2))
    layers = (
        LayerAttention("a", torch.full((1, 1, 9, 9), 1 / 9), fine, fine),
        LayerAttention("b", torch.full((1, 1, 4, 4), 1 / 4), coarse, coarse),
    )
    record = AttentionRecord("odd", "random", layers, torch.zeros(2), (), (8, 8))
    with pytest.raises(MethodError, match=r"2 × 2 .* 3 × 3"):
        explain(record, "rollout")


def test_a_key_that_is_a_run_of_patches_hands_each_of_them_its_part():
    """Against the full product in float64, with a run's column spread over its patches, 1/n to each."""
    grid = Grid(2, 4)
    queries = TokenLayout.whole(grid)
    keys = TokenLayout(grid, (), torch.arange(2).unsqueeze(0), cells=torch.arange(8) // 4)
    weights = torch.rand(2, 1, 3, 8, 2, generator=torch.Generator().manual_seed(0)).softmax(-1)
    layers = tuple(LayerAttention(f"layer {n}", weights[n], queries, keys) for n in (0, 1))
    record = AttentionRecord("runs", "random", layers, torch.zeros(2), (), (8, 16))
    spread = torch.zeros(2, 8, dtype=torch.float64)
    spread[0, :4] = spread[1, 4:] = 1 / 4
    first, last = (0.5 * (each[0].double().mean(0) @ spread + torch.eye(8)) for each in weights)
    expected = (last @ first)[5].reshape(2, 4)
    assert torch.allclose(explain(record, "rollout", query=(1, 1)).values.double(), expected, atol=1e-6)

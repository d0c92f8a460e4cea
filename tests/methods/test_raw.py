import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from tests.methods.reference import dense
from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain
from vit.methods.choices import asking


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_s_row_is_the_row_of_its_matrix(family):
    record = record_attention(tiny_model(family), photo())
    for number, layer in enumerate(record.layers):
        for query in (None, int(layer.queries.tokens[-1, -1])):
            shares, _ = asking(layer.queries, query, record.readout)
            heat = explain(record, "raw", layer=number, head=1, query=query)
            expected = layer.keys.patches(shares.double() @ dense(layer, head=1))
            assert torch.allclose(heat.values.double(), expected, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_other_direction_is_the_column(family):
    record = record_attention(tiny_model(family), photo())
    layer = record.layers[0]
    heat = explain(record, "raw", layer=0, head=0, query=(1, 2), direction="by")
    expected = layer.queries.patches(dense(layer, head=0)[:, layer.keys.token((1, 2))])
    assert torch.allclose(heat.values.double(), expected, atol=1e-6)
    assert "to the patch in row 2, column 3" in heat.caption


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_heads_fused(fusion):
    record = record_attention(tiny_model("vit"), photo())
    row = record.layers[1].weights[0, :, 0, 1:]  # (heads, patches), from CLS
    expected = {"mean": row.mean(0), "max": row.amax(0), "min": row.amin(0)}[fusion]
    heat = explain(record, "raw", layer=1, head=fusion)
    assert torch.allclose(heat.values.flatten(), expected, atol=1e-7)
    assert f"{fusion} of all heads, from CLS" in heat.caption


def test_received_is_the_mean_of_all_rows():
    record = record_attention(tiny_model("deit"), photo())
    heat = explain(record, "received", layer=0, head=1)
    assert torch.allclose(heat.values.flatten(), record.layers[0].weights[0, 1].mean(0)[2:], atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_received_in_windows_too(family):
    record = record_attention(tiny_model(family), photo())
    layer = record.layers[-1]
    rows = dense(layer)
    rows = rows[:1] if layer.queries.prefix == ("pool",) else rows  # a pool's query is the only one that looks
    expected = layer.keys.patches(rows.mean(0))
    assert torch.allclose(explain(record, "received").values.double(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("vit", "from CLS"),
        ("deit", "from the mean of CLS and DIST"),
        ("dinov2 with registers", "from CLS"),
        ("siglip", "from the pool's query"),
        ("swin", "from the mean of all patches"),
    ],
)
def test_the_caption_names_the_readout(family, words):
    record = record_attention(tiny_model(family), photo())
    assert words in explain(record, "raw").caption
    assert words in explain(record, "rollout").caption


def test_the_caption_says_what_is_not_on_the_picture():
    record = record_attention(tiny_model("vit"), photo())
    share = float(record.layers[1].weights[0, :, 0, 0].mean())
    assert f"{100 * share:.1f}% on CLS not shown" in explain(record, "raw").caption


def test_the_map_knows_its_model_and_weights():
    heat = explain(record_attention(tiny_model("vit"), photo()), "raw")
    assert (heat.method, heat.model, heat.provenance, heat.untrained) == ("raw", "tiny vit", "random", True)


def test_where_only_a_pool_asks_a_patch_can_not():
    record = record_attention(tiny_model("siglip"), photo())
    with pytest.raises(MethodError, match="only POOL asks; .* the patch in row 1, column 2"):
        explain(record, "raw", query=(0, 1))
    with pytest.raises(MethodError, match="only POOL asks"):
        explain(record, "rollout", query=(0, 1))
    assert float(explain(record, "rollout", query=(0, 1), last=-2).values.sum()) > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer": 2}, "0 to 1"),
        ({"layer": 0.5}, "0 to 1"),
        ({"head": 2}, "0 to 1"),
        ({"head": "sum"}, "mean, max, min"),
        ({"head": -1}, "0 to 1"),
        ({"query": (4, 0)}, "rows 0 to 3"),
        ({"direction": "up"}, "to, by"),
        ({"part": "both"}, "positive, negative"),
    ],
)
def test_impossible_options_are_sentences(options, says):
    with pytest.raises(MethodError, match=says):
        explain(record_attention(tiny_model("vit"), photo()), "raw", **options)


def signed_record() -> AttentionRecord:
    """One layer whose heads were mixed after the softmax: CLS looks at the four patches with 3, −1, 0 and 2."""
    layout = TokenLayout.whole(Grid(2, 2), ("cls",))
    weights = torch.zeros(1, 1, 5, 5)
    weights[0, 0, 0] = torch.tensor([-1.0, 3.0, -1.0, 0.0, 2.0])
    layer = LayerAttention("mixed", weights, layout, layout)
    return AttentionRecord("mixed", "random", (layer,), torch.zeros(2), (), (8, 8))


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("positive", [[3, 0], [0, 2]], "positive part, 28.6% has the other sign and is not shown"),
        (
            "negative",
            [[0, 1], [0, 0]],
            "negative part, 71.4% has the other sign and is not shown · 50.0% on CLS not shown",
        ),
    ],
)
def test_weights_below_zero_are_a_part_of_their_own_and_never_cut_off_in_silence(part, values, words):
    heat = explain(signed_record(), "raw", part=part)
    assert heat.values.tolist() == values
    assert heat.caption.endswith(f"from CLS · what multiplies the values, not a softmax · {words}")


def test_received_has_both_parts_too():
    above = explain(signed_record(), "received")
    assert torch.allclose(above.values, torch.tensor([[3.0, 0.0], [0.0, 2.0]]) / 5)
    assert "not a softmax · positive part" in above.caption
    assert explain(signed_record(), "received", part="negative").values[0, 1] == pytest.approx(1 / 5)


def test_a_softmax_has_no_negative_part_and_nothing_to_say_about_it():
    record = record_attention(tiny_model("vit"), photo())
    assert "softmax" not in explain(record, "raw").caption
    for method in ("raw", "received"):
        heat = explain(record, method, part="negative")
        assert heat.caption.endswith("negative part, of which there is none")
        assert float(heat.values.abs().max()) == 0


def test_a_key_that_is_a_run_of_patches_is_drawn_on_each_of_them_and_named_by_its_start():
    grid = Grid(2, 4)
    queries = TokenLayout.whole(grid)
    keys = TokenLayout(grid, (), torch.arange(2).unsqueeze(0), cells=torch.arange(8) // 4)
    weights = torch.arange(16.0).reshape(1, 1, 8, 2)
    record = AttentionRecord(
        "runs", "random", (LayerAttention("runs", weights, queries, keys),), torch.zeros(2), (), (8, 16)
    )
    assert explain(record, "raw", query=(0, 2)).values.tolist() == [[4.0] * 4, [5.0] * 4]
    by = explain(record, "raw", query=(1, 2), direction="by")
    assert by.values.flatten().tolist() == [1, 3, 5, 7, 9, 11, 13, 15]
    assert "to the run of patches that starts in row 2, column 1" in by.caption
    assert explain(record, "raw", direction="by").values[0, 0] == 0.5  # the mean of both runs, not of eight patches

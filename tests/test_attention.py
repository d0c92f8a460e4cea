import pytest
import torch

from vit.attention import AttentionRecord, Grid, Heatmap, LayerAttention, TokenLayout
from vit.errors import CaptureError, MethodError


def layout_of_two_windows() -> TokenLayout:
    """Four patches in a row, two windows of three slots; each window ends in padding."""
    return TokenLayout(Grid(1, 4), (), torch.tensor([[0, 1, -1], [2, 3, -1]]))


def test_token_by_name_by_place_and_by_number():
    layout = TokenLayout.whole(Grid(2, 3), ("cls", "dist"))
    assert layout.count == 8
    assert layout.token("dist") == 1
    assert layout.token((1, 2)) == 2 + 1 * 3 + 2
    assert layout.token(5) == 5
    assert layout.token(torch.tensor(5)) == 5
    assert layout.token([0, 1]) == 3


@pytest.mark.parametrize("place", ["reg1", (2, 0), (0, 3), (-1, 0), 8, -1, 3.5, (1.5, 0), (1,), (1, 2, 3), True, None])
def test_a_place_that_is_not_there_is_a_sentence(place):
    with pytest.raises(MethodError):
        TokenLayout.whole(Grid(2, 3), ("cls", "dist")).token(place)


def test_patches_leave_the_prefix_out():
    layout = TokenLayout.whole(Grid(2, 2), ("cls",))
    assert layout.patches(torch.tensor([9.0, 1, 2, 3, 4])).tolist() == [[1, 2], [3, 4]]


def test_gather_and_scatter_skip_padding():
    layout = layout_of_two_windows()
    slots = layout.gather(torch.tensor([1.0, 2, 3, 4]))
    assert slots.tolist() == [[1, 2, 0], [3, 4, 0]]
    assert layout.scatter(torch.tensor([[1.0, 2, 50], [3, 4, 50]])).tolist() == [1, 2, 3, 4]


def test_rows_and_columns_of_a_token_in_its_window():
    layout = layout_of_two_windows()
    weights = torch.arange(18.0).reshape(2, 1, 3, 3)  # (windows, heads, queries, keys)
    layer = LayerAttention("attn", weights, layout, layout)
    # Token 3 is slot 1 of window 1: its row there is 12, 13, 14, of which 14 falls on padding.
    assert layer.rows(3).tolist() == [[0, 0, 12, 13]]
    assert layer.columns(3).tolist() == [[0, 0, 10, 13]]


def test_a_gradient_that_was_not_taken_is_an_error():
    layout = TokenLayout.whole(Grid(1, 1))
    with pytest.raises(MethodError, match="target="):
        _ = LayerAttention("attn", torch.ones(1, 1, 1, 1), layout, layout).gradient


def test_a_record_without_layers_is_an_error():
    with pytest.raises(CaptureError):
        AttentionRecord("m", "random", (), torch.zeros(2), ("a", "b"), (8, 8))


def test_top_classes_come_best_first_with_their_probabilities():
    layout = TokenLayout.whole(Grid(1, 1))
    layer = LayerAttention("attn", torch.ones(1, 1, 1, 1), layout, layout)
    record = AttentionRecord("m", "random", (layer,), torch.tensor([0.0, 2.0, 1.0]), ("a", "b", "c"), (8, 8))
    top = record.top(2)
    assert [(c, label) for c, label, _ in top] == [(1, "b"), (2, "c")]
    assert top[0][2] == pytest.approx(0.6652, abs=1e-4)
    assert record.untrained


def test_a_heatmap_with_nan_is_never_made():
    with pytest.raises(MethodError):
        Heatmap(torch.tensor([[float("nan")]]), "raw", "")


def test_a_token_that_stands_for_a_run_of_patches_covers_each_of_them():
    keys = TokenLayout(Grid(2, 3), ("cls",), torch.arange(4).unsqueeze(0), cells=torch.arange(6) // 2)
    assert keys.count == 4
    assert keys.is_whole
    assert [keys.token((0, 1)), keys.token((0, 2)), keys.token((1, 0))] == [1, 2, 2]
    assert keys.patches(torch.tensor([9.0, 1.0, 2.0, 3.0])).tolist() == [[1, 1, 2], [2, 3, 3]]

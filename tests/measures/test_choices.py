import pytest
import torch

from tests.families import photo, tiny_model
from tests.measures.hand import even, layer, record
from vit.attention import LayerAttention, TokenLayout
from vit.capture import record_attention
from vit.measures.choices import in_reach
from vit.measures.distance import distance
from vit.models.swin import shift_mask


@pytest.mark.parametrize("family", ["our swin", "swin"])
def test_what_a_shifted_window_keeps_apart_is_out_of_reach(family):
    layers = record_attention(tiny_model(family), photo()).layers
    mask = shift_mask((16, 16), (4, 4), (2, 2))  # (windows, queries, keys), of the second block
    assert torch.equal(in_reach(layers[1], layers[1].weights), (mask == 0).float())
    assert bool((in_reach(layers[0], layers[0].weights) == 1).all())


def test_a_head_that_looks_at_all_it_may_stands_on_the_even_line():
    # Two windows; in the second, the mask of −100 leaves each patch only itself.
    tokens = torch.tensor([[0, 1], [2, 3]])
    grid = even(1, 4).keys.grid
    weights = torch.stack([torch.full((1, 2, 2), 0.5), torch.tensor([[[1.0, 4e-44], [4e-44, 1.0]]])])
    layout = TokenLayout(grid, (), tokens)
    found = distance(record(LayerAttention("windows", weights, layout, layout)))
    assert float(found.heads[0][0]) == pytest.approx(2.5)
    assert float(found.even[0]) == pytest.approx(2.5)


def test_in_one_window_everything_is_in_reach_however_sharp_a_head_is():
    sharp = layer(torch.eye(3).unsqueeze(0), 1, 3)
    assert bool((in_reach(sharp, sharp.weights) == 1).all())

"""Swin against timm, and its windows, shifts, masks and merging against tiny grids worked out by hand.

Parity is measured after noise of 0.05 on every parameter: see test_vit.py for why.
"""

import pytest
import timm
import torch
from torch import nn

from tests.families import add_noise
from tests.models.ours import loaded
from vit.errors import ModelError
from vit.models.swin import Swin, SwinBlock, merge, partition, relative_positions, shift_mask, unpartition

LIMIT = 5e-6  # on logits of about ±5


def pixels(size: tuple[int, int], seed: int = 1) -> torch.Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))


def numbers(rows: int, cols: int) -> torch.Tensor:
    """A grid whose patches are their own numbers in raster order: (1, rows, cols, 1)."""
    return torch.arange(rows * cols, dtype=torch.float32).reshape(1, rows, cols, 1)


def tiny(**changes) -> Swin:
    torch.manual_seed(0)
    shape = {"image_size": (32, 32), "patch": 2, "width": 8, "depths": (2, 2), "heads": (2, 4), "windows": (4, 4)}
    network = Swin(**{**shape, "classes": 5, **changes})
    add_noise(network)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "size", "keys"),
    [
        ("swin_tiny_patch4_window7_224", (224, 224), 173),
        ("swin_tiny_patch4_window7_224", (256, 256), 173),  # padded: no stage is a multiple of 7
        ("swin_tiny_patch4_window7_224", (160, 160), 173),  # the last grid is smaller than the window
        ("swin_tiny_patch4_window7_224", (100, 236), 173),  # odd grids to merge; one side padded, the other shrunk
        ("swin_s3_tiny_224", (224, 224), 173),
        ("swin_base_patch4_window7_224", (224, 224), 329),
        ("swin_base_patch4_window7_224", (256, 192), 329),
    ],
)
def test_a_timm_state_dict_loads_strictly_and_gives_timms_logits(name, size, keys):
    theirs = add_noise(timm.create_model(name, img_size=size)).eval()
    ours = loaded(name, theirs, size)
    assert len(ours.state_dict()) == keys
    x = pixels(size)
    assert (ours(x) - theirs(x)).abs().max() <= LIMIT


@torch.no_grad()
@pytest.mark.parametrize("size", [(256, 256), (320, 288)])
def test_weights_of_224_see_another_size_as_timm_sees_it(size):
    name = "swin_tiny_patch4_window7_224"
    theirs = add_noise(timm.create_model(name, img_size=size)).eval()
    ours = loaded(name, theirs)  # the window is 7 everywhere, so the tables fit
    x = pixels(size)
    assert (ours(x) - theirs(x)).abs().max() <= LIMIT


@torch.no_grad()
@pytest.mark.parametrize("size", [(32, 32), (36, 32), (26, 44), (8, 4)])
def test_a_tiny_swin_of_any_size_equals_timms(size):
    shape = {"patch_size": 2, "window_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (2, 4), "num_classes": 5}
    theirs = add_noise(timm.create_model("swin_tiny_patch4_window7_224", img_size=size, **shape)).eval()
    ours = tiny(image_size=size)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert (ours(pixels(size)) - theirs(pixels(size))).abs().max() <= LIMIT


def test_every_norm_has_the_epsilon_1e_5():
    epsilons = [m.eps for m in tiny().modules() if isinstance(m, nn.LayerNorm)]
    assert epsilons == [1e-5] * 11  # the embedding's, two in each of four blocks, the merging's and the last


def test_windows_are_cut_in_raster_order():
    windows = partition(numbers(4, 6), (2, 3))
    assert windows.squeeze(-1).tolist() == [
        [0, 1, 2, 6, 7, 8],
        [3, 4, 5, 9, 10, 11],
        [12, 13, 14, 18, 19, 20],
        [15, 16, 17, 21, 22, 23],
    ]


def test_windows_go_back_to_where_they_came_from():
    grid = torch.randn(3, 6, 8, 5)
    windows = partition(grid, (3, 2))
    assert windows.shape == (3 * 2 * 4, 6, 5)
    assert torch.equal(unpartition(windows, (3, 2), (6, 8)), grid)


def test_the_bias_depends_on_how_far_the_key_is_from_the_query():
    """A window of 2 × 2 has offsets −1, 0, 1 either way: entry (down + 1) · 3 + (across + 1), query minus key."""
    assert relative_positions((2, 2), (2, 2)).tolist() == [
        [4, 3, 1, 0],  # the top left patch sees itself, its right, below and diagonal neighbour
        [5, 4, 2, 1],
        [7, 6, 4, 3],
        [8, 7, 5, 4],
    ]


def test_a_smaller_window_uses_the_same_bias_for_the_same_offset():
    """The left column of a 2 × 2 window is a 2 × 1 window: slots 0 and 2."""
    whole = relative_positions((2, 2), (2, 2))
    assert relative_positions((2, 1), (2, 2)).tolist() == whole[[0, 2]][:, [0, 2]].tolist()


@pytest.mark.parametrize(
    ("grid", "plain", "shifted"),
    [
        ((14, 14), ((7, 7), (0, 0)), ((7, 7), (3, 3))),
        ((8, 8), ((7, 7), (0, 0)), ((7, 7), (3, 3))),
        ((7, 7), ((7, 7), (0, 0)), ((7, 7), (0, 0))),
        ((7, 14), ((7, 7), (0, 0)), ((7, 7), (0, 3))),
        ((5, 9), ((5, 7), (0, 0)), ((5, 7), (0, 3))),
    ],
)
def test_no_shift_where_the_grid_is_no_larger_than_the_window(grid, plain, shifted):
    assert SwinBlock(8, 2, (7, 7), False, 4.0).windowing(grid) == plain
    assert SwinBlock(8, 2, (7, 7), True, 4.0).windowing(grid) == shifted


def test_the_mask_parts_patches_that_only_the_roll_made_neighbours():
    """A row of four patches, windows of two, rolled by one: 1 2 | 3 0. Only 3 and 0 came from opposite edges."""
    mask = shift_mask((1, 4), (1, 2), (0, 1))
    assert mask.tolist() == [[[0, 0], [0, 0]], [[0, -100], [-100, 0]]]


def test_the_mask_equals_neighbourhood_on_the_picture():
    """With whole windows, a pair may look at each other exactly if the shift brought both from the same edge."""
    size, extent, by = 6, 3, 1
    rolled = numbers(size, size).roll((-by, -by), dims=(1, 2))
    places = partition(rolled, (extent, extent)).squeeze(-1).long()  # (windows, slots): patch numbers
    rows, cols = places // size, places % size
    near = ((rows[:, :, None] - rows[:, None, :]).abs() < extent) & (
        (cols[:, :, None] - cols[:, None, :]).abs() < extent
    )
    assert torch.equal(shift_mask((size, size), (extent, extent), (by, by)) == 0, near)


def reach(side: int, shifted: bool, grid: tuple[int, int], patch: int) -> list[int]:
    """The patches whose output changes when one patch of a block's input does; windows of ``side`` × ``side``."""
    block = SwinBlock(8, 2, (side, side), shifted, 2.0).eval()
    add_noise(block)
    tokens = torch.randn(1, *grid, 8, generator=torch.Generator().manual_seed(4))
    changed = tokens.clone()
    changed[0, patch // grid[1], patch % grid[1], 0] += 1.0  # one channel: the norm takes away what all have in common
    with torch.no_grad():
        return (block(tokens) != block(changed)).any(-1).flatten().nonzero().flatten().tolist()


def test_a_patch_reaches_its_window_and_nothing_else():
    assert reach(2, False, (4, 4), 5) == [0, 1, 4, 5]


def test_a_shifted_block_reaches_across_the_border_but_not_around_the_edge():
    assert reach(2, True, (4, 4), 5) == [5, 6, 9, 10]  # the four patches around the middle
    assert reach(2, True, (4, 4), 0) == [0]  # shares its window with the three other corners, and is masked from them
    assert reach(2, True, (4, 4), 1) == [1, 2]


def test_the_grid_comes_back_in_place_when_it_had_to_be_padded():
    assert reach(3, False, (4, 5), 19) == [18, 19]  # the last window holds one row and two columns of the picture


def test_merging_takes_the_left_column_first():
    merged = merge(numbers(2, 4))
    assert merged.shape == (1, 1, 2, 4)
    assert merged[0, 0].tolist() == [[0, 4, 1, 5], [2, 6, 3, 7]]


def test_merging_pads_odd_sides_below_and_right():
    assert merge(numbers(3, 3) + 1)[0].tolist() == [[[1, 4, 2, 5], [3, 6, 0, 0]], [[7, 0, 8, 0], [9, 0, 0, 0]]]


@torch.no_grad()
def test_every_row_of_attention_sums_to_1_in_every_window(monkeypatch):
    seen = []
    softmax = torch.Tensor.softmax
    monkeypatch.setattr(torch.Tensor, "softmax", lambda t, dim: seen.append(softmax(t, dim)) or seen[-1])
    tiny(image_size=(36, 32))(pixels((36, 32)))
    # 18 × 16 patches in windows of 4 × 4, padded to 20 rows; merged, 9 × 8 padded to 12.
    assert [tuple(a.shape) for a in seen] == [(20, 2, 16, 16)] * 2 + [(6, 4, 16, 16)] * 2
    for attention in seen:
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))


def test_attention_is_found_at_timms_path():
    network = tiny()
    assert type(network.get_submodule("layers.1.blocks.0.attn")).__name__ == "WindowAttention"


def test_everything_learns():
    network = tiny().train()
    network(pixels((32, 32))).square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_deeper_blocks_are_left_out_more_often():
    blocks = [m for m in tiny(drop_path=0.3).modules() if isinstance(m, SwinBlock)]
    assert [block.drop for block in blocks] == pytest.approx([0.0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("size", [(31, 32), (32, 1)])
def test_a_size_that_is_no_multiple_of_the_patch_is_refused_in_a_sentence(size):
    with pytest.raises(ModelError, match="multiples of 2"):
        tiny()(torch.zeros(1, 3, *size))
    with pytest.raises(ModelError, match="multiples of 2"):
        tiny(image_size=size)

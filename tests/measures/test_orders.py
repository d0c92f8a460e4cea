import pytest
import torch

from vit.measures.orders import blurred, on_grid, order_of, patch_of_pixel, places, random_orders
from vit.tokens import Grid


def test_a_finer_map_is_averaged_by_area_and_a_coarser_one_repeated():
    fine = torch.tensor([[1.0, 3.0, 5.0, 7.0], [1.0, 3.0, 5.0, 11.0]])
    assert on_grid(fine, Grid(1, 2)).tolist() == [[2.0, 7.0]]
    assert on_grid(torch.tensor([[2.0, 7.0]]), Grid(2, 4)).tolist() == [[2.0, 2.0, 7.0, 7.0]] * 2
    # Three columns over two: each of the two holds one column whole and half of the middle one.
    assert on_grid(torch.tensor([[0.0, 3.0, 9.0]]), Grid(1, 2)).tolist()[0] == pytest.approx([1.0, 7.0])
    assert torch.equal(on_grid(fine, Grid(2, 4)), fine.double())


@pytest.mark.parametrize(("have", "want"), [((3, 5), (7, 2)), ((6, 4), (4, 6)), ((7, 7), (14, 21))])
def test_a_map_on_another_grid_keeps_its_mean(have, want):
    values = torch.rand(have, generator=torch.Generator().manual_seed(0))
    brought = on_grid(values, Grid(*want))
    assert brought.shape == want
    assert float(brought.mean()) == pytest.approx(float(values.double().mean()))


def test_an_order_goes_from_the_highest_value_to_the_lowest_and_its_places_invert_it():
    values = torch.tensor([[0.2, 0.9, 0.1], [0.5, 0.3, 0.8]])
    order = order_of(values, torch.arange(6))
    assert order.tolist() == [1, 5, 3, 4, 0, 2]
    assert places(order.unsqueeze(0)).tolist() == [[4, 0, 5, 2, 3, 1]]


def test_ties_favour_no_corner_of_the_picture():
    """A map of zeros but for one patch: the others' mean place is the same at the top and at the bottom."""
    values = torch.zeros(4, 4)
    values[2, 1] = 1
    orders = torch.stack([order_of(values, each) for each in random_orders(16, 2000, seed=0)])
    assert bool((orders[:, 0] == 9).all())
    place = places(orders).double().mean(0)  # (patches,): 8 on average for all that are tied, 1 to 15
    assert place[torch.arange(16) != 9].sub(8).abs().max() < 0.5


def test_random_orders_are_permutations_and_repeat_with_their_seed():
    orders = random_orders(30, 4, seed=3)
    assert orders.sort(-1).values.equal(torch.arange(30).expand(4, 30))
    assert torch.equal(orders, random_orders(30, 4, seed=3))
    assert not torch.equal(orders, random_orders(30, 4, seed=4))


def test_every_pixel_has_its_patch_on_a_grid_that_is_not_square():
    patch = patch_of_pixel(Grid(2, 3), 4, 9)
    assert patch.tolist() == [[0] * 3 + [1] * 3 + [2] * 3] * 2 + [[3] * 3 + [4] * 3 + [5] * 3] * 2


def test_pixels_that_do_not_divide_are_shared_out_within_one():
    sizes = patch_of_pixel(Grid(3, 1), 10, 1).flatten().bincount()
    assert sizes.tolist() == [4, 3, 3]


@pytest.mark.parametrize("size", [(8, 20), (224, 224), (4, 4)])
def test_a_blur_keeps_the_size_and_takes_the_detail(size):
    pixels = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    soft = blurred(pixels, 0.25)
    assert soft.shape == pixels.shape
    assert soft.std() < 0.6 * pixels.std()
    assert torch.allclose(blurred(torch.ones(1, 3, *size), 0.25), torch.ones(1, 3, *size))


def test_a_blur_is_the_gaussian_that_it_says():
    point = torch.zeros(1, 3, 41, 41)
    point[0, 1, 20, 20] = 1
    soft = blurred(point, 0.1)[0]
    across, reach = torch.arange(-20, 21), 9  # cut two sigmas away
    bell = torch.where(across.abs() <= reach, torch.exp(-(across**2) / (2 * 4.1**2)), 0.0)
    bell = bell / bell.sum()
    assert torch.allclose(soft[1], torch.outer(bell, bell), atol=1e-6)
    assert not bool(soft[[0, 2]].any())

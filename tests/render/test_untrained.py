import numpy as np
import pytest
import torch

from tests.render.drawn import grey, heat, photo
from vit.render import overlay, sheet, stamp_untrained
from vit.render.untrained import PLATE, UNTRAINED, stamp_words


def test_a_picture_of_an_untrained_model_says_so_and_a_trained_one_does_not():
    image, values = photo(120, 200), torch.rand(4, 4)
    trained, untrained = overlay(image, heat(values, "bundled")), overlay(image, heat(values, "random"))
    changed = (trained != untrained).any(-1)
    assert changed.sum() > 500
    ys, xs = np.nonzero(changed)
    assert ys.min() > 60 and xs.max() < 150, "the plate stays in the lower left corner"
    assert (untrained[ys.min() : ys.max(), xs.min() : xs.max()] == PLATE).all(-1).mean() > 0.5
    assert (untrained[ys.min() : ys.max(), xs.min() : xs.max()] > 240).all(-1).any(), "white letters"


def test_the_words_stand_even_where_nothing_else_is_drawn():
    image = photo(120, 200)
    assert (overlay(image, heat(torch.zeros(2, 2), "random")) != image).any()
    assert (overlay(image, heat(torch.rand(2, 2), "random"), alpha=0) != image).any()


def test_the_words_grow_with_the_picture_and_shrink_before_they_go():
    lines, large = stamp_words(3000, 4000)
    assert lines == (UNTRAINED,) and large == 64
    assert stamp_words(224, 224) == ((UNTRAINED,), 12)
    lines, small = stamp_words(64, 64)
    assert " ".join(lines) == UNTRAINED and 8 <= small <= 12
    assert stamp_words(16, 16) == ((), 0) and stamp_words(1, 5000) == ((), 0)


@pytest.mark.parametrize("side", [(224, 224), (64, 64), (48, 300), (1000, 90)])
def test_the_words_fit_on_the_picture(side):
    stamped = stamp_untrained(grey(*side))
    changed = (stamped != 128).any(-1)
    ys, xs = np.nonzero(changed)
    assert ys.min() >= 2 and xs.min() >= 2 and ys.max() <= side[0] - 3 and xs.max() <= side[1] - 3
    # The letters end inside their plate.
    plate = stamped[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    edge = np.concatenate([plate[0], plate[-1], plate[:, 0], plate[:, -1]])
    assert (edge == PLATE).all()


@pytest.mark.parametrize("side", [(1, 1), (1, 50), (50, 1), (8, 8), (20, 30)])
def test_a_picture_too_small_for_words_is_crossed_out(side):
    image = grey(*side)
    stamped = stamp_untrained(image)
    assert stamped.shape == image.shape
    assert (stamped[0, 0] != 128).any() and (stamped[-1, -1] != 128).any()


def test_the_picture_itself_is_left_alone():
    image = grey(100, 200)
    stamp_untrained(image)
    assert (image == 128).all()


def test_a_sheet_of_an_untrained_model_says_so_on_its_maps():
    layers = [torch.rand(2, 3, 3)] * 2
    trained, untrained = (sheet(layers, model="m", provenance=p) for p in ("bundled", "random"))
    assert (trained[:-80] != untrained[:-80]).any(-1).sum() > 500

"""Signed maps, the differences of two: zero is in the middle of the colours, wherever they are drawn."""

import numpy as np
import pytest
import torch

from tests.render.drawn import photo
from vit.attention import Heatmap
from vit.errors import ImageError, MethodError
from vit.render import colormap_table, figure, overlay, side_by_side, with_legend

VALUES = torch.tensor([[0.5, 0.0], [-1.0, 0.25]])
SIGNED = Heatmap(VALUES, "relevance", "for a minus for b", signed=True)


def test_zero_is_clear_and_both_ends_have_their_own_colour():
    picture = photo(40, 40)
    drawn = overlay(picture, SIGNED, alpha=1.0, colormap="viridis", smooth=False)
    assert np.array_equal(drawn, overlay(picture, Heatmap(VALUES, "m", "c"), 1.0, "diverging", smooth=False))
    assert np.array_equal(drawn[:20, 20:], picture[:20, 20:])  # 0: the photo itself
    assert (drawn[20:, :20] == colormap_table("diverging")[0]).all()  # −1: the low end, in full
    assert np.abs(drawn[:20, :20].astype(int) - colormap_table("diverging")[191]).max() <= 2  # half the peak: in full


def test_the_legend_goes_from_minus_to_plus(monkeypatch):
    from vit.render import legend

    numbers = []
    strip = legend.legend_strip
    monkeypatch.setattr(legend, "legend_strip", lambda *given: numbers.append(given[1:3]) or strip(*given))
    with_legend(photo(40, 200), SIGNED, "turbo")
    assert numbers == [("diverging", ("−1.00", "+1.00"))]


@pytest.mark.parametrize("own_scale", [True, False])
def test_a_figure_of_two_maps_and_their_difference(tmp_path, own_scale):
    maps = [Heatmap(VALUES.abs() * factor, "relevance", "a map") for factor in (1, 2)]
    figure(photo(40, 40), [*maps, SIGNED], ["a", "b", "a − b"], tmp_path / "out.svg", own_scale=own_scale)
    written = (tmp_path / "out.svg").read_text()
    assert written.count("<image") >= 4  # the photo and three maps
    assert "−1.00" in written or "2212" in written


def test_side_by_side_keeps_each_picture_as_it_is():
    one, other = photo(30, 40), photo(50, 20)
    row = side_by_side([one, other])
    assert row.shape[0] == 50
    assert np.array_equal(row[:30, :40], one)
    assert np.array_equal(row[:50, -20:], other)
    assert (row[30:, :40] == 255).all()
    with pytest.raises(MethodError):
        side_by_side([])
    with pytest.raises(ImageError):
        side_by_side([one.astype(float)])

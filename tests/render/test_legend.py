import numpy as np
import pytest
import torch

from tests.render.drawn import grey, heat, photo
from vit.errors import MethodError
from vit.render import colormap_table, number, overlay, provenance_line, with_legend
from vit.render import legend as legend_file
from vit.render.legend import bar_numbers, colour_bar, legend_strip


@pytest.mark.parametrize(
    ("value", "share", "words"),
    [
        (0.0, True, "0%"),
        (0.04126, True, "4.13%"),
        (0.5, True, "50.0%"),
        (1.0, True, "100%"),
        (0.9996, True, "100%"),
        (0.09996, True, "10.0%"),
        (0.000412, True, "0.0412%"),
        (1e-7, True, "1.00e−05%"),
        (0.0, False, "0"),
        (3.14159, False, "3.14"),
        (31.4159, False, "31.4"),
        (999.4, False, "999"),
        (999.7, False, "1.00e+03"),
        (-0.25, False, "−0.250"),
    ],
)
def test_numbers_have_three_digits(value, share, words):
    assert number(value, share) == words


def test_what_is_no_number_is_not_written():
    with pytest.raises(MethodError):
        number(float("nan"))


def test_the_ends_of_the_bar():
    assert bar_numbers(0.05, "turbo", True) == ("0%", "5.00%")
    assert bar_numbers(0.05, "diverging", False) == ("−0.0500", "+0.0500")
    bar = colour_bar(77, "inferno")
    assert (bar[0] == colormap_table("inferno")[0]).all() and (bar[-1] == colormap_table("inferno")[255]).all()


def words_written(monkeypatch):
    seen = []
    real = legend_file.write
    monkeypatch.setattr(legend_file, "write", lambda page, words, *rest: (seen.append(words), real(page, words, *rest)))
    return seen


def test_the_legend_stands_below_the_picture_with_the_true_numbers(monkeypatch):
    seen = words_written(monkeypatch)
    drawn, shown = overlay(photo(200, 400), heat([[0.01, 0.0312]])), heat([[0.01, 0.0312]])
    page = with_legend(drawn, shown)
    assert page.shape[1] == 400 and page.shape[0] > 230 and (page[:200] == drawn).all()
    assert seen == ["0%", "3.12%", "vit_tiny · weights: bundled · attention of layer 1"]
    # The bar is in the strip: its first and last colours, at its two ends.
    strip = page[200:]
    ends = [(strip == colour).all(-1).nonzero()[1] for colour in colormap_table("turbo")[[0, 255]]]  # x of each pixel
    assert all(len(places) >= 8 for places in ends)
    assert ends[0].mean() < ends[1].mean()  # beside the lower number the first colour


def test_the_legend_gives_the_peak_that_was_drawn_with(monkeypatch):
    seen = words_written(monkeypatch)
    with_legend(grey(50, 300), heat([[0.1]]), peak=0.4)
    assert "40.0%" in seen
    seen.clear()
    with_legend(grey(50, 300), heat([[0.1]], method="gradcam"))
    assert "0.100" in seen
    seen.clear()
    with_legend(grey(50, 300), heat([[0.1]], method="gradcam"), share=True)
    assert "10.0%" in seen


def test_provenance():
    assert provenance_line("m", "bundled", "rollout") == "m · weights: bundled · rollout"
    assert provenance_line("m", "random", "rollout") == "m · untrained weights · rollout"
    assert provenance_line("", "", "rollout") == "rollout"


@pytest.mark.parametrize("width", [1, 64, 120, 176, 500, 1000, 4000])
@pytest.mark.parametrize("provenance", ["bundled", "random"])
def test_no_letter_touches_the_edge(width, provenance):
    shown = heat(
        torch.rand(3, 3), provenance, caption="rollout of layers 1 to 12, mean of all heads · 41.2% on CLS · " * 3
    )
    picture = grey(30, width)
    page = with_legend(picture, shown)
    assert page.shape[1] == max(width, 176)
    left = (page.shape[1] - width) // 2
    assert (page[:30, left : left + width] == picture).all()
    strip = page[30:]
    for edge in (strip[:4], strip[-4:], strip[:, :4], strip[:, -4:]):
        assert (edge == 255).all()
    assert (strip < 140).any()


def test_a_note_goes_below_where_there_is_no_room_beside(monkeypatch):
    seen = words_written(monkeypatch)
    legend_strip(1000, "turbo", ("0%", "1.00%"), "model", "one scale for all maps")
    assert seen == ["0%", "1.00%", "one scale for all maps", "model"]
    seen.clear()
    legend_strip(200, "turbo", ("0%", "1.00%"), "model", "one scale for all maps")
    assert seen[:2] == ["0%", "1.00%"] and " ".join(seen[2:]) == "model · one scale for all maps"


def test_an_all_zero_map_has_a_legend(monkeypatch):
    seen = words_written(monkeypatch)
    with_legend(grey(40, 300), heat(torch.zeros(2, 2)))
    assert seen[:2] == ["0%", "0%"]
    assert np.isfinite(legend_strip(300, "turbo", ("0", "0"), "")).all()

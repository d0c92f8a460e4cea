import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.render.drawn import grey, heat, hot_cell, photo
from vit.errors import ImageError, MethodError
from vit.render import COLORMAPS, colormap_table, overlay
from vit.render import heat as heat_file


def by_the_formula(image, values, alpha, colormap, peak):
    """The overlay pixel by pixel, in float64, as the file's docstring says it."""
    height, width = image.shape[:2]
    rows, cols = values.shape
    table = colormap_table(colormap).astype(float)
    out = np.empty(image.shape)
    for y in range(height):
        v = min(max((y + 0.5) * rows / height - 0.5, 0), rows - 1)
        i = min(int(v), rows - 2) if rows > 1 else 0
        for x in range(width):
            u = min(max((x + 0.5) * cols / width - 0.5, 0), cols - 1)
            j = min(int(u), cols - 2) if cols > 1 else 0
            below, right = min(i + 1, rows - 1), min(j + 1, cols - 1)
            upper = values[i, j] * (1 - (u - j)) + values[i, right] * (u - j)
            lower = values[below, j] * (1 - (u - j)) + values[below, right] * (u - j)
            value = upper * (1 - (v - i)) + lower * (v - i)
            if colormap == "diverging":
                t = min(max(value / peak, -1), 1)
                code = round(127.5 + 127.5 * t)
                ramp = 0 if code in (127, 128) else min(1, 2 * abs(2 * code - 255) / 255)
            else:
                t = min(max(value / peak, 0), 1)
                code = round(255 * t)
                ramp = min(1, 2 * code / 255)
            opacity = round(255 * alpha * ramp) / 255
            out[y, x] = image[y, x] * (1 - opacity) + table[code] * opacity
    return out


@pytest.mark.parametrize("colormap", ["turbo", "viridis", "diverging"])
@pytest.mark.parametrize("shape", [(31, 47), (5, 3), (1, 1), (1, 40), (40, 1)])
@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (14, 14), (1, 7)])
def test_every_pixel_follows_the_written_formula(shape, grid, colormap):
    rng = np.random.default_rng(1)
    values = rng.random(grid) - (0.5 if colormap == "diverging" else 0)
    image, peak = photo(*shape), 0.4
    drawn = overlay(image, heat(values), 0.6, colormap, peak)
    # Rounded twice on the way, and a code may fall to either side: the colours of neighbouring codes are close.
    table = colormap_table(colormap).astype(int)
    tolerance = 2 + 0.6 * np.abs(np.diff(table, axis=0)).max() + 2
    assert np.abs(drawn - by_the_formula(image, values, 0.6, colormap, peak)).max() <= tolerance
    assert np.abs(drawn - by_the_formula(image, values, 0.6, colormap, peak)).mean() < 0.6


def test_a_hot_cell_colours_exactly_its_rectangle_in_blocks():
    image = photo(30, 40)
    drawn = overlay(image, heat(hot_cell(3, 4, 1, 2)), alpha=1.0, colormap="viridis", smooth=False)
    changed = (drawn != image).any(-1)
    expected = np.zeros((30, 40), dtype=bool)
    expected[10:20, 20:30] = True
    assert (changed == expected).all()
    assert (drawn[10:20, 20:30] == colormap_table("viridis")[255]).all()


def test_blocks_of_a_grid_that_does_not_divide_the_picture():
    drawn = overlay(grey(1, 5), heat([[0.0, 1.0]]), alpha=1.0, smooth=False)
    # Pixel centres 0.5, 1.5, 2.5, 3.5, 4.5 of 5; the second cell starts at 2.5.
    assert (drawn[0] != 128).any(-1).tolist() == [False, False, True, True, True]


def test_a_smooth_map_is_hottest_in_the_middle_of_its_patch_and_fades():
    drawn = overlay(grey(30, 30, 0), heat(hot_cell(3, 3, 1, 1)), alpha=1.0, colormap="inferno").sum(-1).astype(int)
    assert drawn[14, 14] == drawn[15, 15] > drawn[14, 10] > drawn[14, 6] > drawn[14, 4] == 0


def test_the_outer_half_patch_is_flat():
    drawn = overlay(grey(8, 8), heat([[1.0, 0.0], [1.0, 0.0]]), alpha=1.0)
    assert (drawn[:, 0] == drawn[:, 1]).all() and (drawn[:, 1] != drawn[:, 3]).any()


def test_zero_is_transparent():
    image = photo()
    drawn = overlay(image, heat(hot_cell(2, 3, 0, 0)), alpha=1.0, smooth=False)
    assert (drawn[16:] == image[16:]).all() and (drawn[:16, :16] != image[:16, :16]).any()


def test_opacity_is_full_from_half_the_peak_on():
    values = [[0.25, 0.5, 1.0]]
    drawn = overlay(grey(1, 3, 0), heat(values), alpha=0.5, colormap="viridis", smooth=False).astype(float)
    table = colormap_table("viridis").astype(float)
    for column, (value, opacity) in enumerate(((0.25, 0.25), (0.5, 0.5), (1.0, 0.5))):
        assert np.abs(drawn[0, column] - table[round(255 * value)] * opacity).max() <= 1.5


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 700)])
def test_alpha_zero_is_the_photo(shape):
    image = photo(*shape)
    drawn = overlay(image, heat(torch.rand(14, 14)), alpha=0)
    assert (drawn == image).all() and drawn is not image


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_an_all_zero_map_is_the_photo(colormap):
    image = photo()
    assert (overlay(image, heat(torch.zeros(3, 3)), colormap=colormap) == image).all()


def test_what_is_above_the_peak_is_cut_off_after_the_interpolation():
    # Halfway between 0 and twice the peak lies the peak itself.
    drawn = overlay(grey(1, 5), heat([[0.0, 2.0]]), 1.0, "viridis", peak=1.0)
    assert (drawn[0, 2:] == colormap_table("viridis")[255]).all()


def test_values_below_zero_are_transparent_in_a_map_that_starts_at_zero():
    drawn = overlay(grey(1, 2), heat([[-1.0, 1.0]]), 1.0, "viridis", smooth=False)
    assert (drawn[0, 0] == 128).all() and (drawn[0, 1] == colormap_table("viridis")[255]).all()


@pytest.mark.parametrize("scale", [1e-40, 1e-12, 1.0, 1e30])
def test_a_positive_factor_changes_nothing(scale):
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    image = photo()
    by_scale = overlay(image, heat(values * scale)).astype(int)
    assert np.abs(by_scale - overlay(image, heat(values))).max() <= 6


def test_a_shared_peak_makes_a_weak_map_weak():
    image = grey(20, 20)
    weak, strong = heat(hot_cell(2, 2, 0, 0, 0.1)), heat(hot_cell(2, 2, 0, 0, 1.0))
    assert (overlay(image, weak) == overlay(image, strong)).all()
    shift = np.abs(overlay(image, weak, peak=1.0).astype(int) - image).max()
    assert 0 < shift < np.abs(overlay(image, strong, peak=1.0).astype(int) - image).max() / 2
    # What is above the peak gets the last colour.
    assert (overlay(image, strong, peak=0.5, smooth=False) == overlay(image, strong, smooth=False)).all()


def test_differences_are_centred_at_zero():
    drawn = overlay(grey(1, 3), heat([[-1.0, 0.0, 1.0]]), 1.0, "diverging", smooth=False)
    table = colormap_table("diverging")
    assert (drawn[0, 0] == table[0]).all() and (drawn[0, 1] == 128).all() and (drawn[0, 2] == table[255]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 2), (2000, 2400), (997, 1009)])
@pytest.mark.parametrize("grid", [(1, 1), (14, 14), (64, 48)])
def test_any_size_and_any_grid(shape, grid):
    image = photo(*shape)
    kept = image.copy()
    drawn = overlay(image, heat(torch.rand(*grid) + 0.1))
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (image == kept).all(), "the photo was drawn into"
    assert (drawn != image).any() if drawn.size > 3 else True


def test_strips_leave_no_seam(monkeypatch):
    image, values = photo(301, 211), heat(torch.rand(14, 9))
    whole = overlay(image, values)
    monkeypatch.setattr(heat_file, "_STRIP", 211 * 7)
    assert (overlay(image, values) == whole).all()
    monkeypatch.setattr(heat_file, "_STRIP", 1)
    assert (overlay(image, values, smooth=False) == by_strips(image, values)).all()


def by_strips(image, values):
    rows = (np.arange(301) + 0.5) * 14 / 301
    cols = (np.arange(211) + 0.5) * 9 / 211
    spread = values.values.numpy()[rows.astype(int)][:, cols.astype(int)]
    return overlay(image, heat(spread), peak=float(values.values.max()), smooth=False)


def test_a_view_of_a_larger_picture_is_drawn_as_its_copy():
    view = photo(60, 80)[::2, 5:45][:, ::-1]
    values = heat(torch.rand(4, 4))
    assert (overlay(view, values) == overlay(view.copy(), values)).all()


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_an_impossible_opacity_is_an_error(alpha):
    with pytest.raises(MethodError, match="0 to 1"):
        overlay(photo(), heat(torch.rand(2, 2)), alpha=alpha)


@pytest.mark.parametrize("peak", [float("nan"), float("inf")])
def test_an_impossible_peak_is_an_error(peak):
    with pytest.raises(MethodError, match="finite"):
        overlay(photo(), heat(torch.rand(2, 2)), peak=peak)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_rgb_picture_is_an_error(image):
    with pytest.raises(ImageError):
        overlay(image, heat(torch.rand(2, 2)))


def test_threads_draw_what_one_thread_draws():
    jobs = [(photo(100 + n, 150), heat(torch.rand(7, 7), "random" if n % 2 else "bundled")) for n in range(12)]
    alone = [overlay(*job) for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda n: overlay(*jobs[n % 12]), range(120)))
    assert all((drawn == alone[n % 12]).all() for n, drawn in enumerate(together))


def test_drawing_loads_neither_torch_nor_matplotlib_by_itself():
    script = "import sys; from vit.render import COLORMAPS, colormap_table, encode; colormap_table('turbo'); "
    script += "print([m for m in ('torch', 'matplotlib', 'PIL.Image') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

import numpy as np
import pytest

from vit.errors import MethodError
from vit.render import COLORMAPS, colormap_table


@pytest.mark.parametrize("name", COLORMAPS)
def test_tables_are_256_colours(name):
    table = colormap_table(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert len(np.unique(table, axis=0)) > 150


def test_tables_are_rgb_and_not_bgr():
    assert colormap_table("viridis")[0].tolist() == [68, 1, 84]  # the published ends of viridis
    assert colormap_table("viridis")[255].tolist() == [253, 231, 37]
    red, _, blue = colormap_table("turbo")[235].astype(int)
    assert red > 150 > blue


def test_the_tables_equal_matplotlibs():
    from matplotlib import colormaps

    for name in ("viridis", "inferno", "magma", "plasma"):
        theirs = colormaps[name](np.arange(256))[:, :3] * 255
        assert np.abs(colormap_table(name) - theirs).max() <= 2, name


def test_the_diverging_map_is_light_in_the_middle_and_blue_and_red_outside():
    table = colormap_table("diverging").astype(int)
    assert table[127].min() > 225 and table[128].min() > 225
    assert table[0, 2] > 2 * table[0, 0] and table[255, 0] > 2 * table[255, 2]
    lightness = table.sum(1)
    assert (np.diff(lightness[:128]) >= -1).all() and (np.diff(lightness[128:]) <= 1).all()


def test_an_unknown_name_is_an_error_that_lists_the_known():
    with pytest.raises(MethodError, match="viridis, inferno"):
        colormap_table("jet")


def test_nobody_can_change_a_shared_table():
    with pytest.raises(ValueError):
        colormap_table("turbo")[0] = 0

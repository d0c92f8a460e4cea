import numpy as np
import pytest

from vit.errors import VitError
from vit.render.grid import grid

RED, BLUE = (np.full((20, 40, 3), shade, np.uint8) for shade in ((200, 0, 0), (0, 0, 200)))


def test_pictures_stand_in_rows_of_columns_with_words_below():
    page = grid([RED, BLUE, RED], ["one", "two", "three"], columns=2, cell=100)
    assert page.shape[1] == 12 + 2 * 112
    assert tuple(page[40, 60]) == (200, 0, 0)
    assert tuple(page[40, 172]) == (0, 0, 200)
    below = page[12 + 50 : 12 + 50 + 28, 12:112]
    assert below.min() < 200  # letters
    assert tuple(page[-20, 172]) == (255, 255, 255)  # no fourth picture


def test_words_take_at_most_two_lines():
    long = grid([RED], ["word " * 60], cell=100)
    assert long.shape[0] == grid([RED], ["word word word word word word"], cell=100).shape[0]


@pytest.mark.parametrize(("pictures", "words"), [([], []), ([RED], [])])
def test_a_grid_of_nothing_is_a_sentence(pictures, words):
    with pytest.raises(VitError, match="at least one picture"):
        grid(pictures, words)

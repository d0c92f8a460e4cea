from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.render.drawn import hot_cell, photo
from vit.errors import MethodError
from vit.render import colormap_table, sheet, sheet_layout
from vit.render import contact_sheet as sheet_file

VIRIDIS = colormap_table("viridis")


def test_cells_stand_where_the_layout_says():
    layers = [torch.zeros(3, 2, 2), torch.zeros(2, 4, 4)]
    layers[1][1] = 1.0  # the second layer's second head, all of it
    layout = sheet_layout([3, 2], (2, 2), cell=20)
    page = sheet(layers, colormap="viridis", cell=20)
    assert layout.cell == (20, 20)
    for layer, head, colour in ((0, 0, VIRIDIS[0]), (0, 2, VIRIDIS[0]), (1, 0, VIRIDIS[0]), (1, 1, VIRIDIS[255])):
        y, x = layout.corner(layer, head)
        assert (page[y : y + 20, x : x + 20] == colour).all(), (layer, head)
        assert (page[y - 1, x : x + 20] == 255).all() and (page[y : y + 20, x + 20] == 255).all(), "white between cells"
    y, x = layout.corner(1, 2)  # a head that the second layer lacks
    assert (page[y : y + 20, x : x + 20] == 255).all()


def test_a_cell_shows_its_map_the_right_way_round():
    layers = [torch.zeros(3, 2, 2), torch.zeros(2, 2, 2)]
    layers[1][0] = hot_cell(2, 2, 0, 1)  # elsewhere when mirrored, turned or transposed
    y, x = sheet_layout([3, 2], (2, 2), cell=20).corner(1, 0)
    cell = sheet(layers, colormap="viridis", cell=20, smooth=False)[y : y + 20, x : x + 20]
    assert (cell[:10, 10:] == VIRIDIS[255]).all()
    assert (cell[:, :10] == VIRIDIS[0]).all() and (cell[10:] == VIRIDIS[0]).all()


def test_a_pixel_names_its_cell():
    layout = sheet_layout([3, 2], (10, 20), cell=20)
    assert layout.cell == (10, 20)
    for layer, head in ((0, 0), (0, 2), (1, 1)):
        y, x = layout.corner(layer, head)
        assert layout.at(y, x) == layout.at(y + 9, x + 19) == (layer, head)
        assert layout.at(y - 1, x) is None and layout.at(y, x + 20) is None
    assert layout.at(*layout.corner(1, 2)) is None and layout.at(-5, -5) is None


def test_one_scale_holds_for_all_maps_unless_each_has_its_own():
    layers = [torch.full((1, 2, 2), 0.5), torch.full((1, 2, 2), 1.0)]
    layout = sheet_layout([1, 1], (2, 2), cell=30)
    shared, own = (sheet(layers, colormap="viridis", cell=30, own_scale=own) for own in (False, True))
    (weak_y, x), (strong_y, _) = layout.corner(0, 0), layout.corner(1, 0)
    assert (shared[weak_y, x] == VIRIDIS[128]).all() and (shared[strong_y, x] == VIRIDIS[255]).all()
    assert (own[weak_y, x] == VIRIDIS[255]).all() and (own[strong_y, x] == VIRIDIS[255]).all()
    halved = sheet(layers, colormap="viridis", cell=30, peak=2.0)
    assert (halved[strong_y, x] == VIRIDIS[128]).all()


def test_the_photo_lies_under_the_maps_in_grey_and_gives_the_cells_their_shape():
    layers = [hot_cell(2, 2, 0, 1).expand(2, 2, 2)]
    layout = sheet_layout([2], (32, 48), cell=48)
    page = sheet(layers, photo(), cell=48, smooth=False)
    y, x = layout.corner(0, 1)
    cell = page[y : y + 32, x : x + 48].astype(int)
    assert (cell[16:, :, 0] == cell[16:, :, 2]).all() and (cell[:, :24, 0] == cell[:, :24, 2]).all(), "grey"
    assert cell[16:].std() > 5, "a picture"
    assert (cell[:16, 24:, 0] != cell[:16, 24:, 2]).mean() > 0.9, "heat has colour"


@pytest.mark.parametrize("heads", [[12] * 12, [3, 3, 6, 6, 12, 12, 24, 24], [1], [64] * 4, [2] * 48])
def test_sheets_of_all_models_have_a_sensible_size(heads):
    layers = [torch.rand(n, 7, 7) for n in heads]
    page = sheet(layers, model="m", provenance="bundled", caption="attention of every head, from CLS")
    assert page.dtype == np.uint8 and page.shape[2] == 3
    assert max(page.shape) <= 3600
    assert (
        (page[:, -1] == 255).all() and (page[-1] == 255).all() and (page[0] == 255).all() and (page[:, 0] == 255).all()
    )


def test_labels_count_from_one(monkeypatch):
    seen = []
    monkeypatch.setattr(sheet_file, "write", lambda page, words, *rest: seen.append(words))
    sheet([torch.rand(3, 2, 2)] * 2)
    assert seen == ["head", "1", "2", "3", "layer 1", "2"]
    seen.clear()
    sheet([torch.rand(1, 2, 2)] * 2, rows=["stage 1", "stage 2"])
    assert seen == ["head", "1", "stage 1", "stage 2"]


def test_labels_stay_apart_where_cells_are_narrow(monkeypatch):
    seen = []
    monkeypatch.setattr(sheet_file, "write", lambda page, words, x, *rest: seen.append((words, x)))
    sheet([torch.rand(64, 2, 2)], cell=8)
    columns = [(words, x) for words, x in seen if words.isdigit()]
    assert 8 < len(columns) < 64
    assert all(b - a > sheet_file.width_of(words, 12) for (words, a), (_, b) in pairwise(columns))


def test_an_all_zero_sheet_is_drawn():
    assert sheet([torch.zeros(2, 3, 3)]).shape[2] == 3


@pytest.mark.parametrize("layers", [[], [torch.rand(2, 2)], [torch.rand(0, 2, 2)]])
def test_no_maps_are_an_error(layers):
    with pytest.raises(MethodError):
        sheet(layers)


def test_wrong_labels_and_cells_are_errors():
    with pytest.raises(MethodError, match="1 layers, but 2 labels"):
        sheet([torch.rand(1, 2, 2)], rows=["a", "b"])
    with pytest.raises(MethodError, match="pixel"):
        sheet([torch.rand(1, 2, 2)], cell=0)

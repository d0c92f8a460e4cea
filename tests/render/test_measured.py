import io
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from tests.families import photo, tiny_model
from tests.measures.hand import even, record
from tests.render.drawn import as_seen
from vit.attention import AttentionRecord
from vit.capture import record_attention
from vit.errors import MethodError, VitError
from vit.measures import Measured, get_measure, list_measures, measure
from vit.measures.filters import Filters
from vit.models.parts import parts
from vit.render import measure_bytes, plot_measure
from vit.render.measure_model import sheet_of
from vit.render.measure_page import LIGHT

MODEL = tiny_model("our vit", (32, 48))


@pytest.fixture(scope="module")
def kept() -> AttentionRecord:
    return record_attention(MODEL, photo(), keep=("features",))


def of(kept: AttentionRecord, name: str, **options) -> Measured:
    return measure(kept, name, **options, **parts(MODEL, kept, get_measure(name).parts))


def words(page: Figure) -> str:
    return " ".join(
        each.get_text() for each in cast(list[Any], page.findobj(lambda artist: hasattr(artist, "get_text")))
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", list_measures())
def test_every_measure_has_a_plot_with_its_words(kept, name, theme):
    result = of(kept, name)
    page = plot_measure(result, photo(), theme)
    said = " ".join(words(page).split())
    assert result.title in said
    assert result.summary in said
    assert f"Mind: {result.caveat}" in said
    assert "untrained weights" in said.lower()
    assert page.get_facecolor()[:3] == (
        (1, 1, 1) if theme == "light" else pytest.approx((22 / 255, 24 / 255, 28 / 255))
    )


def pictures(page: Figure) -> dict[str, np.ndarray]:
    """What each panel shows, by its title."""
    axes = cast(list[Any], page.findobj(lambda artist: bool(getattr(artist, "get_images", list)())))
    return {axis.get_title(): as_seen(axis) for axis in axes}


@pytest.mark.parametrize("image", [None, photo()], ids=["alone", "beside its photo"])
def test_maps_over_patches_are_the_measure_s_numbers_where_they_belong(kept, image):
    grid = (4, 6)
    norms, near, colours, read = (cast(Any, of(kept, name)) for name in ("norms", "patches", "pca", "lens"))
    best = read.probabilities.sort(dim=1, descending=True).values[:, :3]
    by_layer = {f"layer {number}": values[1:].reshape(grid) for number, values in enumerate(read.followed, start=1)}
    beside = {} if image is None else {"photo": image}
    for result, expected in (
        (norms, {**beside, "norms, outliers outlined": norms.norms[1:].reshape(grid)}),
        (near, {**beside, "cosine with the outlined patch": near.cosines[1:].reshape(grid)}),
        (colours, {**beside, "tokens": colours.colours[0]}),
        (read, {"": best, **by_layer}),
    ):
        found = pictures(plot_measure(result, image))
        assert found.keys() == expected.keys()
        for title, values in expected.items():
            np.testing.assert_array_equal(found[title], values, err_msg=title)


def test_the_outline_is_around_the_chosen_patch(kept):
    page = plot_measure(of(kept, "patches", patch=(1, 4)), photo())
    frames = [
        each for each in cast(list[Any], page.findobj(Rectangle)) if each.get_edgecolor()[:3] == to_rgb(LIGHT.marked)
    ]
    assert len(frames) == 2  # on the photo and on the map
    for frame in frames:
        assert frame.get_bbox().bounds == pytest.approx((4 * 64 / 6, 48 / 4, 64 / 6, 48 / 4))  # x, y, width, height


@pytest.mark.parametrize("kind", [".png", ".svg", ".pdf"])
def test_a_plot_s_file_carries_its_text_and_repeats_to_the_byte(kept, kind):
    result = of(kept, "distance")
    content = measure_bytes(result, kind)
    assert content == measure_bytes(result, kind)
    if kind == ".png":
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.text["Description"] == f"Attention distance. {result.summary}"  # type: ignore[attr-defined]
    elif kind == ".svg":
        assert "Attention distance. On a picture of 32 × 48 pixels" in content.decode()


def test_heads_stand_by_their_layer_at_their_height(kept):
    result = of(kept, "distance")
    axis = plot_measure(result).findobj(lambda artist: hasattr(artist, "get_xlabel"))[0]
    places = cast(Any, axis).collections[0].get_offsets()
    assert len(places) == 4
    assert np.rint(places[:, 0]).tolist() == [1, 1, 2, 2]
    assert places[:, 1].tolist() == pytest.approx([v for each in result.heads for v in each.tolist()])  # type: ignore


def test_heads_that_have_no_number_are_no_points():
    result = measure(record(even(1, 2, ("cls",)), even(1, 2)), "prefix")
    axis = plot_measure(result).findobj(lambda artist: hasattr(artist, "get_xlabel"))[0]
    assert len(cast(Any, axis).collections[0].get_offsets()) == 1


def test_a_picture_is_not_needed(kept):
    for name in ("norms", "patches", "pca", "lens"):
        assert plot_measure(of(kept, name)).get_size_inches()[0] == 7


def test_several_pictures_stand_side_by_side(kept):
    result = of(kept, "pca", others=[record_attention(MODEL, photo(1), keep=("features",))])
    assert "picture 2" in words(plot_measure(result, photo()))


def test_matrices_of_many_heads_name_their_layers(kept):
    assert "heads in order" in words(plot_measure(of(kept, "heads", layer="all")))


def test_tiles_keep_their_places():
    tiles = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    sheet = sheet_of(tiles, np.nan)
    assert sheet.shape == (5, 8)
    assert sheet[3:, 6:].tolist() == tiles[1, 2].tolist()
    assert np.isnan(sheet[2]).all()


def test_filters_are_drawn_as_they_are(kept):
    result = of(kept, "filters", kind="filters", count=3)
    assert isinstance(result, Filters)
    axis = plot_measure(result).findobj(lambda artist: hasattr(artist, "get_array"))[0]
    assert np.asarray(cast(Any, axis).get_array())[:8, :8] == pytest.approx(result.pictures[0].numpy())


def test_numbers_that_are_none_are_empty_cells():
    result = replace(measure(record(even(2, 2)), "entropy"), model="a")
    assert measure_bytes(result, ".csv").decode().splitlines()[1] == "0,blocks.0.attn,0,1.0,,4.0,,4"


def test_mistakes_are_sentences(kept):
    with pytest.raises(MethodError, match="light, dark"):
        plot_measure(of(kept, "distance"), theme="blue")
    with pytest.raises(VitError, match=".png, .svg, .pdf, .csv, .npz"):
        measure_bytes(of(kept, "distance"), ".jpg")

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from tests.render.drawn import as_seen, heat, photo
from vit.errors import MethodError, VitError
from vit.render import figure, overlay, publication

HEATS = [heat(torch.rand(3, 4)), heat(torch.rand(3, 4), "random", caption="rollout of layers 1 to 2")]
TITLES = ["head 5", "$x_1 rollout"]


@pytest.mark.parametrize("own_scale", [False, True])
def test_each_panel_shows_its_own_map_over_the_photo(tmp_path, monkeypatch, own_scale):
    pages = []
    monkeypatch.setattr(publication, "file_of", lambda page, *rest: pages.append(page) or b"")
    figure(photo(), HEATS, TITLES, tmp_path / "a.png", alpha=0.7, colormap="viridis", own_scale=own_scale)
    panels = {axis.get_title(): as_seen(axis) for axis in pages[0].axes if axis.get_images() and axis.get_title()}
    shared = max(float(each.values.max()) for each in HEATS)
    assert list(panels) == ["photo", *TITLES]
    np.testing.assert_array_equal(panels["photo"], photo())
    for title, each in zip(TITLES, HEATS, strict=True):
        expected = overlay(photo(), each, 0.7, "viridis", peak=None if own_scale else shared)
        np.testing.assert_array_equal(panels[title], expected)


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_figure_gives_the_same_file(tmp_path, kind):
    for name in ("a", "b"):
        figure(photo(), HEATS, TITLES, tmp_path / f"{name}.{kind}", dpi=80)
    content = (tmp_path / f"a.{kind}").read_bytes()
    assert content == (tmp_path / f"b.{kind}").read_bytes()
    assert b"CreationDate" not in content and b"dc:date" not in content
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"a.{kind}", f"b.{kind}"]


def test_letters_stay_letters_in_a_pdf(tmp_path):
    figure(photo(), HEATS, TITLES, tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content


def test_axes_are_vectors_in_an_svg(tmp_path):
    figure(photo(), HEATS, TITLES, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text.count("<image") >= 3 and text.count("<path") > 20


def test_a_png_has_the_resolution_that_was_asked_for(tmp_path):
    figure(photo(), HEATS, TITLES, tmp_path / "a.png", dpi=100)
    figure(photo(), HEATS, TITLES, tmp_path / "b.png", dpi=50)
    with Image.open(tmp_path / "a.png") as large, Image.open(tmp_path / "b.png") as small:
        wide, narrow = large.size[0], small.size[0]
    assert 600 < wide < 800 and abs(wide / 2 - narrow) <= 2


def test_nothing_of_matplotlibs_state_is_touched(tmp_path):
    before = dict(matplotlib.rcParams)
    figure(photo(), HEATS, TITLES, tmp_path / "a.pdf")
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported(tmp_path):
    script = (
        "import sys, numpy as np, torch; from vit import render as r; from vit.attention import Heatmap\n"
        "image, heat = np.zeros((20, 30, 3), np.uint8), Heatmap(torch.rand(2, 2), 'raw', 'c', 'm', 'random')\n"
        "r.encode(r.with_legend(r.overlay(image, heat), heat)); r.sheet([torch.rand(2, 2, 2)]); r.animation([image])\n"
        "print('matplotlib' in sys.modules)\n"
        "r.figure(image, [heat], ['t'], sys.argv[1] + '/a.pdf'); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_threads_write_whole_and_equal_figures(tmp_path):
    figure(photo(), HEATS, TITLES, tmp_path / "alone.svg")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: figure(photo(), HEATS, TITLES, tmp_path / f"{n}.svg"), range(6)))
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


def test_the_caption_says_what_each_map_is_and_whose():
    lines = publication._caption(HEATS, TITLES)
    assert lines == [
        "head 5: vit_tiny · weights: bundled · attention of layer 1",
        "$x_1 rollout: vit_tiny · untrained weights · rollout of layers 1 to 2",
    ]


@pytest.mark.parametrize("own_scale", [True, False])
@pytest.mark.parametrize("colormap", ["viridis", "diverging"])
def test_many_panels_zero_maps_and_tall_pictures(tmp_path, own_scale, colormap):
    heats = [heat(torch.zeros(2, 2), method="gradcam")] + [heat(torch.rand(2, 2))] * 5
    figure(photo(90, 20), heats, list("abcdef"), tmp_path / "a.png", own_scale=own_scale, colormap=colormap, dpi=40)
    assert (tmp_path / "a.png").stat().st_size > 2000


def test_what_makes_no_figure_is_an_error(tmp_path):
    with pytest.raises(VitError, match=".pdf, .svg, .png"):
        figure(photo(), HEATS, TITLES, tmp_path / "a.gif")
    with pytest.raises(MethodError, match="a title for each"):
        figure(photo(), HEATS, ["one"], tmp_path / "a.png")
    with pytest.raises(MethodError, match="at least one"):
        figure(photo(), [], [], tmp_path / "a.png")

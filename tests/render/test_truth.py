import numpy as np
import pytest
import torch
from PIL import Image

from vit.errors import MethodError, VitError
from vit.measures.curves import Curves, Faithfulness
from vit.render import truth
from vit.render.truth import truth_figure
from vit.tokens import Grid


def found(method="rollout", backwards=True):
    shares = torch.linspace(0, 1, 5, dtype=torch.float64)
    random = torch.stack([1 - shares, 1 - shares**2])
    fall = (1 - shares) ** (3 if method == "rollout" else 4)
    deletion = Curves("deletion", shares, fall, 1 - shares**3 if backwards else None, random)
    insertion = Curves("insertion", shares, 1 - fall, None, 1 - random)
    return Faithfulness(method, "", 0, Grid(2, 2), 0.0, deletion, insertion)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_figure_is_written_whole_and_repeats_to_the_byte(tmp_path, kind):
    for name in ("one", "two"):
        truth_figure([found(), found("raw", backwards=False)], "tiny", tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_every_map_has_its_row_and_says_its_areas_and_words(tmp_path):
    truth_figure([found(), found("raw")], "A title with $ and _", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for words in ("rollout, deletion: area", "raw, insertion: area", "A title with $ and _", found().deletion.words):
        assert words in text
    truth_figure([found()], "one", tmp_path / "one.png")
    truth_figure([found()] * 3, "three", tmp_path / "three.png")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "three.png") as three:
        assert three.height > 2 * one.height


def test_curves_and_band_are_the_numbers_that_were_found(tmp_path, monkeypatch):
    pages = []
    monkeypatch.setattr(truth, "write_plot", lambda page, path: pages.append(page))
    results = [found(), found("raw", backwards=False)]
    truth_figure(results, "tiny", tmp_path / "a.png")
    tests = [(result.method, curves) for result in results for curves in result.tests]
    for axis, (method, curves) in zip(pages[0].axes, tests, strict=True):
        assert axis.get_title(loc="left").startswith(f"{method}, {curves.test}: ")
        expected = {"their mean": curves.random.mean(0), "map, highest first": curves.ordered}
        if curves.backwards is not None:
            expected["map, reversed"] = curves.backwards
        lines = {line.get_label(): line.get_xydata() for line in axis.lines}
        assert lines.keys() == expected.keys()
        for label, heights in expected.items():
            np.testing.assert_allclose(lines[label], torch.stack([curves.shares, heights], 1), err_msg=label)
        corners = axis.collections[0].get_paths()[0].vertices
        for edge in (curves.random.amin(0), curves.random.amax(0)):
            for point in torch.stack([curves.shares, edge], 1).numpy():
                assert np.isclose(corners, point).all(1).any(), point


def test_the_map_its_reverse_and_the_band_are_drawn_in_their_own_colours(tmp_path):
    truth_figure([found()], "tiny", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0xDA, 0xDC, 0xE0)} <= colours


def test_nothing_to_draw_and_another_ending_are_sentences(tmp_path):
    with pytest.raises(MethodError, match="no map to draw"):
        truth_figure([], "tiny", tmp_path / "a.png")
    with pytest.raises(VitError, match="ends in .png, .svg or .pdf"):
        truth_figure([found()], "tiny", tmp_path / "a.bmp")

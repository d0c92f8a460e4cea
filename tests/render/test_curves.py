from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from vit.errors import VitError
from vit.render import curves
from vit.render.curves import Panel, name_points, plot

LINES = {"vit": ([1, 2, 3], [10.0, 20.0, 25.0]), "resnet": ([1, 2, 3], [30.0, 35.0, 60.0])}
POINTS = {name: ([along[-1]], [up[-1]]) for name, (along, up) in LINES.items()}


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_panels_are_written_whole_and_repeat_to_the_byte(tmp_path, kind):
    panels = [
        Panel("top-1, %", "epoch", LINES, whole=True),
        Panel("top-1, %", "parameters", POINTS, points=True),
        Panel("top-1, %", "share, %", LINES, log=True),
    ]
    for name in ("one", "two"):
        plot(panels, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
    if kind == "png":
        with Image.open(tmp_path / "one.png") as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50


def test_lines_and_points_are_the_numbers_that_were_given(tmp_path, monkeypatch):
    pages = []
    monkeypatch.setattr(curves, "write_plot", lambda page, path: pages.append(page))
    plot([Panel("top-1, %", "epoch", LINES), Panel("top-1, %", "size", POINTS, points=True)], tmp_path / "a.png")
    lines, points = pages[0].axes
    drawn = {line.get_label(): tuple(line.get_xydata().T.tolist()) for line in lines.lines}
    assert drawn == LINES
    assert {spot.get_label(): tuple(spot.get_offsets().T.tolist()) for spot in points.collections} == POINTS


def test_names_and_axes_are_written_as_words(tmp_path):
    plot([Panel("loss", "epoch", {"training": ([1, 2], [2.0, 1.0])})], tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "loss" in text
    assert "epoch" in text


def test_another_ending_is_a_sentence(tmp_path):
    with pytest.raises(VitError, match=r"ends in \.png, \.svg or \.pdf"):
        plot([Panel("loss", "epoch", LINES)], tmp_path / "a.bmp")


def test_names_of_points_that_lie_close_stand_apart():
    page = Figure(figsize=(4.4, 3.1))
    FigureCanvasAgg(page)
    axis = page.subplots()
    close = {"vit": ([4.16], [52.97]), "deit": ([4.16], [54.38]), "swin": ([4.2], [53.6]), "resnet": ([11.0], [66.9])}
    for places, heights in close.values():
        axis.scatter(places, heights, s=46)
    page.draw_without_rendering()
    name_points(axis, Panel("top-1, %", "parameters", close, points=True))
    assert [text.get_text() for text in axis.texts] == list(close)  # each once
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    spots = axis.transData.transform([(places[0], heights[0]) for places, heights in close.values()])
    assert not any(box.contains(*spot) for box in boxes for spot in spots)

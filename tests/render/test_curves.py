import pytest
from PIL import Image

from vit.errors import VitError
from vit.render.curves import Panel, plot

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


def test_names_and_axes_are_written_as_words(tmp_path):
    plot([Panel("loss", "epoch", {"training": ([1, 2], [2.0, 1.0])})], tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "loss" in text
    assert "epoch" in text


def test_another_ending_is_a_sentence(tmp_path):
    with pytest.raises(VitError, match=r"ends in \.png, \.svg or \.pdf"):
        plot([Panel("loss", "epoch", LINES)], tmp_path / "a.bmp")

import json

import numpy as np
import pytest
from PIL import Image

from vit.__main__ import main
from vit.measures import list_measures


@pytest.mark.parametrize("name", list_measures())
def test_every_measure_as_a_plot_that_says_what_it_shows(work, name, capsys):
    assert main(["measure", "photo.jpg", "--model", "tiny", "--measure", name, "-o", "out.png"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    with Image.open(work / "out.png") as picture:
        assert picture.width > 800
        summary = picture.text["Description"].partition(". ")[2]  # type: ignore[attr-defined]
        assert printed.startswith(f"out.png · {summary} Mind: ")
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20


def test_a_table_counts_from_0(work):
    assert main(["measure", "photo.jpg", "--model", "tiny", "--measure", "entropy", "-o", "out.csv"]) == 0
    lines = (work / "out.csv").read_text().splitlines()
    assert lines[0].startswith("layer,name,head,entropy / highest")
    assert lines[1].startswith("0,blocks.0.attn,0,0.")
    assert len(lines) == 1 + 2 * 3


def test_all_numbers(work):
    given = ["--measure", "norms", "--layer", "0", "--option", "k=0.5", "-o", "out.npz"]
    assert main(["measure", "photo.jpg", "--model", "tiny", *given]) == 0
    with np.load(work / "out.npz") as file:
        assert file["norms"].shape == (17,)
        about = json.loads(str(file["about"]))
    assert about["layer"] == 0
    assert about["model"] == "tiny"
    assert about["outliers"]


def test_layers_patches_classes_and_sizes_are_chosen_as_typed(work, capsys):
    def told(*words: str) -> str:
        assert main(["measure", "photo.jpg", "--model", "tiny", *words, "-o", "out.csv"]) == 0
        return capsys.readouterr().out

    assert "most like the patch in row 2, column 3" in told("--measure", "patches", "--patch", "1,2", "--layer", "-2")
    assert "most like CLS" in told("--measure", "patches", "--patch", "cls")
    assert "tench" in told("--measure", "lens", "--target", "1")
    assert "tench" in told("--measure", "lens", "--target", "tench")
    assert "the 6 heads" in told("--measure", "heads", "--layer", "all")
    assert "32 × 48 pixels" in told("--measure", "distance", "--size", "32,48")


def test_light_and_dark_are_two_papers(work):
    corners = []
    for theme in ("light", "dark"):
        given = ["--measure", "distance", "--theme", theme, "-o", "out.png"]
        assert main(["measure", "photo.jpg", "--model", "tiny", *given]) == 0
        corners.append(np.asarray(Image.open("out.png").convert("RGB"))[0, 0].tolist())
    assert corners == [[255, 255, 255], [22, 24, 28]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.jpg", "--measure", "distance", "-o", "out.png"], "nothing.jpg: There is no such picture"),
        (["photo.jpg", "--measure", "beauty", "-o", "out.png"], "choose one of: distance"),
        (["photo.jpg", "--measure", "distance", "-o", "out.jpg"], ".csv"),
        (["photo.jpg", "--measure", "distance", "-o", "nowhere/out.png"], "no folder"),
        (["photo.jpg", "--measure", "distance", "--layer", "1", "-o", "out.png"], "no option 'layer'"),
        (["photo.jpg", "--measure", "norms", "--layer", "7", "-o", "out.png"], "choose 0 to 1"),
        (["photo.jpg", "--measure", "norms", "--layer", "first", "-o", "out.png"], "'first'"),
        (["photo.jpg", "--measure", "patches", "--patch", "9,9", "-o", "out.png"], "outside the grid"),
        (["photo.jpg", "--measure", "lens", "--target", "2", "-o", "out.png"], "not in 0 to 1"),
        (["photo.jpg", "--measure", "lens", "--target", "tensh", "-o", "out.png"], "the nearest: tench (class 1)"),
        (["photo.jpg", "--measure", "sinks", "--option", "times=x", "-o", "out.png"], "times='x'"),
        (["photo.jpg", "--measure", "pca", "--weights", "random", "-o", "out.png"], "Untrained"),
        (["photo.jpg", "--measure", "pca", "--option", "others=1", "-o", "out.png"], "others is none for a shell"),
        (["photo.jpg", "--measure", "lens", "--option", "read=1", "-o", "out.png"], "read is none for a shell"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(work, arguments, says, capsys):
    assert main(["measure", *arguments, "--model", "tiny"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not list(work.glob("out*"))

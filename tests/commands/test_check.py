import csv

import numpy as np
import pytest
from PIL import Image

from vit.__main__ import main

QUICK = ["--steps", "3", "--orders", "2", "--methods", "raw", "rollout"]


def test_check_prints_the_table_and_writes_what_endings_ask_for(work, capsys):
    names = ["out.png", "out.svg", "out.md", "out.csv", "out.npz"]
    assert main(["check", "photo.jpg", "--model", "tiny", "--target", "TENCH", *QUICK, "-o", *names]) == 0
    said, progress = capsys.readouterr()
    assert progress.startswith("loading tiny … ") and "\r" not in progress
    assert said.startswith("Truth check of tiny (bundled): ")
    assert "2 random orders of 4 × 4 patches" in said
    with Image.open("out.png") as curves:
        assert min(curves.size) > 400
    text = (work / "out.svg").read_text()
    assert "deletion" in text
    assert "# Truth check of tiny" in (work / "out.md").read_text()
    rows = list(csv.DictReader((work / "out.csv").read_text().splitlines()))
    assert {row["method"] for row in rows} == {"raw", "rollout"}
    assert np.load("out.npz")["deletion_random"].shape == (2, 4)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "out.bmp"], "out.bmp ends in none of"),
        (["-o", "nowhere/out.png"], "There is no folder nowhere"),
        (["--methods", "saliency"], "There is no method 'saliency'"),
        (["--target", "2"], "Class 2 is not in 0 to 1"),
        (["--target", "tensh"], "the nearest: tench (class 1)"),
        (["--steps", "1"], "--steps 1: it is a whole number, 2 or more"),
        (["--weights", "random"], "Untrained weights"),
    ],
)
def test_a_mistake_in_check_is_one_line(work, capsys, words, says):
    assert main(["check", "photo.jpg", "--model", "tiny", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1

import csv
import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn

from tests.training.tiny import PLAIN, same
from vit.errors import DataError, RecipeError, VitError
from vit.models.bundled import load_run
from vit.models.networks import build_network
from vit.training import compare
from vit.training.compare import Entry, check_shares, flops_of, of_share, race
from vit.training.data import open_data
from vit.training.learner import Teacher
from vit.training.loop import train
from vit.training.report import as_markdown, write_report

ABOUT = {"data": "shades", "command": "the command"}
RECIPES = {
    name: replace(
        PLAIN,
        network=name,
        optimizer="adamw" if name == "resnet" else "muon",
        sizes=(32,),
        epochs=(4,),
        patch=4,
        width=24,
        window=4,
        depths=(1, 1),
    )
    for name in ("deit", "resnet", "swin", "vit")
}


def entry(name="vit", share=1.0, top1=50.0, taught=False) -> Entry:
    curve = ((0.5, 40.0), (1.0, top1))
    return Entry(name, share, top1, 12, 32, 2_500_000, 3e9, 9990, 90.0, 222.0, curve, taught)


@pytest.mark.timeout(300)
def test_a_race_trains_each_once_and_takes_what_is_finished(folder, tmp_path, monkeypatch):
    learning, validation = open_data(folder, "train"), open_data(folder, "validation")
    said: list[str] = []
    teachers: dict[str, Teacher | None] = {}

    def noted(pictures, out, recipe, **more):
        teachers[out.name] = more["teacher"]
        return train(pictures, out, recipe, **more)

    monkeypatch.setattr(compare, "train", noted)
    monkeypatch.setattr(compare, "_POINTS", 3)
    entries = race(learning, validation, RECIPES, [0.5, 1.0], tmp_path, ABOUT, said.append)
    assert [(e.name, e.share) for e in entries] == [(n, s) for n in RECIPES for s in (0.5, 1.0)]
    assert [e.name for e in entries if e.taught] == ["deit", "deit"]
    for run, teacher in teachers.items():
        assert (teacher is not None) == run.startswith("deit")
        if teacher is not None:  # the ResNet of its own share
            resnet = load_run(tmp_path / run.replace("deit", "resnet"))[1].network
            assert same(resnet, teacher.network)
    for each in entries:
        folder_of = compare.run_folder(tmp_path, each.name, each.share)
        card = json.loads((folder_of / "model.json").read_text())
        assert (card["top1"], card["pictures"]) == (each.top1, 12)
        assert {"batch.png", "curve.png", "curve.svg"} <= {path.name for path in folder_of.iterdir()}
        with (folder_of / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == (12 if each.share == 0.5 else 4)  # one step of 8 in 12 pictures, three in 24
        assert each.curve[-1] == (1.0, float(rows[-1]["top1"]))
        assert len(each.curve) == (3 if each.share == 0.5 else 4)  # after every fourth epoch, and after each
        assert min(each.parameters, each.flops, each.rate, each.answers, each.seconds) > 0
    began = [line.split(":")[0] for line in said if "epochs" in line]
    assert began.index("resnet-50") < began.index("deit-50")  # the teacher first
    said.clear()
    again = race(learning, validation, RECIPES, [0.5, 1.0], tmp_path, ABOUT, said.append)
    assert said == [
        f"{compare.run_folder(tmp_path, n, s).name}: finished before"
        for s in (0.5, 1.0)
        for n in sorted(RECIPES, key=lambda n: n != "resnet")
    ]
    assert [e.top1 for e in again] == [e.top1 for e in entries]
    write_report(entries, tmp_path, "shades", "the command")
    with Image.open(tmp_path / "compare.png") as picture:
        assert picture.width > 1000
    assert "<svg" in (tmp_path / "compare.svg").read_text()


def test_flops_are_two_for_each_multiply_add():
    network = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.Flatten(), nn.Linear(5 * 4, 7))
    assert flops_of(network, 8) == 2 * (3 * 4 * 4 * 5 * 4 + 20 * 7)


def test_flops_of_a_vit_are_those_of_its_products():
    shape = {"image_size": [32, 32], "patch": 8, "width": 24, "depth": 2, "heads": 3}
    tokens, width = 17, 24
    block = 12 * width * width * tokens + 2 * tokens * tokens * width
    by_hand = 16 * 3 * 64 * width + 2 * block + width * 5
    assert flops_of(build_network("vit", shape, 5).eval(), 32) == 2 * by_hand


def test_a_share_is_shown_as_many_pictures_as_the_whole():
    recipe = of_share(replace(PLAIN, sizes=(32,), epochs=(6,)), 800, 80)
    assert (recipe.epochs, recipe.warmup) == ((60,), 10)
    # 15 steps of 128 fit into 2,000 pictures, one into 200: an epoch of the tenth is a fifteenth of one of the whole.
    assert of_share(replace(PLAIN, sizes=(32,), epochs=(6,), batch=128), 2000, 200).epochs == (90,)
    assert of_share(replace(PLAIN, sizes=(32,), epochs=(6,)), 800, 800).epochs == (6,)


def test_a_run_with_other_choices_is_not_taken(folder, tmp_path):
    learning, validation = open_data(folder, "train"), open_data(folder, "validation")
    vit = {"vit": replace(RECIPES["vit"], epochs=(1,))}
    race(learning, validation, vit, [1.0], tmp_path, ABOUT, lambda line: None)
    with pytest.raises(RecipeError, match=r"vit-100 can't be taken as it is.*--epochs was \(1,\) and is now \(2,\)"):
        race(learning, validation, {"vit": replace(vit["vit"], epochs=(2,))}, [1.0], tmp_path, ABOUT, lambda line: None)
    with pytest.raises(RecipeError, match="--data was shades"):
        race(learning, validation, vit, [1.0], tmp_path, {**ABOUT, "data": "others"}, lambda line: None)


def test_a_run_on_other_pictures_is_not_taken_though_their_folder_has_the_same_name(folder, tmp_path):
    vit, out = {"vit": replace(RECIPES["vit"], epochs=(1,))}, tmp_path / "race"

    def raced(data):
        return race(open_data(data, "train"), open_data(data, "validation"), vit, [1.0], out, ABOUT, lambda line: None)

    (first,) = raced(folder)
    shutil.move(folder, tmp_path / "elsewhere" / "data")
    (again,) = raced(tmp_path / "elsewhere" / "data")  # the same pictures
    assert again.top1 == first.top1
    assert "elsewhere" not in (out / "vit-100" / "model.json").read_text()
    for split in ("train", "val"):
        copied = tmp_path / split / "data"
        shutil.copytree(tmp_path / "elsewhere" / "data", copied)
        (copied / split / "red" / "0.png").rename(copied / split / "red" / "first.png")
        with pytest.raises(RecipeError, match=r"--data was shades \(.*\) and is now shades \("):
            raced(copied)


def test_a_run_too_short_to_be_timed_has_a_rate_and_one_without_epochs_is_a_sentence(folder, tmp_path):
    assert replace(entry(), seconds=0.0).rate > 0
    learning, validation = open_data(folder, "train"), open_data(folder, "validation")
    vit = {"vit": replace(RECIPES["vit"], epochs=(1,))}
    race(learning, validation, vit, [1.0], tmp_path, ABOUT, lambda line: None)
    metrics = tmp_path / "vit-100" / "metrics.csv"
    metrics.write_text(metrics.read_text().splitlines(keepends=True)[0])
    with pytest.raises(DataError, match="vit-100 holds no metrics of a finished run"):
        race(learning, validation, vit, [1.0], tmp_path, ABOUT, lambda line: None)


def test_the_page_says_what_was_measured():
    entries = [
        entry("resnet", 0.1, 20.0),
        entry("resnet", 1.0, 61.25),
        entry("deit", 0.1, 10.5),
        entry("deit", 1.0, 58.0, True),
    ]
    page = as_markdown(entries, "Imagenette", "python -m vit compare")
    assert "| resnet | 61.25% | 2.50 M | 3.000 | 1.5 min | 111 | 222 |" in page
    assert "| deit ¹ | 58.00% |" in page
    assert "¹ Taught by the ResNet" in page
    assert "| resnet | 20.00% | 61.25% |" in page
    assert "python -m vit compare" in page
    assert "Taught" not in as_markdown(entries[:2], "Imagenette", "…")


@pytest.mark.parametrize("shares", [[0.0, 1.0], [1.5], [-0.1]])
def test_a_share_that_can_not_be_is_a_sentence(shares):
    with pytest.raises(VitError, match="above 0 and at most 1"):
        check_shares(shares)


def test_networks_take_turns_when_they_are_timed(monkeypatch):
    turns: list[str] = []

    class Named(nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def forward(self, pixels):
            turns.append(self.name)
            return pixels

    rates = compare.answer_rates({name: (Named(name), 8) for name in "ab"})
    assert turns == ["a", "b"] * (compare._ROUNDS + 1)
    assert all(rate > 0 and torch.isfinite(torch.tensor(rate)) for rate in rates.values())

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from vit.__main__ import main
from vit.models.bundled import read_card
from vit.training.data import DataError, learning_batches, open_folder
from vit.training.loop import accuracy, build, rate_at, train
from vit.training.recipe import Recipe

TINY = Recipe(
    patch=8, width=24, depth=2, heads=3, sizes=(16, 32), epochs=(1, 2), warmup=1, batch=8, workers=0, rate=3e-3, ema=0.5
)


@pytest.fixture
def folder(tmp_path):
    """Two classes that a glance tells apart: red pictures and blue ones."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6)):
        for label, channel in (("red", 0), ("blue", 2)):
            place = tmp_path / "data" / split / label
            place.mkdir(parents=True)
            for number in range(count):
                picture = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
                picture[..., channel] += 150
                Image.fromarray(picture).save(place / f"{number}.png")
    return tmp_path / "data"


def test_it_learns_to_tell_red_from_blue(folder, tmp_path):
    recipe = Recipe(**{**vars(TINY), "epochs": (8, 8), "mix_share": 0.0, "smoothing": 0.0})
    network = train(folder, tmp_path / "run", recipe, resume=False, say=lambda _: None)
    percent, pictures = accuracy(network, folder, recipe.size)
    assert pictures == 12
    assert percent == 100.0


def test_a_cut_run_that_goes_on_equals_an_unbroken_one(folder, tmp_path):
    unbroken = train(folder, tmp_path / "unbroken", TINY, resume=False, say=lambda _: None)

    class Killed(Exception):
        pass

    def kill(line: str) -> None:
        raise Killed(line)

    with pytest.raises(Killed):  # after the first epoch
        train(folder, tmp_path / "cut", TINY, resume=False, say=kill)
    resumed = train(folder, tmp_path / "cut", TINY, resume=True, say=lambda _: None)
    for name, value in unbroken.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_run_is_not_overwritten_without_resume(folder, tmp_path):
    train(folder, tmp_path / "run", TINY, resume=False, say=lambda _: None)
    with pytest.raises(DataError, match="--resume"):
        train(folder, tmp_path / "run", TINY, resume=False)


def test_a_damaged_checkpoint_is_a_sentence(folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"half a file")
    with pytest.raises(DataError, match="damaged"):
        train(folder, tmp_path / "run", TINY, resume=True)


def test_a_loss_that_is_no_number_stops_the_run(folder, tmp_path):
    with pytest.raises(DataError, match="loss is"):
        train(folder, tmp_path / "run", Recipe(**{**vars(TINY), "rate": 1e30, "clip": 1e30}), resume=False)


def test_the_command_writes_what_assets_weights_takes(folder, tmp_path, monkeypatch, capsys):
    from vit.models import bundled, load_model

    shape = ["--patch", "8", "--width", "24", "--depth", "2", "--heads", "3", "--batch", "8", "--workers", "0"]
    schedule = ["--sizes", "16", "32", "--epochs", "1", "1", "--warmup", "1"]
    assert main(["train", "--data", str(folder), "--out", str(tmp_path / "run"), *shape, *schedule]) == 0
    assert "top-1" in capsys.readouterr().out
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert card["recipe"]["epochs"] == [1, 1]
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [row["size"] for row in csv.DictReader(metrics)] == ["16", "32"]
    monkeypatch.setattr(bundled, "FOLDER", tmp_path / "run")
    assert read_card("model").labels == ("blue", "red")
    model = load_model("model")
    assert accuracy(model.network, folder, 32) == (card["top1"], 12)  # what the card says is what the weights do


def test_every_batch_is_augmented_and_its_shares_sum_to_one(folder):
    pictures, _ = open_folder(folder)
    torch.manual_seed(0)
    batches = list(learning_batches(pictures, 32, Recipe(**{**vars(TINY), "mix_share": 1.0})))
    assert [tuple(pixels.shape) for pixels, _ in batches] == [(8, 3, 32, 32)] * 3
    shares = torch.cat([targets for _, targets in batches])
    assert torch.allclose(shares.sum(1), torch.ones(len(shares)))
    assert bool(((shares > 0.01) & (shares < 0.99)).any())  # some pictures are blends of both classes


def test_the_rate_rises_then_falls_to_zero():
    recipe = Recipe(epochs=(5, 5), sizes=(96, 224), warmup=2, rate=1.0)
    assert rate_at(0, recipe) == 0
    assert rate_at(1, recipe) == 0.5
    assert rate_at(2, recipe) == 1
    assert rate_at(6, recipe) == pytest.approx(0.5)
    assert rate_at(10, recipe) == pytest.approx(0)


def test_sizes_follow_the_schedule():
    recipe = Recipe(sizes=(96, 128, 224), epochs=(2, 1, 1))
    assert [recipe.size_at(epoch) for epoch in range(4)] == [96, 96, 128, 224]
    assert build(recipe, 10).grid == (14, 14)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "val").rename(folder / "other"), "no val or test folder"),
        (lambda folder: (folder / "train").rename(folder / "other"), "no train folder"),
        (lambda folder: (folder / "val" / "red").rename(folder / "val" / "green"), "different classes"),
        (lambda folder: [p.unlink() for p in (folder / "train" / "red").iterdir()], "red"),
    ],
)
def test_data_that_can_not_be_used_is_a_sentence(folder, spoil, says):
    spoil(folder)
    with pytest.raises(DataError, match=says):
        open_folder(folder)


def test_one_class_only_is_a_sentence(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "only").mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / split / "only" / "a.png")
    with pytest.raises(DataError, match="one class only"):
        open_folder(tmp_path)

import csv
import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from tests.training.tiny import TINY
from vit.__main__ import main
from vit.errors import VitError
from vit.models.bundled import load_run, read_card
from vit.training.card import write_model
from vit.training.learner import Teacher
from vit.training.networks import untrained
from vit.training.recipe import recipe_for

SHAPE = ["--patch", "8", "--width", "24", "--depth", "2", "--heads", "3", "--batch", "8"]
SCHEDULE = ["--sizes", "16", "32", "--epochs", "1", "2", "--warmup", "1"]


def typed(folder, out, *more):
    return ["train", "--data", str(folder), "--out", str(out), *SHAPE, *SCHEDULE, *more]


def test_the_command_writes_what_assets_weights_takes(folder, tmp_path, monkeypatch, capsys):
    from vit.models import bundled, load_model

    words = typed(folder, tmp_path / "run", "--about", "Shades", "--seed", "3", "--measure")
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "24 pictures to learn from, 12 to measure on, 2 classes" in said
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert f"top-1 {card['top1']:.2f}% on 12 pictures" in said
    assert card["data"] == "Shades"
    assert card["seed"] == 3
    assert card["recipe"]["epochs"] == [1, 2]
    assert card["command"].startswith("python -m vit train --data ")
    assert (card["limits"], "processes" in card) == ("Knows 2 classes only, and learned from 24 pictures.", False)
    before = (tmp_path / "run" / "batch.png").read_bytes()
    assert main([*words, "--erase", "1"]) == 2  # a run is there already
    assert (tmp_path / "run" / "batch.png").read_bytes() == before
    capsys.readouterr()
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["size"] for row in rows] == ["16", "32", "32"]
    assert all(0 <= float(row["waiting"]) < 1 for row in rows)
    with Image.open(tmp_path / "run" / "batch.png") as batch, Image.open(tmp_path / "run" / "curve.png") as curve:
        assert min(*batch.size, *curve.size) > 200
    assert "<svg" in (tmp_path / "run" / "curve.svg").read_text()

    assert card["device"]
    monkeypatch.setattr(bundled, "FOLDER", tmp_path / "run")
    assert read_card("model").labels == ("blue", "red")
    assert load_model("model").prepare.size == (32, 32)
    for name in ("model", str(tmp_path / "run")):
        assert main(["evaluate", name, "--data", str(folder)]) == 0
        assert f"top-1 {card['top1']:.2f}% on 12 pictures, card {card['top1']:.2f}%" in capsys.readouterr().out


def test_a_teacher_a_start_and_a_photo_to_watch(folder, tmp_path, capsys):
    photo = next((folder / "val" / "red").iterdir())
    schedule = ["--data", str(folder), "--batch", "8", "--sizes", "32", "--epochs", "1"]
    shape = ["--patch", "8", "--width", "24", "--depth", "2", "--heads", "3"]
    vit, cnn, deit = (str(tmp_path / name) for name in ("vit", "cnn", "deit"))
    assert main(["train", "--network", "vit", "--out", vit, *schedule, *shape]) == 0
    assert main(["train", "--network", "resnet", "--out", cnn, *schedule]) == 0
    words = ["train", "--network", "deit", "--teacher", cnn, "--start", vit, "--watch", str(photo), "--out", deit]
    assert main([*words, *schedule, *shape]) == 0
    card, model = load_run(tmp_path / "deit")
    assert (card.network, model.network.prefix) == ("deit", ("cls", "dist"))
    assert json.loads((tmp_path / "deit" / "model.json").read_text())["teacher"].startswith("a resnet18 with ")
    assert {"watch.gif", "watch.png"} <= {path.name for path in (tmp_path / "deit").iterdir()}
    assert load_run(tmp_path / "cnn")[0].shape["variant"] == "resnet18"


class Enough(VitError):
    """Ends a command once it has said what it would do."""


@pytest.fixture
def given(monkeypatch):
    """What ``train`` was called with by a command, which then ends."""
    found: dict = {}

    def stand(pictures, out, recipe, **more):
        found.update(more, recipe=recipe)
        raise Enough("enough")

    monkeypatch.setattr("vit.training.loop.train", stand)
    return found


def test_what_is_typed_reaches_the_training(folder, measured, tmp_path, given):
    before = tmp_path / "before"
    before.mkdir()
    write_model(untrained(TINY, 2), measured, before, TINY, {"data": "shades"})
    photo = str(next((folder / "val" / "red").iterdir()))
    words = ["--start", str(before), "--teacher", str(before), "--measure", "--watch", photo, "--watch-every", "3"]
    assert main(typed(folder, tmp_path / "run", *words, "--resume")) == 2
    weights = load_run(before)[1].network.state_dict()
    for network in (given["start"], given["teacher"].network):
        assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert len(given["measure"]) == 12
    assert [watch.every for watch in given["watchers"]] == [3]
    assert given["resume"]
    assert given["recipe"].rate == recipe_for("vit", small=True, started=True).rate

    assert main(typed(folder, tmp_path / "run")) == 2
    assert (given["start"], given["teacher"], given["measure"], given["watchers"]) == (None, None, None, [])
    assert not given["resume"]
    assert given["recipe"].rate == recipe_for("vit", small=True).rate != recipe_for("vit", True, True).rate


def test_a_teacher_that_can_not_see_a_size_of_the_schedule_is_told_at_once(folder, measured, tmp_path, capsys):
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    write_model(untrained(TINY, 2), measured, teacher, TINY, {"data": "shades"})  # with patches of 8 pixels
    words = ["train", "--data", str(folder), "--out", str(tmp_path / "run"), "--teacher", str(teacher)]
    assert main([*words, "--sizes", "16", "20", "--epochs", "1", "1", "--patch", "4"]) == 2
    said = capsys.readouterr().err
    assert f"--teacher {teacher}: it can't be shown pictures of 20 pixels" in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()
    Teacher(str(teacher), ("blue", "red")).check(replace(TINY, sizes=(16, 20, 32), epochs=(1, 0, 1), patch=4))


def test_a_run_that_went_on_has_its_first_batch_and_the_whole_command(folder, tmp_path, capsys):
    assert main(typed(folder, tmp_path / "run")) == 0
    batch, card = (tmp_path / "run" / name for name in ("batch.png", "model.json"))
    before, made = batch.read_bytes(), json.loads(card.read_text())
    assert main(typed(folder, tmp_path / "run", "--resume", "--rate", "1e-4")) == 2  # which another run's choices are
    batch.write_bytes(before + b"first")
    assert main(typed(folder, tmp_path / "run", "--resume")) == 0
    assert batch.read_bytes() == before + b"first"
    assert json.loads(card.read_text()) == made and "--resume" not in made["command"]


def test_a_run_goes_on_with_its_pictures_wherever_they_are_and_with_no_others(folder, tmp_path, capsys):
    assert main(typed(folder, tmp_path / "run")) == 0
    made = json.loads((tmp_path / "run" / "model.json").read_text())["top1"]
    moved = folder.rename(tmp_path / "moved")
    assert main(typed(moved, tmp_path / "run", "--resume", "--measure")) == 0  # which changes no weight
    assert json.loads((tmp_path / "run" / "model.json").read_text())["top1"] == made
    assert main(typed(moved, tmp_path / "run", "--resume", "--watch", str(moved / "val" / "red" / "0.png"))) == 0
    assert "no epoch was left that --watch could have watched" in capsys.readouterr().out
    red = moved / "train" / "red" / "0.png"
    red.write_bytes(red.read_bytes() + b"0" * 7)
    assert main(typed(moved, tmp_path / "run", "--resume")) == 2
    assert "--data was pictures" in capsys.readouterr().err


def test_what_processes_can_not_share_is_told_before_anything_is_left_behind(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    assert main(typed(folder, tmp_path / "run")) == 2
    said = capsys.readouterr()
    assert "--mixed_precision fp16" in said.err and "to learn from" not in said.out
    assert not (tmp_path / "run").exists()


def test_a_picture_that_is_damaged_meanwhile_is_named_by_another_process_too(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("vit.training.data.Pictures.__init__.__defaults__", (None, 1))  # none is kept
    words = typed(folder, tmp_path / "run", "--workers", "1")
    monkeypatch.setattr("vit.training.look.write_batch", lambda *_: broken.write_bytes(b"no picture"))
    broken = folder / "train" / "red" / "3.png"
    assert main(words) == 2
    error = capsys.readouterr().err
    assert f"{broken} can't be used" in error and "Traceback" not in error and error.count("\n") == 1


def test_a_share_of_the_pictures_is_counted_as_it_was_taken(folder, tmp_path):
    assert main(typed(folder, tmp_path / "run", "--share", "0.3")) == 0
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert card["limits"].endswith("learned from 8 pictures.")  # four of the twelve of each class


def test_a_recipe_is_chosen_on_held_out_training_pictures(folder, tmp_path, capsys):
    assert main(typed(folder, tmp_path / "run", "--hold-out", "0.25")) == 0
    assert "18 pictures to learn from, 6 to measure on" in capsys.readouterr().out
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (card["pictures"], "held out" in card["measured on"]) == (6, True)
    assert "may have learned" not in card["measured on"]


def test_a_card_says_that_a_start_may_know_what_was_held_out(folder, tmp_path):
    assert main(typed(folder, tmp_path / "first")) == 0
    words = typed(folder, tmp_path / "second", "--hold-out", "0.25", "--start", str(tmp_path / "first"))
    assert main(words) == 0
    card = json.loads((tmp_path / "second" / "model.json").read_text())
    assert card["limits"].endswith("learned from 18 pictures, beside those of first, from which it went on.")
    assert card["measured on"].endswith("; first may have learned from them")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hold-out", "1"], "--hold-out 1: it is a share"),
        (["--watch", "nothing.jpg"], "no such picture file"),
        (["--watch-every", "0"], "--watch-every 0"),
        (["--teacher", "nowhere"], "--teacher nowhere: there is no such folder"),
        (["--width", "25"], "--width 25"),
        (["--start", "vit_imagenette"], "--start: its shape is another"),
        (["--out", "requirements.txt/run"], "--out requirements.txt/run can't be made a folder"),
        (["--start", "nowhere"], "--start nowhere: there is no such folder"),
        (["--network", "cnn"], "--network cnn: it is one of"),
        (["--erase", "2"], "--erase 2"),
        (["--rate", "fast"], "invalid float value"),
        (["--epochs", "1", "9" * 400], "--epochs: it can't be above"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(folder, tmp_path, capsys, words, says):
    try:
        status = main(typed(folder, tmp_path / "run", *words))
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr().err
    assert status == 2
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_evaluate_measures_whatever_the_card_says(folder, measured, tmp_path, capsys):
    write_model(untrained(TINY, 2), measured, tmp_path, TINY, {"data": "shades"})
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, "top1": 12.34}))
    assert main(["evaluate", str(tmp_path), "--data", str(folder)]) == 0
    assert f"top-1 {card['top1']:.2f}% on 12 pictures, card 12.34%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [(["nowhere"], "There is no folder nowhere"), (["vit_imagenette"], "knows other classes than")],
)
def test_evaluate_says_what_is_wrong(folder, capsys, words, says):
    assert main(["evaluate", *words, "--data", str(folder)]) == 2
    assert says in capsys.readouterr().err


def test_compare_writes_one_page(folder, tmp_path, capsys):
    words = ["compare", "--data", str(folder), "--out", str(tmp_path), "--models", "vit", "--shares", "0.125", "1"]
    assert main([*words, "--epochs", "1", "--batch", "8"]) == 0
    page = (tmp_path / "compare.md").read_text()
    assert "| network | 12.5% | 100% |" in page and "| vit |" in page
    assert "python -m vit compare --data" in page
    assert (tmp_path / "compare.png").stat().st_size > 10_000
    assert "compare.md, compare.png and compare.svg in" in capsys.readouterr().out


def test_what_is_typed_reaches_the_race(folder, tmp_path, monkeypatch):
    raced: list = []

    def stand(learning, validation, recipes, shares, *more):
        raced.append((recipes, shares))
        raise Enough("enough")

    monkeypatch.setattr("vit.training.compare.race", stand)
    words = ["compare", "--data", str(folder), "--out", str(tmp_path / "race"), "--models", "vit", "resnet"]
    more = [
        "--seed",
        "7",
        "--optimizer",
        "adamw",
        "--batch",
        "4",
        "--epochs",
        "3",
        "--size",
        "16",
        "--shares",
        "1",
        "0.5",
    ]
    assert main([*words, *more]) == 2
    assert main(words) == 2
    (recipes, shares), (usual, _) = raced
    assert (sorted(recipes), shares) == (["resnet", "vit"], [0.5, 1.0])
    for recipe in recipes.values():
        choices = recipe.seed, recipe.optimizer, recipe.batch, recipe.epochs, recipe.sizes, recipe.warmup
        assert choices == (7, "adamw", 4, (3,), (16,), 0.75)
    assert [recipe.optimizer for recipe in usual.values()] == ["muon", "adamw"]
    assert (usual["vit"].seed, usual["vit"].batch, usual["vit"].epochs, usual["vit"].warmup) == (0, 128, (6,), 1.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--models", "vgg"], "--models vgg: it is one of vit, deit, swin, resnet"),
        (["--shares", "2"], "--shares 2: each is above 0"),
        (["--size", "30"], "--sizes 30: pictures are cut into patches of"),
        (["--size", "0"], "--sizes 0"),
        (["--epochs", "9" * 400], "--epochs: it can't be above"),
    ],
)
def test_compare_says_what_is_wrong_before_it_trains(folder, tmp_path, capsys, words, says):
    assert main(["compare", "--data", str(folder), "--out", str(tmp_path / "race"), *words]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "race").exists()

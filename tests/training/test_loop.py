import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.tiny import PLAIN, TINY, percent_right, quiet, same
from vit.errors import DataError, TrainingError
from vit.render.files import write_whole
from vit.training.augment import fed_batches
from vit.training.card import write_model
from vit.training.checkpoint import write_checkpoint
from vit.training.data import Pictures, open_data
from vit.training.networks import untrained
from vit.training.optimizer import optimizer_of, rate_at
from vit.training.recipe import Recipe
from vit.training.run import Run

ROOT = Path(__file__).parents[2]
FLAGS = ["--patch", "8", "--width", "24", "--depth", "2", "--heads", "3", "--drop-path", "0", "--ema", "0.5"]
FLAGS += ["--warmup", "1", "--batch", "8", "--rate", "3e-3"]


# A command whose processes each keep the weights that they came to.
KEPT = """
import sys
import torch
from vit.__main__ import main
from vit.processes import processes
from vit.training import loop
from vit.training.run import Run

def counted(run, pixels, *given):
    sizes.add(len(pixels))
    return step(run, pixels, *given)

def kept(pictures, out, *given, **more):
    network = train(pictures, out, *given, **more)
    torch.save((network.state_dict(), sizes), out / f"process {processes().process_index}.pt")
    return network

sizes = set()  # of the batches that this process learned from
step, Run.step = Run.step, counted
train, loop.train = loop.train, kept
sys.exit(main())
"""


class Cut(Exception):
    """Ends a run on its way, as a kill does."""


def cut_at(epoch: int) -> Any:
    """A watcher that ends the run after so many epochs, the last of which is not kept yet."""

    def cut(epochs, average):
        if epochs == epoch:
            raise Cut

    return cut


def finished(out: Path) -> list[int]:
    """The epochs that the checkpoint of a run holds."""
    return [row["epoch"] for row in torch.load(out / "last.pt", weights_only=True)["history"]]


def no_room():
    raise RuntimeError("unexpected pos 64 vs 0")


def metrics(out: Path) -> list[dict]:
    with (out / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_tiny_model_learns_64_pictures_of_noise_by_heart(noise, tmp_path):
    pictures = Pictures(open_data(noise, "train"))
    recipe = replace(PLAIN, sizes=(16,), epochs=(40,), batch=16, rate=5e-3, patch=4, width=48)
    began = time.process_time()  # whatever else the machine has to do
    network = quiet(pictures, tmp_path / "run", recipe)
    assert percent_right(network, pictures, 16) == 100.0
    assert time.process_time() - began < 30


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_learns_to_tell_red_from_blue(learning, measured, tmp_path, optimizer):
    recipe = replace(PLAIN, epochs=(8, 8), optimizer=optimizer)
    network = quiet(learning, tmp_path / "run", recipe, measure=measured)
    assert percent_right(network, measured) == 100.0
    rows = metrics(tmp_path / "run")
    assert rows[-1]["top1"] == "100.0"
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 2
    assert [row["size"] for row in rows] == ["16"] * 8 + ["32"] * 8
    assert not network.training


def test_a_run_repeats_itself_to_the_bit(learning, tmp_path):
    assert same(quiet(learning, tmp_path / "one"), quiet(learning, tmp_path / "two"))


def test_another_seed_is_another_run(learning, tmp_path):
    assert not same(quiet(learning, tmp_path / "one"), quiet(learning, tmp_path / "two", replace(TINY, seed=1)))


def test_worker_processes_change_nothing(learning, tmp_path):
    assert same(quiet(learning, tmp_path / "one"), quiet(learning, tmp_path / "two", replace(TINY, workers=2)))


@pytest.mark.parametrize(("network", "optimizer"), [("resnet", "adamw"), ("deit", "muon"), ("vit", "adamw")])
def test_a_cut_run_that_goes_on_equals_an_unbroken_one(learning, tmp_path, network, optimizer):
    recipe = replace(TINY, network=network, optimizer=optimizer, drop_path=0.2)

    with pytest.raises(Cut):
        quiet(learning, tmp_path / "cut", recipe, watchers=[cut_at(2)])
    assert finished(tmp_path / "cut") == [1]
    assert same(quiet(learning, tmp_path / "whole", recipe), quiet(learning, tmp_path / "cut", recipe, resume=True))


def test_a_killed_run_that_goes_on_equals_an_unbroken_one(folder, tmp_path):
    """SIGKILL in the middle of an epoch: at most that epoch is lost, and nothing of it shows in the weights."""
    schedule = [*FLAGS, "--sizes", "16", "32", "--epochs", "2", "3"]
    command = [sys.executable, "-m", "vit", "train", "--data", str(folder), *schedule]
    for name, killed in (("whole", False), ("cut", True)):
        run = subprocess.Popen(
            [*command, "--out", str(tmp_path / name)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        assert run.stdout is not None
        if killed:
            for line in run.stdout:
                if line.startswith("epoch 2 of 5"):
                    break
            run.send_signal(signal.SIGKILL)
        else:
            run.stdout.read()
        assert run.wait() == (-signal.SIGKILL if killed else 0)
    assert not (tmp_path / "cut" / "model.json").exists()
    kept = finished(tmp_path / "cut")
    assert kept[:2] == [1, 2]
    going_on = [*command, "--out", str(tmp_path / "cut"), "--resume"]
    said = subprocess.run(going_on, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    done = [int(line.split()[1]) for line in said.splitlines() if line.startswith("epoch ")]
    assert kept + done == [1, 2, 3, 4, 5]  # none of them twice
    whole, cut = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "cut"))
    for part in ("network", "average"):
        assert all(torch.equal(value, cut[part][name]) for name, value in whole[part].items())
    assert [row["epoch"] for row in metrics(tmp_path / "cut")] == ["1", "2", "3", "4", "5"]
    assert [row["loss"] for row in metrics(tmp_path / "cut")] == [row["loss"] for row in metrics(tmp_path / "whole")]


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(learning, tmp_path, monkeypatch):
    out = tmp_path / "run"
    quiet(learning, out, replace(TINY, sizes=(16,), epochs=(1,)))
    before = (out / "last.pt").read_bytes()

    def half(state, path):
        Path(path).write_bytes(before[: len(before) // 2])
        raise KeyboardInterrupt

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(out / "last.pt", {"history": []})
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", killed)  # nothing but a whole file's new name touches the old one
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(out / "last.pt", {"history": []})
    monkeypatch.undo()
    assert (out / "last.pt").read_bytes() == before
    monkeypatch.setattr(torch, "save", lambda state, path: Path(path).write_bytes(b"") or no_room())
    with pytest.raises(DataError, match="is the disk full"):
        write_checkpoint(out / "last.pt", {"history": []})
    assert sorted(path.name for path in out.iterdir()) == ["last.pt", "metrics.csv"]
    assert (out / "last.pt").read_bytes() == before


def test_two_processes_learn_what_one_learns(folder, tmp_path):
    """The same loss curve within 2%, with the same pictures in each step of all processes together."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    train = ["train", "--data", str(folder), *FLAGS, "--sizes", "32", "--epochs", "6", "--mix-share", "0.4"]
    script = tmp_path / "script.py"
    script.write_text(KEPT)
    ways = {"one": [sys.executable, str(script)], "two": [*launch, str(script)]}
    for name, way in ways.items():
        command = [*way, *train, "--out", str(tmp_path / name)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("epoch 6 of 6") == 1  # one process speaks
        assert "top-1" in done.stdout
    assert json.loads((tmp_path / "two" / "model.json").read_text())["processes"] == 2
    one, two = ([float(row["loss"]) for row in metrics(tmp_path / name)] for name in ways)
    assert one[0] > 1.2 * one[-1]  # something was learned
    assert two == pytest.approx(one, rel=0.02)
    # Each half of a step alone would have led elsewhere: they share the batch, and exchange their gradients.
    (first, half), (second, rest) = (
        torch.load(tmp_path / "two" / f"process {number}.pt", weights_only=True) for number in (0, 1)
    )
    (_, whole) = torch.load(tmp_path / "one" / "process 0.pt", weights_only=True)
    assert whole == {TINY.batch} and half == rest == {TINY.batch // 2}
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_run_is_not_overwritten_without_resume(learning, tmp_path):
    quiet(learning, tmp_path / "run")
    with pytest.raises(DataError, match="--resume"):
        quiet(learning, tmp_path / "run")


def test_a_finished_run_without_its_checkpoint_is_not_overwritten(learning, measured, tmp_path):
    """A bundled model's folder is one: nothing brings its weights back."""
    write_model(untrained(TINY, 2), measured, tmp_path, TINY, {"data": "shades"})
    before = (tmp_path / "model.safetensors").read_bytes()
    for resume in (False, True):
        with pytest.raises(DataError, match="holds a finished run, without the last.pt"):
            quiet(learning, tmp_path, resume=resume)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_run_does_not_go_on_with_other_choices(learning, tmp_path):
    quiet(learning, tmp_path / "run")
    with pytest.raises(DataError, match=r"--rate was 0\.003 and is now 0\.1"):
        quiet(learning, tmp_path / "run", replace(TINY, rate=0.1), resume=True)


def flipped(content: bytes) -> bytes:
    """One bit wrong in the middle, where the weights are."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda content: content[:-900], lambda content: b"", flipped])
def test_a_damaged_checkpoint_is_a_sentence(learning, tmp_path, damage):
    quiet(learning, tmp_path / "run")
    path = tmp_path / "run" / "last.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="damaged"):
        quiet(learning, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"choices": {"teacher": "cnn"}}, "--teacher was None and is now cnn"),
        ({"recipe": replace(TINY, network="swin", patch=4, width=24, window=2)}, "--network was vit and is now swin"),
    ],
)
def test_a_run_goes_on_with_the_same_teacher_and_network_only(learning, tmp_path, now, says):
    quiet(learning, tmp_path / "run", choices={"teacher": None})
    with pytest.raises(DataError, match=says):
        quiet(learning, tmp_path / "run", now.get("recipe", TINY), resume=True, choices=now.get("choices"))


def test_a_run_does_not_go_on_with_other_classes(learning, folder, tmp_path):
    quiet(learning, tmp_path / "run")
    for split in ("train", "val"):
        (folder / split / "red").rename(folder / split / "green")
    with pytest.raises(DataError, match="--labels was"):
        quiet(Pictures(open_data(folder, "train")), tmp_path / "run", resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(learning, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def step(self, *given):
        if given[2] == 2:  # in the third epoch a gradient is no number, while the loss still is one
            self.network.head.bias.register_hook(lambda gradient: gradient * float("nan"))
        return once(self, *given)

    once = Run.step
    monkeypatch.setattr(Run, "step", step)
    says = r"no number any more, in epoch 3, step 1; .*last\.pt is the last good state"
    with pytest.raises(TrainingError, match=says):
        quiet(learning, out)
    state = torch.load(out / "last.pt", weights_only=True)
    assert len(state["history"]) == 2
    assert all(bool(value.isfinite().all()) for value in state["network"].values())


def test_a_rate_beyond_all_measure_is_a_sentence(learning, tmp_path):
    with pytest.raises(TrainingError, match="lower --rate"):
        quiet(learning, tmp_path / "run", replace(TINY, rate=1e30, clip=1e30))


def test_weights_that_are_no_numbers_are_never_kept(learning, tmp_path, monkeypatch):
    def step(self, *given):
        number = once(self, *given)
        self.network.head.bias.data.fill_(float("nan"))
        return number

    once = Run.step
    monkeypatch.setattr(Run, "step", step)
    says = (
        r"no numbers any more, after epoch 1; no epoch was finished before\. Begin anew with a lower --rate than 0\.003"
    )
    with pytest.raises(TrainingError, match=says):
        quiet(learning, tmp_path / "run", replace(TINY, batch=24))
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_short_runs_average_forgets_the_untrained_weights(learning, measured, tmp_path):
    network = quiet(learning, tmp_path / "run", replace(PLAIN, epochs=(8, 8), ema=0.999))
    assert percent_right(network, measured) == 100.0


def test_what_a_kill_left_undone_is_done_again(learning, tmp_path, monkeypatch):
    """Metrics and maps are written before the checkpoint: without it the epoch is repeated, and they with it."""
    out, seen = tmp_path / "run", []
    watch = lambda epochs, average: seen.append(epochs)  # noqa: E731

    def killed(content, path):
        if content.count(b"\n") == 3:  # the header and two epochs
            raise Cut
        write_whole(content, path)

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr("vit.training.loop.write_whole", killed)
        quiet(learning, out, watchers=[watch])
    assert (seen, finished(out)) == ([1], [1])
    with pytest.raises(Cut):
        quiet(learning, out, resume=True, watchers=[cut_at(2), watch])
    assert (seen, finished(out)) == ([1], [1])
    quiet(learning, out, resume=True, watchers=[watch])
    assert seen == [1, 2, 3]
    assert [row["epoch"] for row in metrics(out)] == ["1", "2", "3"]


def test_processes_that_would_go_on_from_different_epochs_are_a_sentence(learning, tmp_path, monkeypatch):
    # Another machine holds the run and has finished two epochs of it.
    monkeypatch.setattr("vit.training.run.gather_object", lambda own: [*own, 2])
    with pytest.raises(DataError, match="folder that all machines share"):
        quiet(learning, tmp_path / "run")


def test_the_rate_rises_then_falls_to_zero():
    recipe = Recipe(epochs=(5, 5), sizes=(96, 224), warmup=2, rate=1.0)
    assert [rate_at(epoch, recipe) for epoch in (0, 1, 2)] == [0, 0.5, 1]
    assert rate_at(6, recipe) == pytest.approx(0.5)
    assert rate_at(10, recipe) == pytest.approx(0)


@pytest.mark.parametrize(
    ("kind", "optimizer"), [*product(("vit", "deit", "swin"), ("adamw", "muon")), ("resnet", "adamw")]
)
def test_every_parameter_is_moved_and_only_matrices_are_pulled_to_zero(kind, optimizer):
    shapes = {"vit": {}, "deit": {}, "swin": {"patch": 4, "window": 2, "depths": (1, 1)}, "resnet": {}}
    recipe = replace(TINY, network=kind, optimizer=optimizer, **shapes[kind])
    network = untrained(recipe, 2)
    groups = optimizer_of(network, recipe).param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    moved = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(moved) == sorted(names.values())
    for group in groups:
        for parameter in group["params"]:
            free = parameter.ndim < 2 or any(w in names[id(parameter)] for w in ("pos_embed", "token", "bias_table"))
            assert (group["weight_decay"] == 0) == free


def test_more_pictures_in_a_step_than_there_are_make_one_step(learning, tmp_path):
    quiet(learning, tmp_path / "run", replace(TINY, batch=1000))
    assert [int(row["images"]) for row in metrics(tmp_path / "run")] == [len(learning)] * 3


def test_a_resnets_statistics_are_those_of_its_averaged_weights(learning, tmp_path):
    """Its first norm's mean is the mean of what the averaged first filters make of the pictures."""
    recipe = replace(TINY, network="resnet", optimizer="adamw", batch=24, mix_share=0.0, ema=0.9)
    network: Any = quiet(learning, tmp_path / "run", recipe)
    pixels, _ = next(iter(fed_batches(learning, recipe, recipe.all_epochs)))
    with torch.no_grad():
        seen = network.conv1(pixels)  # (batch, channels, rows, cols)
    assert torch.allclose(network.bn1.running_mean, seen.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(network.bn1.running_var, seen.var((0, 2, 3)), rtol=0.05, atol=1e-3)


def test_measuring_a_resnet_on_the_way_changes_nothing(learning, measured, tmp_path):
    recipe = replace(TINY, network="resnet", optimizer="adamw", drop_path=0.2)
    plain = quiet(learning, tmp_path / "plain", recipe)
    assert same(plain, quiet(learning, tmp_path / "measured", recipe, measure=measured))

"""A fair race: several networks, the same pictures, the same budget, and one page about what came of it.

The budget is the number of pictures that a network is shown. A run on a tenth of the data goes through it ten times as
often, so that what differs is how much there was to learn from, not how long it learned.
"""

import csv
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vit.errors import ModelError, VitError
from vit.models.bundled import load_run
from vit.training.card import write_model
from vit.training.data import DataError, Pictures, Split
from vit.training.learner import Teacher
from vit.training.loop import train
from vit.training.recipe import Recipe

_ROUNDS, _BATCH = 5, 16  # of the timing: the best of so many rounds, with so many pictures each


@dataclass(frozen=True)
class Entry:
    """One finished run of the race."""

    name: str  # vit, deit, swin, resnet
    share: float  # of the training pictures
    top1: float  # percent
    pictures: int  # that top1 was measured on
    size: int  # pixels on a side
    parameters: int
    flops: float  # of one picture; two for each multiply-add
    seconds: float  # of training
    rate: float  # pictures a second in training
    answers: float  # pictures a second when only answering
    curve: tuple[tuple[float, float], ...]  # (share of its schedule, top-1 in percent)
    taught: bool  # by the ResNet of the same share


def race(
    learning: Split,
    validation: Split,
    recipes: dict[str, Recipe],
    shares: list[float],
    out: Path,
    command: str,
    say: Callable[[str], None] = print,
) -> list[Entry]:
    """Trains each network on each share of the pictures, or takes the run that ``out`` already holds.

    The ResNets come first: they teach the DeiT, each the one of its own share.
    """
    order = sorted(recipes, key=lambda name: name != "resnet")
    measured = Pictures(validation)
    for share in sorted(shares):
        part = Pictures(learning.part(share), max(max(recipe.sizes) for recipe in recipes.values()))
        for name in order:
            folder = run_folder(out, name, share)
            if (folder / "model.json").exists():
                say(f"{folder.name}: finished before")
                continue
            recipe = of_share(recipes[name], share)
            teacher = None
            if name == "deit" and "resnet" in recipes:
                teacher = Teacher(run_folder(out, "resnet", share), learning.labels)
            say(f"{folder.name}: {len(part)} pictures, {recipe.all_epochs} epochs")
            network = train(part, folder, recipe, resume=True, teacher=teacher, measure=measured, say=say)
            about = {"data": "", "limits": "Trained for a comparison only.", "command": command}
            write_model(network, measured, folder, recipe, about)
    loaded = {(name, share): load_run(run_folder(out, name, share)) for name in recipes for share in shares}
    speeds = answer_rates({key: (network, card.shape["image_size"][0]) for key, (card, network) in loaded.items()})
    taught = {"deit"} if "resnet" in recipes else set()
    return [
        read_entry(run_folder(out, name, share), name, share, speeds[name, share], name in taught)
        for name in recipes
        for share in shares
    ]


def run_folder(out: Path, name: str, share: float) -> Path:
    return out / f"{name}-{share * 100:g}"


def of_share(recipe: Recipe, share: float) -> Recipe:
    """The recipe for a part of the pictures: as many epochs more as there are pictures fewer."""
    return replace(
        recipe,
        epochs=tuple(round(epochs / share) for epochs in recipe.epochs),
        warmup=recipe.warmup / share,
    )


def read_entry(folder: Path, name: str, share: float, answers: float, taught: bool) -> Entry:
    """A finished run's numbers, from its card and its metrics."""
    card, network = load_run(folder)
    try:
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        curve = tuple((int(row["epoch"]) / len(rows), float(row["top1"])) for row in rows if row["top1"])
        seconds = sum(float(row["seconds"]) for row in rows)
        shown = sum(float(row["seconds"]) * float(row["images_per_second"]) for row in rows)
        json.loads((folder / "model.json").read_text())
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} holds no metrics of a finished run.") from error
    size = card.shape["image_size"][0]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    flops = flops_of(network, size)
    return Entry(
        name, share, card.top1, card.pictures, size, parameters, flops, seconds, shown / seconds, answers, curve, taught
    )


@torch.no_grad()
def flops_of(network: nn.Module, size: int) -> float:
    """Floating-point operations of one picture, as torch counts them: matrix products and convolutions, two each."""
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, size, size))
    return float(counter.get_total_flops())


@torch.no_grad()
def answer_rates(networks: dict) -> dict:
    """Pictures a second of each ``{key: (network, size)}``. They take turns, so that a busy moment hits all alike."""
    best = dict.fromkeys(networks, float("inf"))
    for _ in range(_ROUNDS + 1):  # the first is for warming up
        for key, (network, size) in networks.items():
            pixels = torch.zeros(_BATCH, 3, size, size)
            began = time.perf_counter()
            network(pixels)
            best[key] = min(best[key], time.perf_counter() - began)
    return {key: _BATCH / seconds for key, seconds in best.items()}


def check_race(recipes: dict[str, Recipe], shares: list[float]) -> None:
    """A sentence for what can't be raced, before anything is trained."""
    if any(not 0 < share <= 1 for share in shares):
        raise VitError(f"--shares {' '.join(f'{share:g}' for share in shares)}: each is above 0 and at most 1.")
    if not recipes:
        raise ModelError("--models names no network.")

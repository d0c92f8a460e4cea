"""A fair race: several networks, the same pictures, the same budget.

The budget is the number of pictures that a network is shown. A run on a tenth of the data goes through it ten times as
often, so that what differs is how much there was to learn from, not how long it learned.
"""

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vit.errors import DataError, RecipeError
from vit.models.bundled import Card, load_run
from vit.processes import processes
from vit.training.card import write_model
from vit.training.checkpoint import make_folder, read_checkpoint
from vit.training.data import Pictures, Split
from vit.training.learner import Teacher
from vit.training.look import write_batch, write_curve
from vit.training.loop import train
from vit.training.recipe import Recipe

_POINTS = 8  # of a learning curve, at most twice as many
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
    shown: int  # pictures that it was shown in training, all epochs together
    seconds: float  # of training
    answers: float  # pictures a second when only answering
    curve: tuple[tuple[float, float], ...]  # (share of its schedule, top-1 in percent)
    taught: bool  # by the ResNet of the same share

    @property
    def rate(self) -> float:
        """Pictures a second in training. Seconds are kept to two places, so a short run may have none."""
        return self.shown / max(self.seconds, 0.01)


def race(
    learning: Split,
    validation: Split,
    recipes: Mapping[str, Recipe],
    shares: list[float],
    out: Path,
    about: dict[str, str],
    say: Callable[[str], None] = print,
) -> list[Entry]:
    """Trains each network on each share of the pictures, or takes the run that ``out`` already holds.

    The ResNets come first: they teach the DeiT, each the one of its own share. ``about`` stands in every run's card.
    """
    order = sorted(recipes, key=lambda name: name != "resnet")
    measured = Pictures(validation)
    # Another folder may have the same name; where this one is stands nowhere.
    data = f"{about.get('data')} ({learning.fingerprint()}, {validation.fingerprint()})"
    for share in sorted(shares):
        part = learning.part(share)
        pictures: Pictures | None = None
        for name in order:
            folder, recipe = run_folder(out, name, share), of_share(recipes[name], len(learning), len(part))
            taught = name == "deit" and "resnet" in recipes
            choices = {"data": data, "teacher": run_folder(out, "resnet", share).name if taught else None}
            if (folder / "model.json").exists():
                check_same(folder, {**asdict(recipe), **choices, "pictures": len(part), "labels": part.labels})
                say(f"{folder.name}: finished before")
                continue
            pictures = pictures or Pictures(part, max(recipe.side for recipe in recipes.values()))
            teacher = Teacher(str(run_folder(out, "resnet", share)), learning.labels) if taught else None
            say(f"{folder.name}: {len(part)} pictures, {recipe.all_epochs} epochs")
            first = processes().is_main_process
            if first and not (folder / "last.pt").exists():  # a run that goes on has its batch
                make_folder(folder)
                write_batch(pictures, recipe, folder)
            network = train(
                pictures,
                folder,
                recipe,
                resume=True,
                teacher=teacher,
                measure=measured,
                measure_every=max(1, recipe.all_epochs // _POINTS),
                choices=choices,
                say=say,
            )
            if first:
                write_curve(folder)
                # The card last: a run that has one is finished.
                write_model(network, measured, folder, recipe, {**about, "limits": "Trained for a comparison only."})
            processes().wait_for_everyone()
    if not processes().is_main_process:  # one writes the page, and nothing disturbs its timing
        return []
    loaded = {(name, share): load_run(run_folder(out, name, share)) for name in recipes for share in shares}
    speeds = answer_rates({key: (model.network, model.prepare.size[0]) for key, (_, model) in loaded.items()})
    return [
        read_entry(
            run_folder(out, *key),
            *key,
            card,
            model.network,
            speeds[key],
            taught=key[0] == "deit" and "resnet" in recipes,
        )
        for key, (card, model) in loaded.items()
    ]


def run_folder(out: Path, name: str, share: float) -> Path:
    return out / f"{name}-{share * 100:g}"


def of_share(recipe: Recipe, whole: int, part: int) -> Recipe:
    """The recipe for a part of the pictures: as many epochs more as its epochs have steps fewer."""

    def shown(pictures: int) -> int:  # in an epoch, which has whole batches only
        batch = min(recipe.batch, pictures)
        return pictures // batch * batch

    times = shown(whole) / shown(part)
    return replace(
        recipe, epochs=tuple(round(epochs * times) for epochs in recipe.epochs), warmup=recipe.warmup * times
    )


def check_same(folder: Path, choices: Mapping[str, Any]) -> None:
    """RecipeError if a finished run was made with other choices than this race's, or can't tell which."""
    if not (folder / "last.pt").exists():
        raise RecipeError(f"{folder} is a finished run without its last.pt: delete the folder to train it again.")
    try:
        read_checkpoint(folder / "last.pt", choices)
    except DataError as error:
        raise RecipeError(f"{folder} can't be taken as it is. {error}") from error


def read_entry(
    folder: Path, name: str, share: float, card: Card, network: nn.Module, answers: float, *, taught: bool
) -> Entry:
    """A finished run's numbers, from its card, its network and its metrics."""
    try:
        with (folder / "metrics.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no epoch")
        curve = tuple((int(row["epoch"]) / len(rows), float(row["top1"])) for row in rows if row["top1"])
        seconds = sum(float(row["seconds"]) for row in rows)
        shown = sum(int(row["images"]) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} holds no metrics of a finished run; delete it to train that one again.") from error
    size = card.shape["image_size"][0]
    return Entry(
        name=name,
        share=share,
        top1=card.top1,
        pictures=card.pictures,
        size=size,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=flops_of(network, size),
        shown=shown,
        seconds=seconds,
        answers=answers,
        curve=curve,
        taught=taught,
    )


@torch.no_grad()
def flops_of(network: nn.Module, size: int) -> float:
    """Floating-point operations of one picture, as torch counts them: matrix products and convolutions, two each."""
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, size, size))
    return float(counter.get_total_flops())


@torch.no_grad()
def answer_rates(networks: Mapping[Any, tuple[nn.Module, int]]) -> dict[Any, float]:
    """Pictures a second of each ``{key: (network, size)}``, on the processor.

    They take turns, so that a busy moment hits all alike.
    """
    best = dict.fromkeys(networks, float("inf"))
    for _ in range(_ROUNDS + 1):  # the first is for warming up
        for key, (network, size) in networks.items():
            pixels = torch.zeros(_BATCH, 3, size, size)
            began = time.perf_counter()
            network(pixels)
            best[key] = min(best[key], time.perf_counter() - began)
    return {key: _BATCH / seconds for key, seconds in best.items()}


def check_shares(shares: list[float]) -> None:
    """A sentence for what can't be raced, before anything is trained."""
    if any(not 0 < share <= 1 for share in shares):
        raise RecipeError(f"--shares {' '.join(f'{share:g}' for share in shares)}: each is above 0 and at most 1.")

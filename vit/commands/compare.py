"""Races networks on the same pictures and the same budget, and writes one page about it: compare.md, compare.png.

A run that is finished in --out is taken as it is; one that was cut goes on.
"""

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from vit.commands import shared
from vit.commands.work import is_first
from vit.errors import VitError
from vit.training.recipe import NETWORKS, recipe_for

EXAMPLE = "python -m vit compare --data FOLDER --out runs/race --models vit resnet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_data(parser)
    names, shares = list(NETWORKS), [0.1, 0.3, 1.0]
    parser.add_argument("--models", nargs="+", default=names, metavar="NETWORK", help=f"(default: {' '.join(names)})")
    about = "of the training pictures (default: 0.1 0.3 1)"
    parser.add_argument("--shares", nargs="+", type=float, default=shares, metavar="SHARE", help=about)
    parser.add_argument("--size", type=int, help="pixels on a side (default: 64, or the pictures' own if smaller)")
    parser.add_argument("--epochs", type=int, default=6, help="over all pictures; on a share as many more (default: 6)")
    parser.add_argument("--optimizer", help="adamw or muon, the same for all (default: each recipe's own)")
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step (default: 128)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where runs and page are kept")


def run(options: argparse.Namespace) -> None:
    unknown = [name for name in options.models if name not in NETWORKS]
    if unknown:
        raise VitError(f"--models {unknown[0]}: it is one of {', '.join(NETWORKS)}.")

    def say(line: str) -> None:
        if first:
            print(line, flush=True)

    first = is_first()  # of several processes one speaks and writes
    say("reading the pictures …")
    from vit.processes import processes
    from vit.training.checkpoint import make_folder
    from vit.training.compare import check_shares, race
    from vit.training.data import open_data
    from vit.training.networks import SMALL, untrained
    from vit.training.report import write_report

    check_shares(options.shares)
    with processes().local_main_process_first():
        learning, validation = open_data(options.data, "train"), open_data(options.data, "validation")
    side = learning.side()
    small = side <= SMALL
    step = 4 if small else 16  # the largest patch of the recipes for such pictures
    size = min(64, max(step, side // step * step)) if options.size is None else options.size
    chosen: dict[str, Any] = {"optimizer": options.optimizer} if options.optimizer else {}
    recipes = {
        name: recipe_for(
            name,
            small,
            **chosen,
            sizes=(size,),
            epochs=(options.epochs,),
            batch=options.batch,
            warmup=min(4, options.epochs) / 4,
            seed=options.seed,
        )
        for name in dict.fromkeys(options.models)
    }
    if "swin" in recipes and size < 112:  # its grids are smaller than its own windows
        recipes["swin"] = replace(recipes["swin"], window=4)
    for recipe in recipes.values():  # a size that doesn't fit is told before hours have passed
        untrained(recipe, len(learning.labels))
    make_folder(options.out)
    about = {"data": Path(options.data).resolve().name, "command": "python -m vit " + shlex.join(options.words)}
    entries = race(learning, validation, recipes, sorted(set(options.shares)), options.out, about, say)
    if not first:
        return
    write_report(entries, options.out, about["data"], about["command"])
    for entry in entries:
        say(f"{entry.name:7} {100 * entry.share:4g}% of the pictures · top-1 {entry.top1:.2f}%")
    say(f"compare.md, compare.png and compare.svg in {options.out}")

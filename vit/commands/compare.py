"""Races networks on the same pictures and the same budget, and writes one page about it: compare.md, compare.png.

A run that is finished in --out is taken as it is; one that was cut goes on.
"""

import argparse
import shlex
from pathlib import Path

from vit.errors import VitError
from vit.training.recipe import NETWORKS, recipe_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="holds train/CLASS/… and val/CLASS/…; or cifar10"
    )
    parser.add_argument("--models", nargs="+", default=list(NETWORKS), metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--shares", nargs="+", type=float, default=[0.1, 0.3, 1.0], help="of the training pictures")
    parser.add_argument("--size", type=int, help="pixels on a side (default: 64, or the pictures' own if smaller)")
    parser.add_argument("--epochs", type=int, default=6, help="over all pictures; on a share as many more (default: 6)")
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step (default: 128)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where runs and page are kept")


def run(options: argparse.Namespace) -> None:
    unknown = [name for name in options.models if name not in NETWORKS]
    if unknown:
        raise VitError(f"--models {unknown[0]}: it is one of {', '.join(NETWORKS)}.")
    from vit.training.compare import check_race, race
    from vit.training.data import open_data
    from vit.training.networks import SMALL, build
    from vit.training.report import write_report

    learning, validation = open_data(options.data, "train"), open_data(options.data, "validation")
    side = learning.side()
    size = options.size or min(64, side)
    recipes = {
        name: recipe_for(
            name,
            side <= SMALL,
            sizes=(size,),
            epochs=(options.epochs,),
            batch=options.batch,
            seed=options.seed,
            **({"window": 4} if name == "swin" and size < 112 else {}),
        )
        for name in dict.fromkeys(options.models)
    }
    check_race(recipes, options.shares)
    for recipe in recipes.values():  # a size that doesn't fit is told before hours have passed
        build(recipe, len(learning.labels))
    command = "python -m vit " + shlex.join(options.words)
    options.out.mkdir(parents=True, exist_ok=True)
    shares = sorted(set(options.shares))
    entries = race(learning, validation, recipes, shares, options.out, command, lambda line: print(line, flush=True))
    write_report(entries, options.out, Path(options.data).name, command)
    for entry in entries:
        print(f"{entry.name:7} {entry.share:4.0%} of the pictures · top-1 {entry.top1:.2f}%", flush=True)
    print(f"compare.md, compare.png and compare.svg in {options.out}")

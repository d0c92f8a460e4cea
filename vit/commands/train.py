"""Trains a Vision Transformer from scratch on a folder of pictures; what it writes, assets/weights takes as it is."""

import argparse
import json
import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from vit.training.data import MEAN, STD, open_folder
from vit.training.loop import accuracy, train
from vit.training.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="holds train/CLASS/… and val/CLASS/…"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the run is kept")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    parser.add_argument("--about", default="", help="what the pictures are, for the model's card")
    recipe = parser.add_argument_group("recipe", "the choices of vit/training/recipe.py")
    for field in fields(Recipe):
        several = isinstance(field.default, tuple)
        kind = type(field.default[0] if isinstance(field.default, tuple) else field.default)
        recipe.add_argument(
            "--" + field.name.replace("_", "-"), type=kind, default=field.default, nargs="+" if several else None
        )


def run(options: argparse.Namespace) -> None:
    values: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    values.update({name: tuple(value) for name, value in values.items() if isinstance(value, list)})
    recipe = Recipe(**values)
    network = train(options.data, options.out, recipe, options.resume, say=lambda line: print(line, flush=True))
    network.half().float()  # measure the weights as they are kept
    percent, pictures = accuracy(network, options.data, recipe.size)
    labels = open_folder(options.data)[0].classes
    card = {
        "network": "vit",
        "shape": {
            "image_size": [recipe.size, recipe.size],
            "patch": recipe.patch,
            "width": recipe.width,
            "depth": recipe.depth,
            "heads": recipe.heads,
        },
        "labels": [label.replace("_", " ") for label in labels],
        "mean": MEAN,
        "std": STD,
        "interpolation": "bicubic",
        "data": options.about or options.data.name,
        "top1": round(percent, 2),
        "pictures": pictures,
        "recipe": asdict(recipe),
        "command": "python -m vit " + shlex.join(options.words),
        "torch": torch.__version__,
    }
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, options.out / "model.safetensors")
    (options.out / "model.json").write_text(json.dumps(card, indent=2) + "\n")
    print(f"top-1 {percent:.2f}% on {pictures} pictures · weights and card in {options.out}", flush=True)

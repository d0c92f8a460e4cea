"""Measures how often a model is right on the validation pictures, each fed whole, as the app feeds a photo."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import VitError

if TYPE_CHECKING:
    from vit.models.vision_model import VisionModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or the folder of a finished run")
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="holds train/CLASS/… and val/CLASS/…; or cifar10"
    )


def run(options: argparse.Namespace) -> None:
    from vit.training.data import Pictures, open_data
    from vit.training.measure import accuracy, floored

    model, claimed = open_model(options.model)
    split = open_data(options.data, "validation")
    if split.labels != model.labels:
        odd = next(iter(set(split.labels) ^ set(model.labels)), "in another order")
        raise VitError(f"{options.model} knows other classes than {options.data} has ({odd}).")
    pictures = Pictures(split)
    began = time.monotonic()
    percent, count = accuracy(model.network, pictures, model.prepare)
    rate = count / (time.monotonic() - began)
    print(
        f"{model.name} · top-1 {floored(percent):.2f}% on {count} pictures, card {claimed:.2f}% · {rate:.0f} images/s"
    )


def open_model(name: str) -> "tuple[VisionModel, float]":
    """The model, and the top-1 in percent that its card claims."""
    from vit.models.bundled import bundled_names, load_bundled, load_run, read_card
    from vit.models.vision_model import Preprocessing, VisionModel

    if Path(name).is_dir():
        card, network = load_run(Path(name))
        prepare = Preprocessing(card.shape["image_size"], card.mean, card.std, card.interpolation)  # type: ignore[arg-type]
        return VisionModel(Path(name).name, network, prepare, card.labels, "this run"), card.top1
    if name in bundled_names():
        return load_bundled(name), read_card(name).top1
    raise VitError(f"There is no folder {name} with a finished run, and no bundled model of that name.")

"""Measures how often a model is right on the validation pictures, each fed whole, as the app feeds a photo."""

import argparse
import time

from vit.commands import shared
from vit.commands.work import working
from vit.errors import VitError

EXAMPLE = "python -m vit evaluate vit_imagenette --data FOLDER"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a bundled name, or the folder of a finished run")
    shared.add_data(parser)


def run(options: argparse.Namespace) -> None:
    with working(f"loading {options.model}") as work:
        from vit.models.bundled import find_trained, percent
        from vit.training.data import Pictures, open_data
        from vit.training.measure import accuracy, floored

        class Counted(Pictures):
            """Says how many were fetched."""

            def __getitem__(self, number: int):
                work.pictures(number, len(self))
                return super().__getitem__(number)

        found = find_trained(options.model)
        if found is None:
            raise VitError(
                f"There is no folder {options.model} with a finished run, and no bundled model of that name."
            )
        card, model = found
        split = open_data(options.data, "validation")
        if split.labels != model.labels:
            odd = next(iter(set(split.labels) ^ set(model.labels)), "in another order")
            raise VitError(f"{options.model} knows other classes than {options.data} has ({odd}).")
        pictures = Counted(split)
        began = time.monotonic()
        top1, count = accuracy(model.network, pictures, model.prepare)
        rate = count / (time.monotonic() - began)
    measured = f"top-1 {percent(floored(top1))} on {count} pictures, card {percent(card.top1)}"
    print(f"{model.name} · {measured} · {rate:.0f} images/s")

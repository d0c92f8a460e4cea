"""Trains a network from scratch on a folder of pictures; what it writes, assets/weights takes as it is.

Several processes share the work with: accelerate launch -m vit train …
"""

import argparse
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit.errors import VitError
from vit.training.recipe import NETWORKS, Recipe, recipe_for

if TYPE_CHECKING:
    from torch import nn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="holds train/CLASS/… and val/CLASS/…; or cifar10"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the run is kept")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    parser.add_argument("--teacher", type=Path, metavar="RUN", help="a finished run that teaches a deit")
    parser.add_argument("--start", metavar="RUN", help="a finished run, or a bundled model, to go on from")
    parser.add_argument("--watch", type=Path, metavar="PHOTO", help="keep its rollout on this photo as it learns")
    parser.add_argument("--watch-every", type=int, default=1, metavar="N", help="…after every N epochs (default: 1)")
    parser.add_argument("--measure", action="store_true", help="measure on the validation pictures after every epoch")
    parser.add_argument(
        "--hold-out",
        type=float,
        metavar="SHARE",
        help="measure on this share of the training pictures, held out of training, in place of the validation "
        "pictures: for choosing a recipe, which validation pictures never should",
    )
    parser.add_argument("--about", default="", help="what the pictures are, for the model's card")
    recipe = parser.add_argument_group("recipe", "the choices of vit/training/recipe.py, which says why")
    for field in fields(Recipe):
        several = isinstance(field.default, tuple)
        kind = type(field.default[0] if isinstance(field.default, tuple) else field.default)
        recipe.add_argument(
            "--" + field.name.replace("_", "-"), type=kind, default=None, nargs="+" if several else None, metavar="…"
        )


def recipe_of(options: argparse.Namespace, small: bool) -> Recipe:
    """The network's own recipe, with what was typed in place of its values."""
    typed: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    typed = {name: tuple(v) if isinstance(v, list) else v for name, v in typed.items() if v is not None}
    return recipe_for(typed.pop("network", NETWORKS[0]), small, **typed)


def run(options: argparse.Namespace) -> None:
    if options.watch_every < 1:
        raise VitError(f"--watch-every {options.watch_every}: it is a number of epochs, 1 or more.")
    from accelerate import PartialState

    from vit.image import load_image
    from vit.training.card import write_model
    from vit.training.data import Pictures, open_data
    from vit.training.learner import Teacher
    from vit.training.look import write_batch, write_curve
    from vit.training.loop import train
    from vit.training.networks import SMALL

    if options.hold_out is not None and not 0 < options.hold_out < 1:
        raise VitError(f"--hold-out {options.hold_out:g}: it is a share, above 0 and below 1.")
    photo = load_image(options.watch) if options.watch else None  # before anything that takes long
    first = PartialState().is_main_process  # of several processes one speaks and writes

    def say(line: str) -> None:
        if first:
            print(line, flush=True)

    learning, measured = open_data(options.data, "train"), open_data(options.data, "validation")
    if options.hold_out is not None:
        measured = learning.part(options.hold_out)
        learning = learning.without(measured)
    recipe = recipe_of(options, small=learning.side() <= SMALL)
    teacher = Teacher(options.teacher, learning.labels) if options.teacher else None
    start = open_start(options.start) if options.start else None
    pictures = Pictures(learning.part(recipe.share), max(recipe.sizes))
    validation = Pictures(measured)  # as they are, like a photo in the app
    say(f"{len(pictures)} pictures to learn from, {len(validation)} to measure on, {len(learning.labels)} classes")
    if first:
        options.out.mkdir(parents=True, exist_ok=True)
        write_batch(pictures, recipe, options.out)
    watch = None
    if photo is not None:
        from vit.training.watch import Watch

        watch = Watch(photo, options.out / "watch", recipe, learning.labels, options.watch_every)
        watch.check()
    network = train(
        pictures,
        options.out,
        recipe,
        resume=options.resume,
        start=start,
        teacher=teacher,
        measure=validation if options.measure else None,
        watchers=[watch] if watch else [],
        say=say,
    )
    if not first:
        return
    about = {
        "data": options.about or Path(options.data).name,
        "limits": f"Knows {len(learning.labels)} classes only, and learned from {len(pictures)} pictures.",
        "command": "python -m vit " + shlex.join(options.words),
    }
    if options.hold_out is not None:
        about["measured on"] = "training pictures that were held out, not the validation pictures"
    if teacher:
        about["teacher"] = f"a {teacher.name} with {teacher.top1:.2f}% top-1"
    percent, count = write_model(network, validation, options.out, recipe, about)
    write_curve(options.out)
    if watch:
        watch.write()
    say(f"top-1 {percent:.2f}% on {count} pictures · weights and card in {options.out}")


def open_start(name: str) -> "nn.Module":
    """The network of a finished run's folder, or of a bundled model."""
    from vit.models.bundled import bundled_names, load_bundled, load_run

    if Path(name).is_dir():
        return load_run(Path(name))[1]
    if name in bundled_names():
        return load_bundled(name).network
    raise VitError(f"--start {name}: there is no such folder, and no bundled model of that name.")

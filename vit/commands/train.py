"""Trains a network from scratch on a folder of pictures; what it writes, assets/weights takes as it is.

Several processes share the work with: torchrun --nproc-per-node 2 -m -- vit train …
"""

import argparse
import inspect
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit.commands import shared
from vit.commands.work import is_first
from vit.errors import VitError
from vit.training.recipe import NETWORKS, Recipe, recipe_for

if TYPE_CHECKING:
    from torch import nn

    from vit.training.data import Pictures, Split

EXAMPLE = "python -m vit train --data FOLDER --out runs/vit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_data(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the run is kept")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, if there is one")
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="RUN",
        help="a finished run, or a bundled model, whose answers are half of what is learned",
    )
    parser.add_argument(
        "--start",
        metavar="RUN",
        help="a finished run, or a bundled model, to go on from: its recipe is shorter and gentler",
    )
    parser.add_argument("--watch", type=Path, metavar="PHOTO", help="keep its rollout on this photo as it learns")
    parser.add_argument("--watch-every", type=int, default=1, metavar="N", help="…after every N epochs (default: 1)")
    parser.add_argument("--measure", action="store_true", help="measure top-1 after every epoch, for the curve")
    parser.add_argument(
        "--hold-out",
        type=float,
        metavar="SHARE",
        help="measure on this share of the training pictures, held out of training, in place of the validation "
        "pictures: for choosing a recipe, which validation pictures never should",
    )
    parser.add_argument("--about", default="", help="what the pictures are, for the model's card")
    recipe = parser.add_argument_group(
        "recipe", "The choices of vit/training/recipe.py, which says why; each network has defaults of its own."
    )
    said = recipe_words()
    for field in fields(Recipe):
        about = said.get(field.name, "of all that is random").replace("%", "%%")
        several = isinstance(field.default, tuple)
        kind = type(field.default[0] if isinstance(field.default, tuple) else field.default)
        usual = " ".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        recipe.add_argument(
            "--" + field.name.replace("_", "-"),
            type=kind,
            nargs="+" if several else None,
            metavar="…" if several else "N" if kind in (int, float) else "NAME",
            help=f"{about} (a vit's: {usual})",
        )


def run(options: argparse.Namespace) -> None:
    if options.watch_every < 1:
        raise VitError(f"--watch-every {options.watch_every}: it is a number of epochs, 1 or more.")
    if options.hold_out is not None and not 0 < options.hold_out < 1:
        raise VitError(f"--hold-out {options.hold_out:g}: it is a share, above 0 and below 1.")

    def say(line: str) -> None:
        if first:
            print(line, flush=True)

    first = is_first()  # of several processes one speaks and writes
    say("reading the pictures …")
    from vit.processes import processes
    from vit.training.card import write_model
    from vit.training.checkpoint import make_folder
    from vit.training.data import Pictures
    from vit.training.learner import Teacher
    from vit.training.look import write_batch, write_curve
    from vit.training.loop import check_out, train
    from vit.training.networks import SMALL, start_from, untrained
    from vit.training.run import check_shared
    from vit.training.watch import Watch

    state = processes()
    # All that can be wrong is told before anything takes long, or leaves anything behind.
    check_out(options.out, options.resume)
    photo = shared.open_photo(options.watch) if options.watch else None
    with state.local_main_process_first():  # CIFAR-10 is downloaded once
        learning, measured = open_splits(options.data, options.hold_out)
    recipe = recipe_of(options, small=learning.side() <= SMALL)
    network = untrained(recipe, len(learning.labels))
    teacher = Teacher(str(options.teacher), learning.labels) if options.teacher else None
    if teacher:
        teacher.check(recipe)
    start = open_start(options.start) if options.start else None
    if start is not None:
        start_from(network, start)
    watch = None
    if photo is not None:
        watch = Watch(photo, options.out / "watch", recipe, learning.labels, options.watch_every)
        watch.check()
    part = learning.part(recipe.share)
    check_shared(recipe, len(part))
    pictures = Pictures(part, recipe.side)
    validation = Pictures(measured)  # as they are, like a photo in the app
    say(f"{len(pictures)} pictures to learn from, {len(validation)} to measure on, {len(learning.labels)} classes")
    make_folder(options.out)
    if first and not (options.out / "last.pt").exists():  # a run that goes on has its batch
        write_batch(pictures, recipe, options.out)
    network = train(
        pictures,
        options.out,
        recipe,
        resume=options.resume,
        start=start,
        teacher=teacher,
        measure=validation if options.measure else None,
        watchers=[watch] if watch else [],
        choices=choices_of(options, f"{learning.fingerprint()}, {measured.fingerprint()}"),
        say=say,
    )
    if not first:
        return
    about = about_run(options, pictures, state.num_processes)
    if teacher:
        about["teacher"] = f"a {teacher.name} with {teacher.top1:.2f}% top-1"
    say(f"measuring on {len(validation)} pictures …")
    percent, count = write_model(network, validation, options.out, recipe, about)
    write_curve(options.out)
    if watch and not watch.write():
        say("no epoch was left that --watch could have watched")
    say(f"top-1 {percent:.2f}% on {count} pictures · weights and card in {options.out}")


def recipe_words() -> dict[str, str]:
    """What each field of Recipe is, out of the comment behind it: one text for whoever reads it and for the help."""
    return dict(re.findall(r"^    (\w+): [^#\n]+  # (.+)$", inspect.getsource(Recipe), re.MULTILINE))


def open_splits(data: str, hold_out: float | None) -> "tuple[Split, Split]":
    """The pictures to learn from, and those to measure on."""
    from vit.training.data import open_data

    learning, validation = open_data(data, "train"), open_data(data, "validation")
    return (learning, validation) if hold_out is None else learning.hold_out(hold_out)


def recipe_of(options: argparse.Namespace, small: bool) -> Recipe:
    """The network's own recipe, with what was typed in place of its values."""
    typed: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    typed = {name: tuple(v) if isinstance(v, list) else v for name, v in typed.items() if v is not None}
    return recipe_for(typed.pop("network", NETWORKS[0]), small, bool(options.start), **typed)


def choices_of(options: argparse.Namespace, pictures: str) -> dict[str, Any]:
    """What has to stay the same, beside the recipe, for a run to go on. ``pictures`` is the data's fingerprint: its
    folder may be moved, but not changed."""
    names = {name: getattr(options, name) and str(getattr(options, name)) for name in ("teacher", "start")}
    return {**names, "data": f"pictures {pictures}", "hold_out": options.hold_out}


def about_run(options: argparse.Namespace, pictures: "Pictures", processes: int) -> dict[str, Any]:
    """What a card says beside the network, its recipe and its accuracy."""
    words = [word for word in options.words if word != "--resume"]  # the command that makes the run from its start
    start = Path(options.start).name if options.start else ""
    learned = f"{len(pictures)} pictures" + (f", beside those of {start}, from which it went on" if start else "")
    about = {
        "data": options.about or Path(options.data).resolve().name,
        "limits": f"Knows {len(pictures.split.labels)} classes only, and learned from {learned}.",
        "command": "python -m vit " + shlex.join(words),
    }
    if processes > 1:
        about["processes"] = processes
    if options.hold_out is not None:
        known = f"; {start} may have learned from them" if start else ""
        about["measured on"] = f"training pictures that were held out, not the validation pictures{known}"
    return about


def open_start(name: str) -> "nn.Module":
    """The network of a finished run's folder, or of a bundled model."""
    from vit.models.bundled import find_trained

    found = find_trained(name)
    if found is None:
        raise VitError(f"--start {name}: there is no such folder, and no bundled model of that name.")
    return found[1].network

"""The training loop: epochs, and a checkpoint after each.

A run is a folder: ``last.pt`` (all that is needed to go on), ``metrics.csv`` (a line an epoch), and at the end
``model.safetensors`` with ``model.json``, which ``assets/weights`` takes as they are.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from vit.errors import DataError, TrainingError
from vit.models.vision_model import Preprocessing
from vit.render.files import write_whole
from vit.training.augment import MEAN, STD
from vit.training.checkpoint import make_folder, write_checkpoint
from vit.training.data import Pictures
from vit.training.learner import Teacher
from vit.training.measure import accuracy, floored
from vit.training.recipe import Recipe
from vit.training.run import Run

Watcher = Callable[[int, nn.Module], None]  # is given the number of finished epochs and the averaged network


def train(
    pictures: Pictures,
    out: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    start: nn.Module | None = None,
    teacher: Teacher | None = None,
    measure: Pictures | None = None,
    measure_every: int = 1,
    watchers: Sequence[Watcher] = (),
    choices: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = print,
) -> nn.Module:
    """Trains a network and returns its averaged weights, in eval mode, on the processor.

    With ``resume``, goes on from ``out/last.pt`` where there is one. Without it, an unfinished run is left alone.
    ``start`` is a trained network to go on from. With ``measure``, these pictures are measured on after every
    ``measure_every`` epochs, for the learning curve; nothing is chosen by it. ``choices`` are those beside the recipe
    (which data, which teacher): a run goes on only with the same ones.
    """
    check_out(out, resume)
    checkpoint = out / "last.pt"
    run = Run(pictures, recipe, start, teacher, choices or {})
    if checkpoint.exists():
        run.restore(checkpoint)
    run.check_together()
    make_folder(out)
    batches = run.batches()
    for epoch in range(len(run.history), recipe.all_epochs):
        try:
            row = run.epoch(epoch, batches)
            if measure is not None and ((epoch + 1) % measure_every == 0 or epoch + 1 == recipe.all_epochs):
                run.recount(epoch)
                prepare = Preprocessing((row["size"], row["size"]), MEAN, STD)
                row["top1"] = floored(accuracy(run.average.module, measure, prepare)[0])
            run.history.append(row)
            state = run.state()
        except TrainingError as error:
            kept = f"{checkpoint} is the last good state" if checkpoint.exists() else "no epoch was finished before"
            raise TrainingError(f"{error}; {kept}. Begin anew with a lower --rate than {recipe.rate:g}.") from error
        if run.accelerator.is_main_process:
            # The checkpoint last: what a kill leaves undone before it is done again with the epoch.
            write_whole(as_csv(run.history).encode(), out / "metrics.csv")
            for watcher in watchers:
                watcher(epoch + 1, run.average.module)
            write_checkpoint(checkpoint, state)
            say(_line(run.history, recipe))
        run.accelerator.wait_for_everyone()
    run.recount(recipe.all_epochs)
    return run.average.module.cpu()


def check_out(out: Path, resume: bool) -> None:
    """DataError if a run is there already and isn't meant to go on, or can't."""
    if (out / "last.pt").exists():
        if not resume:
            raise DataError(f"{out} already holds a run: add --resume to go on with it, or name another folder.")
    elif (out / "model.json").exists():
        raise DataError(
            f"{out} holds a finished run, without the last.pt that it could go on from: name another folder."
        )


def as_csv(rows: Sequence[dict]) -> str:
    """Lines with a header."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _line(history: list[dict], recipe: Recipe) -> str:
    """An epoch in a line for the person who waits: how far, how well, how fast, how long yet."""
    row = history[-1]
    done = row["epoch"]
    left = sum(row["seconds"] * (recipe.size_at(e) / row["size"]) ** 2 for e in range(done, recipe.all_epochs))
    top1 = f" · top-1 {row['top1']:.2f}%" if row["top1"] != "" else ""
    return (
        f"epoch {done} of {recipe.all_epochs} · {row['size']} px · loss {row['loss']:.3f}{top1} · "
        f"{row['images_per_second']:.0f} images/s · about {left / 60:.0f} minutes left"
    )

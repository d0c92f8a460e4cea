"""The training loop: epochs, a moving average of the weights, and a checkpoint after each epoch.

Hugging Face Accelerate runs it: on a processor or a GPU, in one process or, with ``accelerate launch -m vit train …``,
in several on one machine or many, which share each batch among them.

A run is a folder: ``last.pt`` (all that is needed to go on), ``metrics.csv`` (a line an epoch), and at the end
``model.safetensors`` with ``model.json``, which ``assets/weights`` takes as they are.
"""

import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from vit.errors import VitError
from vit.models.vision_model import Preprocessing
from vit.render.files import write_whole
from vit.training.augment import MEAN, STD, learning_batches
from vit.training.checkpoint import read_checkpoint, write_checkpoint
from vit.training.data import DataError, Pictures
from vit.training.learner import Learner, Teacher
from vit.training.measure import accuracy
from vit.training.networks import build, start_from
from vit.training.optimizer import optimizer_of, rate_at
from vit.training.recipe import Recipe, RecipeError

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
    watchers: Sequence[Watcher] = (),
    say: Callable[[str], None] = print,
) -> nn.Module:
    """Trains a network and returns its averaged weights, in eval mode, on the processor.

    With ``resume``, goes on from ``out/last.pt`` where there is one. Without it, an unfinished run is left alone.
    ``start`` is a trained network to go on from. With ``measure``, these pictures are measured on after every epoch,
    for the learning curve; nothing is chosen by it.
    """
    checkpoint = out / "last.pt"
    if checkpoint.exists() and not resume:
        raise DataError(f"{out} already holds a run: add --resume to go on with it, or name another folder.")
    if teacher is not None and recipe.network != "deit":
        raise RecipeError(f"--teacher: a {recipe.network} has no token that listens to a teacher; --network deit has.")
    run = Run(pictures, recipe, start, teacher)
    if checkpoint.exists():
        run.restore(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    for epoch in range(len(run.history), recipe.all_epochs):
        try:
            row = run.epoch(epoch)
        except LossError as error:
            kept = f"{checkpoint} is the last good state" if checkpoint.exists() else "no epoch was finished before"
            raise DataError(f"{error}; {kept}. A lower --rate than {recipe.rate:g} is the usual cure.") from error
        if measure is not None:
            prepare = Preprocessing((row["size"], row["size"]), MEAN, STD)
            row["top1"] = round(accuracy(run.average.module, measure, prepare)[0], 2)
        run.history.append(row)
        if run.accelerator.is_main_process:
            write_checkpoint(checkpoint, run.state())
            write_whole(as_csv(run.history).encode(), out / "metrics.csv")
            run.average.eval()
            for watcher in watchers:
                watcher(epoch + 1, run.average.module)
            say(_line(run.history, recipe))
        run.accelerator.wait_for_everyone()
    return run.average.module.eval().cpu()


class LossError(VitError):
    """The loss is no number any more."""


class Run:
    """A network on its way: the weights, their moving average, the optimizer, and what has been measured so far."""

    def __init__(self, pictures: Pictures, recipe: Recipe, start: nn.Module | None, teacher: Teacher | None):
        self.pictures, self.recipe = pictures, recipe
        self.history: list[dict] = []  # a line of metrics for each finished epoch
        self.accelerator = Accelerator(
            mixed_precision="bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no",
            dataloader_config=DataLoaderConfiguration(split_batches=True),  # a batch is shared among all processes
        )
        if recipe.batch % self.accelerator.num_processes:
            processes = self.accelerator.num_processes
            raise RecipeError(f"--batch {recipe.batch} can't be shared out to {processes} processes.")
        torch.manual_seed(recipe.seed)
        self.network = build(recipe, len(pictures.split.labels))
        if start is not None:
            start_from(self.network, start)
        self.network.to(self.accelerator.device)
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
        self.teacher = None if teacher is None else teacher.to(self.accelerator.device)
        # Prepared by Accelerate: they exchange gradients where there are several processes.
        self.learner: nn.Module = self.accelerator.prepare(Learner(self.network, recipe.smoothing))
        self.optimizer: Any = self.accelerator.prepare(optimizer_of(self.network, recipe))

    def epoch(self, epoch: int) -> dict:
        """Every batch once, in the epoch of that number, from 0. Returns its line of metrics."""
        # Stochastic depth has a chance of its own in each process; it too is the same whether or not the run was cut.
        torch.manual_seed((self.recipe.seed * 10_000 + epoch) * 1_000 + self.accelerator.process_index)
        loader = self.accelerator.prepare_data_loader(learning_batches(self.pictures, self.recipe, epoch))
        self.learner.train()
        losses, steps, began, busy = [], len(loader), time.monotonic(), 0.0
        for step, (pixels, targets) in enumerate(tqdm(loader, f"epoch {epoch + 1}", leave=False, disable=None)):
            ready = time.monotonic()
            losses.append(self.step(pixels, targets, epoch + step / steps))
            busy += time.monotonic() - ready
            if not math.isfinite(losses[-1]):
                raise LossError(f"The loss is no number any more, in epoch {epoch + 1}, step {step + 1}")
        seconds = time.monotonic() - began
        shown = steps * min(self.recipe.batch, len(self.pictures))
        return {
            "epoch": epoch + 1,
            "size": self.recipe.size_at(epoch),
            "loss": round(sum(losses) / len(losses), 4),
            "top1": "",
            "rate": round(rate_at(epoch + 1, self.recipe), 8),
            "seconds": round(seconds, 2),
            "images_per_second": round(shown / seconds, 1),
            "waiting": round(1 - busy / seconds, 4),  # the share of the time outside forward, backward and step
        }

    def step(self, pixels: Tensor, targets: Tensor, moment: float) -> float:
        """One batch: the loss of all processes together. One that is no number moves nothing."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(moment, self.recipe)
        taught = None if self.teacher is None else self.teacher(pixels)
        with self.accelerator.autocast():
            loss = self.learner(pixels, targets, taught)
        number = self.accelerator.reduce(loss.detach(), "mean").item()  # type: ignore[union-attr]
        if math.isfinite(number):
            self.optimizer.zero_grad(set_to_none=True)
            self.accelerator.backward(loss)
            self.accelerator.clip_grad_norm_(self.learner.parameters(), self.recipe.clip)
            self.optimizer.step()
            self.average.update_parameters(self.network)
        return number

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        state = {name: part.state_dict() for name, part in parts.items()}
        return {**state, "history": self.history, "recipe": asdict(self.recipe)}

    def restore(self, checkpoint: Path) -> None:
        """Goes back to what ``state`` gave; DataError if the file is damaged or of another recipe."""
        state = read_checkpoint(checkpoint, self.recipe)
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = list(state["history"])
        except Exception as error:  # whatever a damaged state makes torch stumble over
            raise DataError(f"{checkpoint} is damaged; delete it to start again.") from error


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
    top1 = f" · top-1 {row['top1']:.1f}%" if row["top1"] != "" else ""
    return (
        f"epoch {done} of {recipe.all_epochs} · {row['size']} px · loss {row['loss']:.3f}{top1} · "
        f"{row['images_per_second']:.0f} images/s · about {left / 60:.0f} minutes left"
    )

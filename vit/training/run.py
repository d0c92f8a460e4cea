"""A network on its way through training: its weights, their moving average, and what has been measured so far.

Hugging Face Accelerate runs it: on a processor or a GPU, in one process or in several on one machine or many (see
vit/processes.py), which share each batch among them.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import gather_object
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from vit.errors import DataError, RecipeError, TrainingError
from vit.processes import processes
from vit.training.augment import Feed, Order, fed_batches, learning_batches
from vit.training.checkpoint import read_checkpoint
from vit.training.data import Pictures
from vit.training.learner import Learner, Teacher
from vit.training.networks import start_from, untrained
from vit.training.optimizer import optimizer_of, rate_at
from vit.training.recipe import Recipe
from vit.training.speed import precision, quick_attention

_RECOUNTED = 32  # batches that a ResNet's statistics are measured on


def check_shared(recipe: Recipe, pictures: int) -> None:
    """RecipeError or DataError if the processes of this run can't share its batches, or compute in no way known."""
    precision()
    count = processes().num_processes
    if recipe.batch % count:
        raise RecipeError(f"--batch {recipe.batch} can't be shared out to {count} processes.")
    if pictures < count:
        raise DataError(f"{pictures} pictures can't be shared out to {count} processes.")


class Run:
    """A network on its way: the weights, their moving average, the optimizer, and what has been measured so far."""

    def __init__(
        self,
        pictures: Pictures,
        recipe: Recipe,
        start: nn.Module | None,
        teacher: Teacher | None,
        choices: Mapping[str, Any],
    ):
        self.pictures, self.recipe = pictures, recipe
        self.choices = {**asdict(recipe), "labels": pictures.split.labels, "pictures": len(pictures), **choices}
        self.history: list[dict] = []  # a line of metrics for each finished epoch
        check_shared(recipe, len(pictures))
        self.accelerator = Accelerator(
            mixed_precision=precision(),
            dataloader_config=DataLoaderConfiguration(
                split_batches=True,  # a batch is shared among all processes
                non_blocking=True,  # a GPU fetches the next while it learns from this one
            ),
        )
        self.processes = self.accelerator.num_processes
        torch.manual_seed(recipe.seed)
        self.feed = Feed(recipe, len(pictures.split.labels))
        self.network = untrained(recipe, len(pictures.split.labels))
        if start is not None:
            start_from(self.network, start)
        self.network.to(self.accelerator.device)
        if recipe.network == "resnet":  # a pixel's channels side by side: a processor's convolutions want them so
            self.network.to(memory_format=torch.channels_last)
        # With its warm-up, a short run's average doesn't remember the untrained weights.
        self.average = ModelEmaV3(self.network, decay=recipe.ema, use_warmup=True)
        self.teacher = None if teacher is None else teacher.to(self.accelerator.device)
        # Prepared by Accelerate: they exchange gradients where there are several processes.
        self.learner: nn.Module = self.accelerator.prepare(Learner(self.network, recipe.smoothing))
        self.optimizer: Any = self.accelerator.prepare(optimizer_of(self.network, recipe))

    def check_together(self) -> None:
        """DataError if the processes of this run don't go on from the same epoch."""
        done = gather_object([len(self.history)])
        if len({*done}) > 1:
            raise DataError(
                f"The processes have finished {sorted({*done})} epochs: --out must be a folder that all machines share."
            )

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of all epochs that are left, one after another."""
        left = range(len(self.history), self.recipe.all_epochs)
        loader = learning_batches(self.pictures, self.recipe, left, self.processes)
        try:
            yield from self.accelerator.prepare_data_loader(loader)
        except DataError as error:  # out of another process it comes with that one's whole traceback
            raise DataError(str(error).strip().splitlines()[-1].removeprefix("vit.errors.DataError: ")) from error

    def epoch(self, epoch: int, batches: Iterator[tuple[Tensor, Tensor]]) -> dict:
        """Every batch once, in the epoch of that number, from 0. Returns its line of metrics."""
        # Stochastic depth has a chance of its own in each process; it too is the same whether or not the run was cut.
        torch.manual_seed((self.recipe.seed * 10_000 + epoch) * 1_000 + self.accelerator.process_index)
        order = Order(len(self.pictures), self.recipe, range(epoch, epoch + 1), self.processes)
        steps, batch = order.steps, order.batch_size
        silent = None if self.accelerator.is_main_process else True  # None: silent where no person watches a terminal
        self.learner.train()
        losses, began, busy = [], time.monotonic(), 0.0
        ours = tqdm(islice(batches, steps), f"epoch {epoch + 1}", total=steps, leave=False, disable=silent)
        for step, (pixels, labels) in enumerate(ours):
            pixels, targets = self.feed(pixels, labels, epoch, step)
            ready = time.monotonic()
            losses.append(self.step(pixels, targets, epoch, step, steps))
            busy += time.monotonic() - ready
        seconds = time.monotonic() - began
        return {
            "epoch": epoch + 1,
            "size": self.recipe.size_at(epoch),
            "loss": round(sum(losses) / len(losses), 4),
            "top1": "",
            "rate": round(rate_at(epoch + 1, self.recipe), 8),
            "seconds": round(seconds, 2),
            "images": steps * batch,
            "images_per_second": round(steps * batch / seconds, 1),
            "waiting": round(1 - busy / seconds, 4),  # the share of the time in which no batch was being learned from
        }

    def step(self, pixels: Tensor, targets: Tensor, epoch: int, step: int, steps: int) -> float:
        """Learns from one batch; returns the loss of all processes together. TrainingError if it is no number."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(epoch + step / steps, self.recipe)
        quick = quick_attention(self.accelerator.device, self.accelerator.mixed_precision)
        with self.accelerator.autocast(), quick:
            taught = None if self.teacher is None else self.teacher(pixels)
            loss = self.learner(pixels, targets, taught)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        # The length of all gradients together is a number only if each of them is.
        length = self.accelerator.clip_grad_norm_(self.learner.parameters(), self.recipe.clip)
        number = self.accelerator.reduce(loss.detach(), "mean").item()  # type: ignore[union-attr]
        if not (math.isfinite(number) and math.isfinite(float(length or 0.0))):
            raise TrainingError(f"The loss is no number any more, in epoch {epoch + 1}, step {step + 1}")
        self.optimizer.step()
        self.average.update(self.network, epoch * steps + step + 1)
        return number

    def recount(self, epoch: int) -> None:
        """Measures a ResNet's statistics anew for the averaged weights, on pictures of that epoch's size.

        Other networks have none and are left as they are. The average of many moments' means and variances is not quite
        what the average of their weights gives (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and
        Better Generalization", https://arxiv.org/abs/1803.05407, section 3.2), and they are of blended pictures, of the
        sizes before. On a resnet18 whose last size had two epochs it changed little: 74.74% right before, 74.84% after.
        """
        whole = replace(self.recipe, mix_share=0.0)  # as the pictures that it is for: nothing is blended into them
        batches = fed_batches(self.pictures, whole, epoch)
        torch.manual_seed(self.recipe.seed)  # stochastic depth: the same whether or not the run was cut
        with self.accelerator.autocast():
            update_bn(islice(batches, _RECOUNTED), self.average.module, self.accelerator.device)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on; TrainingError if the weights are no numbers."""
        parts = {"network": self.network, "average": self.average.module, "optimizer": self.optimizer}
        state = {name: part.state_dict() for name, part in parts.items()}
        sound = all(bool(value.isfinite().all()) for name in ("network", "average") for value in state[name].values())
        if not all(gather_object([sound])):  # a ResNet's statistics are each process's own: all stop, or none
            raise TrainingError(f"The weights are no numbers any more, after epoch {len(self.history)}")
        return {**state, "history": self.history, "choices": self.choices}

    def restore(self, checkpoint: Path) -> None:
        """Goes back to what ``state`` gave; DataError if the file is damaged or of another run."""
        state = read_checkpoint(checkpoint, self.choices)
        try:
            self.network.load_state_dict(state["network"])
            self.average.module.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = list(state["history"])
        except Exception as error:  # whatever a damaged state makes torch stumble over
            raise DataError(f"{checkpoint} is damaged; delete it to start again.") from error

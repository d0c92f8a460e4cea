"""The training loop: epochs, a moving average of the weights, and a checkpoint that survives any kill.

A run is a folder: ``last.pt`` (everything needed to go on), ``metrics.csv`` (a line an epoch), and at the end
``model.safetensors`` with ``model.json``, which ``assets/weights`` takes as they are.
"""

import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vit.models.vit import ViT
from vit.training.data import DataError, learning_batches, measuring_batches, open_folder
from vit.training.recipe import Recipe


def train(folder: Path, out: Path, recipe: Recipe, resume: bool, say: Callable[[str], None] = print) -> nn.Module:
    """Trains a ViT on a folder of pictures and returns its averaged weights, in eval mode.

    With ``resume``, goes on from ``out/last.pt`` where there is one. Without it, an unfinished run is left alone.
    """
    checkpoint = out / "last.pt"
    if checkpoint.exists() and not resume:
        raise DataError(f"{out} already holds a run: add --resume to go on with it, or name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    learning, _ = open_folder(folder)
    network = build(recipe, len(learning.classes))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    optimizer = _optimizer(network, recipe)
    start = _restore(checkpoint, network, average, optimizer) if checkpoint.exists() else 0

    steps = len(learning) // min(recipe.batch, len(learning))
    for epoch in range(start, recipe.all_epochs):
        torch.manual_seed(recipe.seed * 10_000 + epoch)  # an epoch is the same whether or not the run was cut
        size, began, losses = recipe.size_at(epoch), time.monotonic(), []
        network.train()
        for step, (pixels, targets) in enumerate(learning_batches(learning, size, recipe)):
            for group in optimizer.param_groups:
                group["lr"] = rate_at((epoch * steps + step) / steps, recipe)
            loss = F.cross_entropy(network(pixels), targets, label_smoothing=recipe.smoothing)
            if not math.isfinite(loss.item()):
                raise DataError(f"The loss is {loss.item()} in epoch {epoch + 1}; {checkpoint} is the last good state.")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            average.update_parameters(network)
            losses.append(loss.item())
        seconds = time.monotonic() - began
        row = {
            "epoch": epoch + 1,
            "size": size,
            "loss": round(sum(losses) / len(losses), 4),
            "rate": optimizer.param_groups[0]["lr"],
            "images_per_second": round(len(losses) * recipe.batch / seconds, 1),
        }
        _write(checkpoint, epoch, network, average, optimizer, recipe)
        _log(out / "metrics.csv", row)
        left = sum(seconds * (recipe.size_at(e) / size) ** 2 for e in range(epoch + 1, recipe.all_epochs))
        say(
            f"epoch {epoch + 1} of {recipe.all_epochs} · {size} px · loss {row['loss']:.3f} · "
            f"{row['images_per_second']:.0f} images/s · about {left / 60:.0f} minutes left"
        )
    return average.module.eval()


def build(recipe: Recipe, classes: int) -> ViT:
    """The untrained network of a recipe. Its position embeddings have the grid of the final size."""
    return ViT(
        image_size=(recipe.size, recipe.size),
        patch=recipe.patch,
        width=recipe.width,
        depth=recipe.depth,
        heads=recipe.heads,
        classes=classes,
        drop_path=recipe.drop_path,
    )


@torch.no_grad()
def accuracy(network: nn.Module, folder: str | Path, size: int) -> tuple[float, int]:
    """Top-1 on the validation split, in percent, and the number of pictures. Chooses nothing, only measures."""
    _, pictures = open_folder(Path(folder))
    right = 0
    for pixels, classes in measuring_batches(pictures, size):
        right += int((network(pixels).argmax(-1) == classes).sum())
    return 100.0 * right / len(pictures), len(pictures)


def rate_at(epoch: float, recipe: Recipe) -> float:
    """The learning rate at a moment, counted in epochs: a straight warm-up, then a cosine down to zero."""
    if epoch < recipe.warmup:
        return recipe.rate * epoch / recipe.warmup
    done = (epoch - recipe.warmup) / max(recipe.all_epochs - recipe.warmup, 1)
    return recipe.rate * 0.5 * (1.0 + math.cos(math.pi * done))


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    # Biases, norms and embeddings are not pulled to zero: only matrices are.
    matrices, others = [], []
    for name, parameter in network.named_parameters():
        embedding = "pos_embed" in name or "token" in name
        (others if parameter.ndim < 2 or embedding else matrices).append(parameter)
    groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.999))


def _write(path: Path, epoch: int, network, average, optimizer, recipe: Recipe) -> None:
    """Writes beside the old checkpoint, then renames: a kill in the middle leaves the old one whole."""
    state = {
        "epoch": epoch,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "recipe": asdict(recipe),
    }
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    os.replace(fresh, path)


def _restore(path: Path, network, average, optimizer) -> int:
    """Loads a checkpoint and returns the epoch to go on with."""
    try:
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception as error:
        raise DataError(f"{path} is damaged or from another recipe; delete it to start again.") from error
    return state["epoch"] + 1


def _log(path: Path, row: dict) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if fresh:
            writer.writeheader()
        writer.writerow(row)

"""A run for the eye: one augmented batch, as the network sees it, and the curve of what was learned."""

import csv
from pathlib import Path

from vit.render.curves import Panel, plot
from vit.render.files import save
from vit.render.grid import grid
from vit.training.augment import fed_batches, restore_colours
from vit.training.data import Pictures
from vit.training.recipe import Recipe

_SHOWN = 32  # pictures of the batch


def write_batch(pictures: Pictures, recipe: Recipe, out: Path) -> None:
    """Writes ``out/batch.png``: a batch of the last epoch, after crops, colours and blends, with its classes."""
    pixels, targets = next(iter(fed_batches(pictures, recipe, recipe.all_epochs - 1)))
    words = []
    for shares in targets[:_SHOWN]:
        best = shares.topk(min(2, len(shares)))
        named = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        words.append(
            " + ".join(
                pictures.split.labels[number] if share > 0.995 else f"{share:.0%} {pictures.split.labels[number]}"
                for share, number in named
                if share > 0.005
            )
        )
    save(grid(list(restore_colours(pixels[:_SHOWN])), words, columns=8), out / "batch.png")


def write_curve(out: Path) -> None:
    """Writes ``out/curve.png`` and ``.svg`` from ``out/metrics.csv``: loss, and top-1 where it was measured."""
    with (out / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    panels = [Panel("training loss", "epoch", {"loss": (epochs, [float(row["loss"]) for row in rows])}, whole=True)]
    measured = [row for row in rows if row["top1"]]
    if measured:
        line = [int(row["epoch"]) for row in measured], [float(row["top1"]) for row in measured]
        panels.append(Panel("top-1, %", "epoch", {"top-1": line}, whole=True))
    for kind in ("png", "svg"):
        plot(panels, out / f"curve.{kind}")

"""How looking is learned: one photo's rollout after the epochs of a run, as an animation and a sheet."""

import io
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vit.attention import Heatmap
from vit.capture import record_attention
from vit.errors import DataError
from vit.image import fingerprint
from vit.methods import explain
from vit.models.vision_model import Preprocessing, VisionModel
from vit.render.files import save, write_whole
from vit.render.gif import animation
from vit.render.grid import grid
from vit.render.heat import overlay
from vit.render.legend import fit
from vit.training.networks import untrained
from vit.training.recipe import Recipe

_CELL = 240  # pixels: a map's width on the sheet


class Watch:
    """Called after an epoch, keeps the rollout in ``folder``; ``write`` draws all that were kept.

    Each map is a file of its own, so that a run that is killed and resumed still has what was seen before.
    """

    def __init__(self, photo: np.ndarray, folder: Path, recipe: Recipe, labels: tuple[str, ...], every: int = 1):
        height, width = photo.shape[:2]
        scale = min(1.0, 2 * _CELL / width)  # no larger than it is drawn
        self.photo = fit(photo, max(1, round(height * scale)), max(1, round(width * scale)))
        self.folder, self.recipe, self.labels, self.every = folder, recipe, labels, every

    def check(self) -> None:
        """Looks once with an untrained network: what can't be watched is told before hours have passed."""
        for path in self.folder.glob("*.pt"):
            self._read(path)
        self._look(untrained(self.recipe, len(self.labels)), self.recipe.size)

    def __call__(self, epochs: int, network: nn.Module) -> None:
        """``network`` is the averaged one after so many finished epochs; it is left as it is."""
        if epochs % self.every and epochs != self.recipe.all_epochs:
            return
        size = self.recipe.size_at(epochs - 1)  # as the epoch saw pictures
        heat, said = self._look(network, size)
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("*.pt"):
            if path.stem > f"{epochs:04}":  # of a run that was here before
                path.unlink()
        words = f"epoch {epochs} · {size} px · {said}"
        kept = {"values": heat.values, "caption": heat.caption, "words": words, "photo": fingerprint(self.photo)}
        file = io.BytesIO()
        torch.save(kept, file)
        write_whole(file.getvalue(), self.folder / f"{epochs:04}.pt")

    def _look(self, network: nn.Module, size: int) -> tuple[Heatmap, str]:
        network = deepcopy(network).cpu().eval()
        model = VisionModel(self.recipe.network, network, Preprocessing((size, size)), self.labels, "this run")
        record = record_attention(model, self.photo)
        _, label, share = record.top(1)[0]
        return explain(record, "rollout"), f"{label} {share:.0%}"

    def write(self) -> bool:
        """``watch.gif`` and the sheet ``watch.png`` beside the folder. Each map is drawn on its own scale.

        False, and neither of them, if nothing has been watched: a finished run has no epoch left.
        """
        frames, words = [], []
        for path in sorted(self.folder.glob("*.pt")):
            heat, said = self._read(path)
            frames.append(overlay(self.photo, heat))
            words.append(said)
        if not frames:
            return False
        out = self.folder.parent
        save(grid(frames, words, columns=6, cell=_CELL), out / "watch.png")
        pages = [grid([frame], [line], columns=1, cell=2 * _CELL) for frame, line in zip(frames, words, strict=True)]
        animation(pages, out / "watch.gif", fps=2)
        return True

    def _read(self, path: Path) -> tuple[Heatmap, str]:
        try:
            kept = torch.load(path, weights_only=True)
            heat, words, photo = Heatmap(kept["values"], "rollout", kept["caption"]), kept["words"], kept["photo"]
        except Exception as error:  # whatever the bytes make torch stumble over
            raise DataError(f"{path} is damaged; delete it, and the others are drawn with --resume.") from error
        if photo != fingerprint(self.photo):
            raise DataError(f"{path} was seen on another photo; give --watch the same one, or delete {self.folder}.")
        return heat, words

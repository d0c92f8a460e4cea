"""What is learned: the loss of a batch, from its labels and, for a DeiT, from a teacher's word too."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit.errors import ModelError, RecipeError
from vit.models.bundled import load_run
from vit.models.vit import ViT


class Learner(nn.Module):
    """A network and its loss in one module, so that several processes share the gradients of both classifiers.

    Touvron et al. 2021, https://arxiv.org/abs/2012.12877, equation 3 ("hard-label distillation"): half the loss is
    CLS against the label, half is the distillation token against the class that the teacher finds likeliest. The
    teacher sees the same crop of the same blend, so its word fits what the student was shown better than the label.
    """

    def __init__(self, network: nn.Module, smoothing: float):
        super().__init__()
        self.network, self.smoothing = network, smoothing

    def forward(self, pixels: Tensor, targets: Tensor, taught: Tensor | None = None) -> Tensor:
        """Pixels ``(batch, 3, height, width)``, class shares ``(batch, classes)``, the teacher's word ``(batch,)``."""
        if not (isinstance(self.network, ViT) and self.network.distilled):
            return F.cross_entropy(self.network(pixels), targets, label_smoothing=self.smoothing)
        by_label, by_teacher = self.network.heads(pixels)  # each (batch, classes)
        if taught is None:  # without a teacher both tokens learn from the label
            return F.cross_entropy((by_label + by_teacher) / 2, targets, label_smoothing=self.smoothing)
        from_label = F.cross_entropy(by_label, targets, label_smoothing=self.smoothing)
        return (from_label + F.cross_entropy(by_teacher, taught)) / 2


class Teacher:
    """A finished run that answers for every picture with its likeliest class. It learns nothing more."""

    def __init__(self, folder: Path, labels: tuple[str, ...]):
        try:
            card, model = load_run(folder)
        except ModelError as error:
            raise RecipeError(f"--teacher {folder}: {error}") from error
        if card.labels != labels:
            raise RecipeError(f"--teacher {folder}: it knows other classes than the pictures have.")
        self.network, self.size, self.top1 = model.network, card.shape["image_size"][0], card.top1
        self.name = card.shape.get("variant", card.network)

    def to(self, device: torch.device) -> "Teacher":
        # A convolution on a processor wants a pixel's channels side by side.
        self.network = self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """The classes ``(batch,)``. Larger pictures than it learned from are made smaller first."""
        if pixels.shape[-1] > self.size:
            pixels = F.interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return self.network(pixels).argmax(-1)

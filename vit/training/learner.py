"""What is learned: the loss of a batch, from its labels and, where there is a teacher, from its word too."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit.errors import ModelError, RecipeError, VitError
from vit.models.bundled import find_trained
from vit.models.vit import ViT
from vit.training.recipe import Recipe


class Learner(nn.Module):
    """A network and its loss in one module, so that several processes share the gradients of both classifiers.

    Touvron et al. 2021, https://arxiv.org/abs/2012.12877, equation 3 ("hard-label distillation"): half the loss is
    CLS against the label, half is the distillation token against the class that the teacher finds likeliest. The
    teacher sees the same crop of the same blend, so its word fits what the student was shown better than the label.

    A network without such a token has one classifier for both: half the loss is its answer against the label, half
    against the shares that the teacher gives to all classes (Hinton et al. 2015, "Distilling the Knowledge in a Neural
    Network", https://arxiv.org/abs/1503.02531, at temperature 1).
    """

    def __init__(self, network: nn.Module, smoothing: float):
        super().__init__()
        self.network, self.smoothing = network, smoothing

    def forward(self, pixels: Tensor, targets: Tensor, taught: Tensor | None = None) -> Tensor:
        """Pixels ``(batch, 3, height, width)``, class shares ``(batch, classes)``, the teacher's, of the same shape."""
        if isinstance(self.network, ViT) and self.network.distilled:
            by_label, by_teacher = self.network.heads(pixels)  # each (batch, classes)
            if taught is None:  # without a teacher both tokens learn from the label
                by_label = (by_label + by_teacher) / 2
            else:
                taught = taught.argmax(dim=-1)  # (batch,): its likeliest class alone
        else:
            by_label = by_teacher = self.network(pixels)
        from_label = F.cross_entropy(by_label, targets, label_smoothing=self.smoothing)
        return from_label if taught is None else (from_label + F.cross_entropy(by_teacher, taught)) / 2


class Teacher:
    """A finished run, or a bundled model, that says of every picture what it is. It learns nothing more."""

    def __init__(self, name: str, labels: tuple[str, ...]):
        """RecipeError if there is none of that name, or it knows other classes than ``labels``."""
        try:
            found = find_trained(name)
        except ModelError as error:
            raise RecipeError(f"--teacher {name}: {error}") from error
        if found is None:
            raise RecipeError(f"--teacher {name}: there is no such folder, and no bundled model of that name.")
        card, model = found
        if card.labels != labels:
            raise RecipeError(f"--teacher {name}: it knows other classes than the pictures have.")
        self.asked = name
        self.network, self.top1 = model.network, card.top1
        # The smallest and the largest pictures that it can be asked about, pixels on a side.
        self.least, self.most = min(card.learned_at), max(*card.learned_at, *card.shape["image_size"])
        self.name = card.shape.get("variant", card.network)

    def check(self, recipe: Recipe) -> None:
        """RecipeError if it can't see pictures of a size that the recipe comes to."""
        for size in (size for size, epochs in zip(recipe.sizes, recipe.epochs, strict=True) if epochs):
            try:
                self(torch.zeros(1, 3, size, size))
            except VitError as error:
                raise RecipeError(
                    f"--teacher {self.asked}: it can't be shown pictures of {size} pixels. {error}"
                ) from error

    def to(self, device: torch.device) -> "Teacher":
        # A convolution on a processor wants a pixel's channels side by side.
        self.network = self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """The classes' shares ``(batch, classes)``.

        Pictures smaller or larger than any of its own run are made as large, or as small, as those.
        """
        side = min(max(pixels.shape[-1], self.least), self.most)
        if side != pixels.shape[-1]:
            pixels = F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        return self.network(pixels).float().softmax(dim=-1)

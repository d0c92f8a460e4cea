"""What every loaded model is, whoever wrote its network."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its pixels: resized to ``size``, scaled to 0 … 1, then ``(pixel − mean) / std``.

    The whole picture is resized, never cropped: every patch of the grid then stands for its share of the picture,
    and what is drawn over the photo is exactly what the model saw.
    """

    size: tuple[int, int]  # (height, width) in pixels
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    interpolation: Interpolation = "bicubic"

    def __call__(self, image: np.ndarray) -> Tensor:
        """An RGB picture, uint8 ``(height, width, 3)``, to the tensor the network is fed, ``(1, 3, height, width)``."""
        height, width = self.size
        picture = Image.fromarray(image)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling[self.interpolation.upper()])
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255  # (3, height, width)
        mean, std = torch.tensor(self.mean).view(3, 1, 1), torch.tensor(self.std).view(3, 1, 1)
        return ((pixels - mean) / std).unsqueeze(0)


@dataclass(frozen=True, eq=False)
class VisionModel:
    """A network ready to look at pictures. It is shared by everyone and never changed after it was loaded."""

    name: str
    network: nn.Module  # in eval mode
    prepare: Preprocessing
    labels: tuple[str, ...]  # one for each class; empty if the network is no classifier
    provenance: str  # where the weights are from: "bundled", "hub:…", "file:…", "random"

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"

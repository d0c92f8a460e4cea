"""How often a network is right. It chooses nothing, only measures."""

import math

import torch
from torch import nn

from vit.models.vision_model import Preprocessing
from vit.training.data import Pictures

_BATCH = 64


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Pictures, prepare: Preprocessing) -> tuple[float, int]:
    """Top-1 in percent, and the number of pictures. Each is fed as the app feeds a photo: whole, never cropped."""
    was_training, device = network.training, next(network.parameters()).device
    network.eval()
    right = 0
    for first in range(0, len(pictures), _BATCH):
        samples = [pictures[number] for number in range(first, min(first + _BATCH, len(pictures)))]
        pixels = torch.cat([prepare(picture.permute(1, 2, 0).numpy()) for picture, _ in samples])
        answers = network(pixels.to(device)).argmax(-1).cpu()
        right += int((answers == torch.tensor([label for _, label in samples])).sum())
    network.train(was_training)
    return 100.0 * right / len(pictures), len(pictures)


def floored(percent: float) -> float:
    """To two places, never rounded up."""
    return math.floor(round(percent * 100, 6)) / 100

"""The variants of ``timm-variants.csv``: the smallest of each mechanism of attention that timm has.

Random weights with noise on every parameter: zero-initialised gates and embeddings would hide errors.
"""

import csv
from pathlib import Path
from typing import Any

import torch

from tests.families import add_noise
from vit.models.vision_model import Preprocessing, VisionModel

with (Path(__file__).parent / "timm-variants.csv").open(newline="") as _file:
    VARIANTS = {row["variant"]: row for row in csv.DictReader(_file)}
WITH_MAPS = [name for name, row in VARIANTS.items() if int(row["attention_maps"])]
WITHOUT = [name for name in VARIANTS if name not in WITH_MAPS]


def variant(name: str, size: tuple[int, int] | None = None) -> VisionModel:
    """A variant built for pictures of its own size, or of ``size`` (height, width) in pixels."""
    import timm

    side = int(VARIANTS[name]["image_size"])
    size = size or (side, side)
    torch.manual_seed(0)
    try:
        network: Any = timm.create_model(name, img_size=size)
    except TypeError:  # a network that takes any size
        network = timm.create_model(name)
    add_noise(network).eval().requires_grad_(False)
    return VisionModel(name, network, Preprocessing(size), tuple(map(str, range(1000))), "random")

"""The end of a run: weights in half precision, and a card that says what they are and how they came to be."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from vit.models.vision_model import Preprocessing
from vit.render.files import write_whole
from vit.training.augment import MEAN, STD
from vit.training.data import Pictures
from vit.training.measure import accuracy, floored
from vit.training.networks import shape_of
from vit.training.recipe import Recipe
from vit.training.speed import device_name, precision


def write_model(network: nn.Module, measured: Pictures, out: Path, recipe: Recipe, about: dict) -> tuple[float, int]:
    """Writes ``out/model.safetensors`` and ``model.json``; returns the card's top-1 and the number of pictures.

    What is measured is what is kept: the weights after rounding to half precision. ``about`` is added to the card.
    """
    network.half().float()
    prepare = Preprocessing((recipe.size, recipe.size), MEAN, STD)
    percent, pictures = accuracy(network, measured, prepare)
    card = {
        "network": recipe.network,
        "shape": shape_of(recipe),
        "labels": list(measured.split.labels),
        "mean": prepare.mean,
        "std": prepare.std,
        "interpolation": prepare.interpolation,
        "top1": floored(percent),
        "pictures": pictures,
        **about,
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "precision": precision(),
        "device": device_name(),
        "torch": torch.__version__,
    }
    weights = {
        # A ResNet counts its batches in whole numbers, which stay as they are.
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in network.state_dict().items()
    }
    write_whole(save(weights), out / "model.safetensors")
    write_whole((json.dumps(card, indent=2) + "\n").encode(), out / "model.json")
    return card["top1"], pictures

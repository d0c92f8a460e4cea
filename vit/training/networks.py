"""The network of a recipe, and what it may start from: nothing, or what another one has learned."""

from typing import Any

import torch
from torch import nn

from vit.errors import RecipeError
from vit.models.networks import build_network
from vit.models.vit import ViT, resize_positions
from vit.training.recipe import Recipe

SMALL = 40  # pixels: a ResNet for pictures of at most this size keeps all of them at its door


def shape_of(recipe: Recipe) -> dict[str, Any]:
    """The network's own arguments, as they stand in a model's card. Positions are made for the final size."""
    shape: dict[str, Any] = {"image_size": [recipe.size, recipe.size]}
    match recipe.network:
        case "vit" | "deit":
            shape |= {name: getattr(recipe, name) for name in ("patch", "width", "depth", "heads")}
        case "swin":
            stages = len(recipe.depths)
            heads = [recipe.heads * 2**stage for stage in range(stages)]  # a head's width stays the same
            shape |= {"patch": recipe.patch, "width": recipe.width, "depths": list(recipe.depths)}
            shape |= {"heads": heads, "windows": [recipe.window] * stages}
        case "resnet":
            shape |= {"variant": recipe.variant, "small": recipe.size <= SMALL}
    return shape


def untrained(recipe: Recipe, classes: int) -> nn.Module:
    """The untrained network of a recipe."""
    if recipe.network != "resnet":
        if recipe.width % recipe.heads:
            raise RecipeError(f"--width {recipe.width} can't be shared out to --heads {recipe.heads}.")
        for size in recipe.sizes:
            if size % recipe.patch:
                raise RecipeError(f"--sizes {size}: pictures are cut into patches of {recipe.patch}; take a multiple.")
    return build_network(recipe.network, shape_of(recipe), classes, recipe.drop_path)


@torch.no_grad()
def start_from(network: nn.Module, trained: nn.Module) -> None:
    """Takes over a trained network's weights; a DeiT may start from a ViT.

    Where pictures have another size, position embeddings are interpolated; where the classes are others, the classifier
    begins anew. A DeiT's distillation token begins as a second CLS: with its vector, its position and its classifier.
    """
    weights = dict(trained.state_dict())
    wanted = network.state_dict()
    if "dist_token" in wanted and "dist_token" not in weights:
        weights["dist_token"] = weights["cls_token"].clone()
        positions = weights["pos_embed"]  # (1, 1 + patches, width)
        weights["pos_embed"] = torch.cat([positions[:, :1], positions], dim=1)
        for part in ("weight", "bias"):
            weights[f"head_dist.{part}"] = weights[f"head.{part}"].clone()
    if isinstance(network, ViT) and isinstance(trained, ViT) and network.patch == trained.patch:
        prefix = len(network.prefix)
        weights["pos_embed"] = resize_positions(weights["pos_embed"], prefix, trained.grid, network.grid)
    for name, value in wanted.items():
        if name.startswith(("head", "fc")) and name in weights and weights[name].shape != value.shape:
            weights[name] = value
    odd = [name for name in wanted if name not in weights or weights[name].shape != wanted[name].shape]
    if odd or len(weights) != len(wanted):
        raise RecipeError(f"--start: its shape is another than this recipe's ({(odd or ['more layers'])[0]}).")
    network.load_state_dict(weights)

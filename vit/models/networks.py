"""A network of ours, or the ResNet it is raced against, from its kind and its shape: what a card or a recipe says."""

from typing import TYPE_CHECKING, Any

from vit.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


def build_network(kind: str, shape: dict[str, Any], classes: int, drop_path: float = 0.0) -> "nn.Module":
    """The untrained network of a kind ("vit", "deit", "swin", "resnet").

    ``shape`` holds its own arguments, and ``image_size``, (height, width), which a ResNet does without.
    """
    shape = {name: tuple(value) if isinstance(value, list) else value for name, value in shape.items()}
    match kind:
        case "vit" | "deit":
            from vit.models.vit import ViT

            return ViT(**shape, classes=classes, distilled=kind == "deit", drop_path=drop_path)
        case "swin":
            from vit.models.swin import Swin

            return Swin(**shape, classes=classes, drop_path=drop_path)
        case "resnet":
            from vit.models.resnet import resnet

            shape.pop("image_size")
            return resnet(**shape, classes=classes, drop_path=drop_path)
    raise ModelError(f"A network of an unknown kind, {kind!r:.40}.")

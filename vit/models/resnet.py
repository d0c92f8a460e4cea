"""The CNN that our Transformers are raced against, and that teaches the DeiT: timm's ResNet, not our own.

Paper: He et al. 2016, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385
"""

from typing import TYPE_CHECKING

from vit.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


def resnet(variant: str, classes: int, drop_path: float = 0.0, small: bool = False) -> "nn.Module":
    """An untrained ResNet that timm knows by the name ``variant``, such as "resnet18".

    With ``small`` (pictures of 40 pixels and less) it keeps the picture's size at its door, one 3 × 3 convolution
    without pooling in place of a stride of four: the paper's own shape for CIFAR-10 (section 4.2).
    """
    import timm
    from torch import nn

    if not variant.startswith("resnet") or variant not in timm.list_models("resnet*"):
        raise ModelError(f"timm knows no ResNet called {variant!r:.60}; resnet18 and resnet50 are two that it knows.")
    network: nn.Module = timm.create_model(variant, num_classes=classes, drop_path_rate=drop_path)
    if small:
        door = getattr(network, "conv1", None)
        if not isinstance(door, nn.Conv2d):
            raise ModelError(f"{variant} has a door of several layers, which has no form for small pictures.")
        network.conv1 = nn.Conv2d(3, door.out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return network

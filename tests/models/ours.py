"""Our networks filled with timm's parameters."""

import torch
from torch import nn

from vit.models.scratch import scratch_model


def loaded(name: str, theirs: nn.Module, size: tuple[int, int] | None = None) -> nn.Module:
    """Our network with timm's parameters, and no time spent on random ones."""
    with torch.device("meta"):
        ours = scratch_model(name, image_size=size)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    return ours

"""Picture sizes that would take too much memory, refused before a network is built for them or runs at them.

What a size costs is counted on torch's "meta" device, where tensors have shapes and no numbers.
"""

from copy import deepcopy

import torch
from torch import nn

from vit.errors import BudgetError
from vit.models.weigh import Count

PIXEL_LIMIT = 2048 * 2048  # no network here is asked for more, whatever it makes of them


def check_size(name: str, network: nn.Module, size: tuple[int, int], memory_limit: int) -> None:
    """BudgetError for pictures of ``size``, (height, width), whose maps would take far more than ``memory_limit``.

    ``network`` may be of another size, if timm builds it for a size under ``name``. A layer that mixes two maps is
    counted twice, so only more than twice the limit is refused here: the exact number is known once the network ran.
    """
    if size[0] * size[1] > PIXEL_LIMIT:
        raise BudgetError(
            f"The picture size that is asked of {name} has too many pixels: the limit is "
            f"{PIXEL_LIMIT / 1e6:.1f} megapixels. Choose a smaller picture size."
        )
    needed = maps_at(name, network, size)
    if needed is not None and needed > 2 * memory_limit:
        raise BudgetError(
            f"All maps of {name} at {size[0]}×{size[1]} (height × width) would take about {needed / 1e9:.1f} GB; the "
            f"limit is {memory_limit / 1e9:.1f} GB. Choose a smaller picture size or a smaller model."
        )


def maps_at(name: str, network: nn.Module, size: tuple[int, int]) -> int | None:
    """Bytes of all attention matrices for one picture of ``size``, in float32; None where numbers are needed for it."""
    try:
        with torch.device("meta"), torch.no_grad(), Count() as count:
            _unfilled(name, network, size)(torch.zeros(1, 3, *size))
    except Exception:  # a size that it can't take, or a network that looks at numbers: to run it will tell
        return None
    return count.bytes


def _unfilled(name: str, network: nn.Module, size: tuple[int, int]) -> nn.Module:
    """The network without numbers, built for the size where timm builds it for one; the given one is left alone."""
    if type(network).__module__.startswith("timm."):
        import timm

        try:
            return timm.create_model(name, img_size=size).eval()
        except TypeError:  # a network that takes any size
            pass
    empty = {id(each): each.to("meta") for each in network.buffers()}
    empty |= {id(each): nn.Parameter(each.to("meta"), requires_grad=False) for each in network.parameters()}
    return deepcopy(network, empty)  # what the memo already has is not copied

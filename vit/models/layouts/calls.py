"""The calls that matter in a network's run, and the module that makes one."""

import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FUSED = F.scaled_dot_product_attention
PRODUCTS = (torch.matmul, torch.bmm, torch.einsum, Tensor.matmul, Tensor.bmm, Tensor.__matmul__)
BATCHED = (torch.bmm, Tensor.bmm)
SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)
ADDITIONS = ("add", "add_")  # what a block does to put its parts onto the residual stream


def modules_by_id(network: nn.Module) -> dict[int, str]:
    """The paths of all modules that do something of their own.

    A module with neither parts nor parameters (nn.Softmax, nn.Dropout) is a mere function of its owner.
    """
    return {
        id(module): name
        for name, module in network.named_modules()
        if any(True for _ in module.children()) or any(True for _ in module.parameters())
    }


def calling_module(modules: dict[int, str]) -> nn.Module | None:
    """The innermost of these modules in whose ``forward`` the present call was made."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_varnames[:1] == ("self",):
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module) and id(owner) in modules:
                return owner
        frame = frame.f_back
    return None


def flat(values: Any) -> list:
    """All that lies in tuples and lists, however deep."""
    found = []
    for value in values:
        found += flat(value) if isinstance(value, tuple | list) else [value]
    return found

"""Layouts that a person gives for layers whose tokens could not be followed."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vit.errors import CaptureError
from vit.tokens import TokenLayout

Given = Mapping[str, tuple[TokenLayout, TokenLayout]]  # by the path of the attention module: its queries, its keys


def arranged_as_given(
    name: str, shape: tuple[int, ...], layouts: tuple[TokenLayout, TokenLayout]
) -> tuple[Tensor, TokenLayout, TokenLayout]:
    """The order ``(windows, heads)`` of a layer's matrices, ``(…, queries, keys)``, and its two layouts.

    In the network's own tensor the windows come before the heads, as in ``(windows, heads, queries, keys)``. Raises
    CaptureError where the matrices have other numbers of windows, queries or keys than the layouts.
    """
    queries, keys = layouts
    leading = torch.Size(shape[:-2]).numel()
    windows = len(queries.tokens)
    for side, layout, slots in (("queries", queries, shape[-2]), ("keys", keys, shape[-1])):
        if layout.tokens.ndim != 2 or layout.tokens.shape[1] != slots:
            has = " × ".join(map(str, layout.tokens.shape))
            raise CaptureError(
                f"The layout given for the {side} of layer {name} is {has} (windows × slots); the layer has {slots} "
                f"{side}."
            )
        if not bool(((layout.tokens >= -1) & (layout.tokens < layout.count)).all()):
            raise CaptureError(
                f"The layout given for the {side} of layer {name} has tokens that are not in -1 to {layout.count - 1}."
            )
    if len(keys.tokens) != windows or windows == 0 or leading % windows:
        raise CaptureError(
            f"The layouts given for layer {name} have {windows} and {len(keys.tokens)} windows; the layer has "
            f"{leading} matrices."
        )
    return torch.arange(leading).reshape(windows, -1), queries, keys


def is_the_same(one: TokenLayout, other: TokenLayout) -> bool:
    """Whether two layouts put every slot at the same place."""
    return one.grid == other.grid and one.prefix == other.prefix and torch.equal(one.tokens, other.tokens)

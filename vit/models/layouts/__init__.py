"""Where the rows and columns of a network's attention sit on the picture.

One file a kind of network; each holds functions marked with ``@layout``. The first that recognises a layer answers;
if none does, the layer's place is unknown and that is an error: a map is never drawn by guess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from torch import nn

from vit.attention import TokenLayout
from vit.errors import CaptureError

Sides = tuple[TokenLayout, TokenLayout]  # queries, keys


@dataclass(frozen=True, eq=False)
class Place:
    """One attention layer, as its layout is asked for."""

    network: nn.Module
    name: str  # the module's path, such as "layers.0.blocks.1.attn"
    shape: tuple[int, ...]  # (windows, heads, queries, keys)
    image_size: tuple[int, int]  # (height, width) in pixels

    @property
    def parent(self) -> Any:
        """The block that holds this attention; Any, because torch types a module's attributes as tensors."""
        return self.network.get_submodule(self.name.rpartition(".")[0])


_FINDERS: list[Callable[[Place], Sides | None]] = []


def layout(find: Callable[[Place], Sides | None]) -> Callable[[Place], Sides | None]:
    """Marks a function that knows the layouts of one kind of layer, and answers None for every other."""
    _FINDERS.append(find)
    return find


def find_layouts(network: nn.Module, name: str, shape: tuple[int, ...], image_size: tuple[int, int]) -> Sides:
    """The layouts of queries and keys of a layer whose weights have ``shape`` (windows, heads, queries, keys).

    Raises CaptureError with the layer's name where no layout can be established.
    """
    place = Place(network, name, shape, image_size)
    for find in _FINDERS:
        sides = find(place)
        if sides is not None and _fits(sides, shape):
            return sides
    raise CaptureError(
        f"Where the attention of layer {name} ({' × '.join(map(str, shape))}) sits on the picture is not known; "
        f"its map is not drawn rather than drawn in the wrong place."
    )


def _fits(sides: Sides, shape: tuple[int, ...]) -> bool:
    if len(shape) != 4:
        return False
    windows, _, queries, keys = shape
    return tuple(sides[0].tokens.shape) == (windows, queries) and tuple(sides[1].tokens.shape) == (windows, keys)


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

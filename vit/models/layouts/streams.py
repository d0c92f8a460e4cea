"""Where a network has the tokens as its blocks leave them, and which of them the answer is read from."""

import torch

from vit.models.layouts.numbers import LEARNED, Numbers, is_constant
from vit.models.layouts.plan import Layer, Stream
from vit.models.layouts.sides import side_of
from vit.models.layouts.sights import Sights, Sum
from vit.tokens import Grid, TokenLayout, readout_by_name


def streams_of(sights: Sights, layers: list[Layer]) -> tuple[Stream, ...]:
    """The tokens after each block: what the module around an attention layer has added up last."""
    blocks: dict[str, int] = {}
    for number, layer in enumerate(layers):
        own = layer.name.partition(":")[0]
        parts = own.split(".")[:-1]
        around = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        ran = layer.call + len(layer.others)
        block = next((p for p in (*around, own) if p in sights.sums and sights.sums[p].after > ran), None)
        if block is not None:
            blocks[block] = number
    streams = (_stream(name, number, sights.sums[name], sights.numbers) for name, number in blocks.items())
    return tuple(stream for stream in streams if stream is not None)


def _stream(name: str, layer: int, made: Sum, numbers: Numbers) -> Stream | None:
    """None where the vectors are not every token of a picture, each once."""
    rows = made.numbers
    if is_constant(rows, -1):
        slots, channels_first = rows[..., 0], False
    elif rows.ndim == 4 and is_constant(rows, 1):
        slots, channels_first = rows[:, 0], True
    else:
        return None
    side = side_of(slots.reshape(1, -1), numbers)
    if side is None or not isinstance(side.grid, Grid):
        return None
    order = side.tokens[0].argsort()[int((side.tokens < 0).sum()) :]
    layout = TokenLayout.whole(side.grid, side.names)
    if not torch.equal(side.tokens[0][order], layout.tokens[0]):
        return None
    return Stream(name, layer, made.number, tuple(rows.shape), channels_first, order, layout)


def readout_of(sights: Sights, layers: list[Layer]) -> tuple[str, ...]:
    """The tokens that the answer is read from: names, or "patches" for the mean of all patches.

    Where the answer mixes several tokens (a distilled DeiT reads two), they are those that classify by their name.
    """
    names = {name for layer in layers for name in layer.queries.prefix}
    if sights.answer is not None and is_constant(sights.answer.flatten(), 0):
        number = int(sights.answer.flatten()[0])
        if number <= LEARNED:
            return (sights.numbers.name_of(number),)
        if number >= 0:
            return ("mean",) if "mean" in names else ("patches",)
    return readout_by_name(names)

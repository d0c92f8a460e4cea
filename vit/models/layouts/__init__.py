"""Where the rows and columns of a network's attention sit on the picture, layer by layer."""

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vit.attention import Grid, TokenLayout
from vit.errors import CaptureError
from vit.models.layouts.numbers import LEARNED, MIXED, PADDING, Numbers, Runs, is_constant
from vit.models.layouts.tracing import Sight, Sights, Sum, Trace
from vit.tokens import readout_by_name

_guard = Lock()  # held for moments only, never while a network runs
_plans: WeakKeyDictionary = WeakKeyDictionary()  # network -> (its lock, {image size: plan})


@dataclass(frozen=True, eq=False)
class Layer:
    """One attention layer of a network at one picture size, known before any picture went through."""

    name: str  # the module's path, such as "layers.0.blocks.1.attn"
    call: int  # which of the network's products and fused attentions it is, counted from 0
    others: tuple[int, ...]  # further ones, whose matrices are mixed into this layer's one (differential attention)
    transposed: bool  # v · Aᵀ: the matrix is the second factor, and turned
    shape: tuple[int, ...]  # of the matrix as the network has it, (…, queries, keys)
    order: Tensor  # (windows, heads): which of the flattened leading dimensions is which
    queries: TokenLayout
    keys: TokenLayout

    def arranged(self, matrices: Tensor) -> Tensor:
        """The network's own ``(…, queries, keys)`` as ``(windows, heads, queries, keys)``."""
        flat = matrices.reshape(-1, *self.shape[-2:])
        if self.is_in_order:
            return flat.reshape(*self.order.shape, *self.shape[-2:])
        return flat[self.order.flatten()].reshape(*self.order.shape, *self.shape[-2:])

    def arranged_values(self, values: Tensor) -> Tensor:
        """The network's own ``(…, keys, width)`` as ``(windows, heads, keys, width)``."""
        values = values.expand(*self.shape[:-2], *values.shape[-2:])  # one head of values may serve all
        flat = values.reshape(-1, *values.shape[-2:])
        return flat[self.order.flatten()].reshape(*self.order.shape, *values.shape[-2:])

    @property
    def is_in_order(self) -> bool:
        return bool((self.order.flatten() == torch.arange(self.order.numel())).all())


@dataclass(frozen=True, eq=False)
class Stream:
    """Where a network has the tokens as a block leaves them, known before any picture went through."""

    name: str  # the block's path, such as "blocks.3"
    layer: int  # the number of the block's last attention layer
    addition: int  # which of the block's additions makes them, counted from 0
    shape: tuple[int, ...]  # of the result, (…, tokens, width) or (batch, width, rows, cols)
    channels_first: bool
    order: Tensor  # (tokens,): which of the flattened vectors is the token
    layout: TokenLayout

    def arranged(self, result: Tensor) -> Tensor:
        """The network's own result as ``(tokens, width)``."""
        result = result.flatten(2).mT if self.channels_first else result
        return result.reshape(-1, result.shape[-1])[self.order]


@dataclass(frozen=True, eq=False)
class Plan:
    """All attention layers of a network at one picture size, and the modules whose attention has no map."""

    layers: tuple[Layer, ...]
    channels: tuple[str, ...]  # attention between channels
    softmaxes: tuple[str, ...]  # a softmax that makes no map, as in linear attention
    streams: tuple[Stream, ...]  # the tokens after each block in which they could be followed
    readout: tuple[str, ...]  # the tokens that the answer is read from; "patches" for all patches


def plan_of(network: nn.Module, pixels: Tensor) -> Plan:
    """The network's plan for pictures like ``pixels`` ``(1, 3, height, width)``, made once and kept with the network.

    Raises CaptureError with the layer's name where a layer's place on the picture can't be established.
    """
    size = (int(pixels.shape[-2]), int(pixels.shape[-1]))
    with _guard:
        lock, plans = _plans.setdefault(network, (Lock(), {}))
    with lock:
        if size not in plans:
            plans[size] = _plan(follow_tokens(network, size))
        return plans[size]


def follow_tokens(network: nn.Module, size: tuple[int, int]) -> Sights:
    """Runs the network once on an empty picture, and follows its tokens."""
    trace = Trace(network)
    parameter = next(network.parameters(), torch.zeros(()))
    pixels = torch.zeros(1, 3, *size, dtype=parameter.dtype)
    with torch.no_grad():
        trace.begin(pixels)
        with trace:
            answer = network(pixels)
    known = trace.known.get(answer) if isinstance(answer, Tensor) else None
    trace.sights.answer = None if known is None else known.rows
    return trace.sights


def _plan(sights: Sights) -> Plan:
    layers = [_layer(mixed, sights.numbers) for mixed in _mixed(sights.seen)]
    named = {layer.name for layer in layers}
    for module in sights.shares:
        if layers and module not in named:
            raise CaptureError(f"The attention of layer {module} could not be followed to its values.")
    channels = tuple(dict.fromkeys(name for name in sights.channels if name not in named))
    # Shares that never meet values, in a network without any map, are summed up before (lambda layers).
    others = [*sights.softmaxes, *sights.shares]
    softmaxes = tuple(dict.fromkeys(name for name in others if name not in {*named, *channels}))
    several = Counter(layer.name for layer in layers)
    met: Counter = Counter()
    for number, layer in enumerate(layers):
        if several[layer.name] > 1:  # one module that mixes the results of several maps: each has its own name
            met[layer.name] += 1
            layers[number] = replace(layer, name=f"{layer.name}:{met[layer.name]}")
    return Plan(tuple(layers), channels, softmaxes, _streams(sights, layers), _readout(sights, layers))


def _mixed(seen: list[Sight]) -> list[list[Sight]]:
    """Matrices that meet the very same values are parts of one: ``A₁·v − λ·A₂·v = (A₁ − λ·A₂)·v``."""
    groups: list[list[Sight]] = []
    for sight in seen:
        before = groups[-1][-1] if groups else None
        if (
            before
            and sight.values is not None
            and (before.values is sight.values, before.module) == (True, sight.module)
        ):
            groups[-1].append(sight)
        else:
            groups.append([sight])
    return groups


def _layer(parts: list[Sight], numbers: Numbers) -> Layer:
    sight, others = parts[0], tuple(part.call for part in parts[1:])
    if sight.rows is None or sight.cols is None:
        raise CaptureError(_unknown(sight))
    rows, cols = sight.rows.reshape(-1, sight.shape[-2]), sight.cols.reshape(-1, sight.shape[-1])
    # Matrices over the same tokens are the heads of one window.
    windows: dict[bytes, list[int]] = {}
    for number, both in enumerate(torch.cat([rows, cols], 1).numpy()):
        windows.setdefault(both.tobytes(), []).append(number)
    heads = {len(members) for members in windows.values()}
    if len(heads) != 1:
        raise CaptureError(_unknown(sight))
    order = torch.tensor(list(windows.values()))  # (windows, heads)
    queries, keys = _side(rows[order[:, 0]], numbers), _side(cols[order[:, 0]], numbers)
    if queries is None or keys is None or queries.grid is keys.grid is None:
        raise CaptureError(_unknown(sight))
    asking = queries.layout(keys.grid)
    same = queries.grid == keys.grid and queries.names == keys.names and torch.equal(queries.tokens, keys.tokens)
    answering = asking if same else keys.layout(queries.grid)
    return Layer(sight.module, sight.call, others, sight.transposed, sight.shape, order, asking, answering)


@dataclass(frozen=True, eq=False)
class _Side:
    """The queries or the keys of a layer. Learned ones (a pool's) have no grid of their own."""

    grid: Grid | Runs | None
    names: tuple[str, ...]
    tokens: Tensor  # (windows, slots)

    def layout(self, others: Grid | Runs | None) -> TokenLayout:
        grid, cells = self.grid or others, None
        if isinstance(grid, Runs):
            cells, grid = torch.arange(grid.grid.size) // grid.several, grid.grid
        if grid is None:
            raise ValueError("neither side has a grid")
        return TokenLayout(grid, self.names, self.tokens, cells if isinstance(self.grid, Runs) else None)


def _side(slots: Tensor, numbers: Numbers) -> _Side | None:
    """One side from its numbers ``(windows, slots)``; None where they are not all places of their own."""
    in_order = slots.sort(-1).values
    twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != PADDING)
    if bool((slots == MIXED).any()) or bool(twice.any()):  # two vectors at one place are no places of their own
        return None
    slots = numbers.with_mean(slots)
    learned = slots[slots <= LEARNED].unique().flip(0).tolist()
    names = tuple(numbers.name_of(number) for number in learned)
    grid, places = numbers.place(slots)
    if grid is None and bool((slots >= 0).any()):
        return None
    tokens = torch.where(slots >= 0, places + len(names), slots)
    for position, number in enumerate(learned):
        tokens = torch.where(slots == number, position, tokens)
    return _Side(grid, names, tokens)


def _streams(sights: Sights, layers: list[Layer]) -> tuple[Stream, ...]:
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
    side = _side(slots.reshape(1, -1), numbers)
    if side is None or not isinstance(side.grid, Grid):
        return None
    order = side.tokens[0].argsort()[int((side.tokens < 0).sum()) :]
    layout = TokenLayout.whole(side.grid, side.names)
    if not torch.equal(side.tokens[0][order], layout.tokens[0]):
        return None
    return Stream(name, layer, made.number, tuple(rows.shape), channels_first, order, layout)


def _readout(sights: Sights, layers: list[Layer]) -> tuple[str, ...]:
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


def _unknown(sight: Sight) -> str:
    return (
        f"Where the attention of layer {sight.module} ({' × '.join(map(str, sight.shape))}) sits on the picture is not "
        "known; its map is not drawn rather than drawn in the wrong place."
    )

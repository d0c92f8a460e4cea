"""Where the rows and columns of a network's attention sit on the picture, layer by layer."""

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vit.attention import Grid, TokenLayout
from vit.errors import CaptureError
from vit.models.layouts.numbers import LEARNED, MIXED, PADDING, Numbers, Runs
from vit.models.layouts.tracing import Sight, Sights, Trace

_guard = Lock()  # held for moments only, never while a network runs
_plans: WeakKeyDictionary = WeakKeyDictionary()  # network -> (its lock, {image size: plan})


@dataclass(frozen=True, eq=False)
class Layer:
    """One attention layer of a network at one picture size, known before any picture went through."""

    name: str  # the module's path, such as "layers.0.blocks.1.attn"
    call: int  # which of the network's products and fused attentions it is, counted from 0
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

    @property
    def is_in_order(self) -> bool:
        return bool((self.order.flatten() == torch.arange(self.order.numel())).all())


@dataclass(frozen=True, eq=False)
class Plan:
    """All attention layers of a network at one picture size, and the modules whose attention has no map."""

    layers: tuple[Layer, ...]
    channels: tuple[str, ...]  # attention between channels
    softmaxes: tuple[str, ...]  # a softmax that makes no map, as in linear attention


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
            network(pixels)
    return trace.sights


def _plan(sights: Sights) -> Plan:
    layers = [_layer(sight, sights.numbers) for sight in sights.seen]
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
    return Plan(tuple(layers), channels, softmaxes)


def _layer(sight: Sight, numbers: Numbers) -> Layer:
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
    return Layer(sight.module, sight.call, sight.transposed, sight.shape, order, asking, answering)


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
    if isinstance(grid, Grid):
        grid, places = _without_gaps(grid, places)
    tokens = torch.where(slots >= 0, places + len(names), slots)
    for position, number in enumerate(learned):
        tokens = torch.where(slots == number, position, tokens)
    return _Side(grid, names, tokens)


def _without_gaps(grid: Grid, places: Tensor) -> tuple[Grid, Tensor]:
    """A side that took every second row and column and left the rest (LeViT) is the coarser grid: cells without gaps.

    ``places`` (windows, slots) in raster order of the grid, negative where there is no patch; the same of the new one.
    """
    patches = places >= 0
    rows, cols = places // grid.cols, places % grid.cols
    steps = _step(rows[patches], grid.rows), _step(cols[patches], grid.cols)
    coarse = Grid(-(-grid.rows // steps[0]), -(-grid.cols // steps[1]))
    if coarse == grid or int(places[patches].unique().numel()) != coarse.size:
        return grid, places
    return coarse, torch.where(patches, rows // steps[0] * coarse.cols + cols // steps[1], places)


def _step(lines: Tensor, count: int) -> int:
    """How far apart the rows (or the columns) that are there lie, if that is even and reaches over all ``count``."""
    there = lines.unique()
    step = int(there[1] - there[0]) if len(there) > 1 else count
    regular = torch.arange(int(there[0]), count, step)
    return step if int(there[0]) < step and torch.equal(there, regular) else 1


def _unknown(sight: Sight) -> str:
    return (
        f"Where the attention of layer {sight.module} ({' × '.join(map(str, sight.shape))}) sits on the picture is not "
        "known; its map is not drawn rather than drawn in the wrong place."
    )

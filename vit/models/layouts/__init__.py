"""Where the rows and columns of a network's attention sit on the picture, layer by layer."""

from collections import Counter
from dataclasses import replace
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vit.errors import CaptureError
from vit.models.layouts.numbers import Numbers
from vit.models.layouts.plan import Layer as Layer
from vit.models.layouts.plan import Plan as Plan
from vit.models.layouts.plan import Stream as Stream
from vit.models.layouts.sides import side_of
from vit.models.layouts.streams import readout_of, streams_of
from vit.models.layouts.tracing import Sight, Sights, Trace

_guard = Lock()  # held for moments only, never while a network runs
_plans: WeakKeyDictionary = WeakKeyDictionary()  # network -> (its lock, {image size: plan})


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
    return Plan(tuple(layers), channels, softmaxes, streams_of(sights, layers), readout_of(sights, layers))


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
    queries, keys = side_of(rows[order[:, 0]], numbers), side_of(cols[order[:, 0]], numbers)
    if queries is None or keys is None or queries.grid is keys.grid is None:
        raise CaptureError(_unknown(sight))
    asking = queries.layout(keys.grid)
    same = queries.grid == keys.grid and queries.names == keys.names and torch.equal(queries.tokens, keys.tokens)
    answering = asking if same else keys.layout(queries.grid)
    return Layer(sight.module, sight.call, others, sight.transposed, sight.shape, order, asking, answering)


def _unknown(sight: Sight) -> str:
    return (
        f"Where the attention of layer {sight.module} ({' × '.join(map(str, sight.shape))}) sits on the picture is not "
        "known; its map is not drawn rather than drawn in the wrong place."
    )

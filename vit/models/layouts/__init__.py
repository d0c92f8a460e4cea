"""Where the rows and columns of a network's attention sit on the picture, layer by layer."""

from collections import Counter
from dataclasses import replace
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vit.errors import CaptureError, ModelError, VitError
from vit.models.answer import answer_of
from vit.models.layouts.given import Given as Given
from vit.models.layouts.given import arranged_as_given, is_the_same
from vit.models.layouts.numbers import Numbers
from vit.models.layouts.plan import CHANNELS as CHANNELS
from vit.models.layouts.plan import ONE_SCORE as ONE_SCORE
from vit.models.layouts.plan import SUMMED as SUMMED
from vit.models.layouts.plan import Layer as Layer
from vit.models.layouts.plan import Plan as Plan
from vit.models.layouts.plan import Stream as Stream
from vit.models.layouts.sides import side_of
from vit.models.layouts.sights import Sight, Sights
from vit.models.layouts.streams import readout_of, streams_of
from vit.models.layouts.tracing import Trace
from vit.models.sizes import said, tried
from vit.tokens import TokenLayout

_guard = Lock()  # held for moments only, never while a network runs
_plans: WeakKeyDictionary = WeakKeyDictionary()  # network -> (its lock, {image size: plan})


def plan_of(network: nn.Module, pixels: Tensor, given: Given | None = None) -> Plan:
    """The network's plan for pictures like ``pixels`` ``(1, 3, height, width)``, made once and kept with the network.

    ``given`` says where layers sit whose tokens can't be followed; such a plan is not kept. Raises CaptureError with
    the layer's name where a layer's place on the picture can't be established, or is otherwise than was given, and
    ModelError where the network can't take pictures of this size.
    """
    size = (int(pixels.shape[-2]), int(pixels.shape[-1]))
    if given:
        return _plan(follow_tokens(network, size, frozenset(given)), given)
    with _guard:
        lock, plans = _plans.setdefault(network, (Lock(), {}))
    with lock:
        if size not in plans:
            plans[size] = _plan(follow_tokens(network, size), {})
        return plans[size]


def follow_tokens(network: nn.Module, size: tuple[int, int], given: frozenset[str] = frozenset()) -> Sights:
    """Runs the network once on an empty picture, and follows its tokens; ``given`` names modules that surely attend.

    ModelError where the network can't take pictures of ``size``, (height, width).
    """
    trace = Trace(network, given)
    parameter = next(network.parameters(), torch.zeros(()))
    pixels = torch.zeros(1, 3, *size, dtype=parameter.dtype)
    try:
        with torch.no_grad():
            trace.begin(pixels)
            with trace:
                answer = answer_of(network(pixels))
    except VitError:
        raise
    except Exception as error:  # each network refuses a size in its own way
        raise _not_run(network, size, error) from error
    known = trace.known.get(answer)
    trace.sights.answer = None if known is None else known.rows
    return trace.sights


def _not_run(network: nn.Module, size: tuple[int, int], error: Exception) -> VitError:
    """Why the network did not come to its end while its tokens were followed: it can't at this size, or we can't."""
    try:
        tried(network, size)
    except ModelError as refusal:
        return refusal
    return CaptureError(f"The tokens of {type(network).__name__} could not be followed to its answer: {said(error)}.")


def _plan(sights: Sights, given: Given) -> Plan:
    layers = [_layer(mixed, sights.numbers, given) for mixed in _mixed(sights.seen)]
    named = {layer.name for layer in layers}
    if unknown := sorted(set(given) - named):
        known = ", ".join(dict.fromkeys(layer.name for layer in layers)) or "none"
        raise CaptureError(f"A layout was given for {unknown[0]}, which is no attention layer; these are: {known}.")
    for module in sights.shares:
        if layers and module not in named:
            raise CaptureError(f"The attention of layer {module} could not be followed to its values.")
    for module in sights.lost:
        if module not in named:
            raise CaptureError(
                f"Whether layer {module} is attention, and where it sits on the picture, is not known: its tokens "
                "could not be followed. Where you know it, give its layouts= to record_attention."
            )
    without: dict[str, str] = {}
    # Shares that never meet values, in a network without any map, are summed up before (lambda layers).
    summed = [*sights.softmaxes, *sights.shares, *sights.summed]
    for how, names in ((CHANNELS, sights.channels), (ONE_SCORE, sights.one_score), (SUMMED, summed)):
        for name in names:
            if name not in named:
                without.setdefault(name, how)
    several = Counter(layer.name for layer in layers)
    met: Counter = Counter()
    for number, layer in enumerate(layers):
        if several[layer.name] > 1:  # one module that mixes the results of several maps: each has its own name
            met[layer.name] += 1
            layers[number] = replace(layer, name=f"{layer.name}:{met[layer.name]}")
    return Plan(tuple(layers), without, streams_of(sights, layers), readout_of(sights, layers))


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


def _layer(parts: list[Sight], numbers: Numbers, given: Given) -> Layer:
    sight, others = parts[0], tuple(part.call for part in parts[1:])
    placed, own = _followed(sight, numbers), given.get(sight.module)
    if own is not None:
        as_given = arranged_as_given(sight.module, sight.shape, own)
        if placed is not None and not all(map(is_the_same, placed[1:], own)):
            raise CaptureError(f"Layer {sight.module} does not sit where the given layout says; leave the layout out.")
        placed = placed or as_given
    if placed is None:
        raise CaptureError(
            f"Where the attention of layer {sight.module} ({' × '.join(map(str, sight.shape))}) sits on the picture is "
            "not known; its map is not drawn rather than drawn in the wrong place."
        )
    return Layer(sight.module, sight.call, others, sight.transposed, sight.shape, *placed)


def _followed(sight: Sight, numbers: Numbers) -> tuple[Tensor, TokenLayout, TokenLayout] | None:
    """Which matrix is which ``(windows, heads)``, and both layouts, from the tokens' numbers; None if they are lost."""
    if sight.rows is None or sight.cols is None:
        return None
    rows, cols = sight.rows.reshape(-1, sight.shape[-2]), sight.cols.reshape(-1, sight.shape[-1])
    # Matrices over the same tokens are the heads of one window.
    windows: dict[bytes, list[int]] = {}
    for number, both in enumerate(torch.cat([rows, cols], 1).numpy()):
        windows.setdefault(both.tobytes(), []).append(number)
    heads = {len(members) for members in windows.values()}
    if len(heads) != 1:
        return None
    order = torch.tensor(list(windows.values()))  # (windows, heads)
    queries, keys = side_of(rows[order[:, 0]], numbers), side_of(cols[order[:, 0]], numbers)
    if queries is None or keys is None or queries.grid is keys.grid is None:
        return None
    asking = queries.layout(keys.grid)
    same = queries.grid == keys.grid and queries.names == keys.names and torch.equal(queries.tokens, keys.tokens)
    answering = asking if same else keys.layout(queries.grid)
    return order, asking, answering

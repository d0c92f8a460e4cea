"""The Heads view: how far and how evenly each head looks, what it spends on sinks, and which heads are alike."""

import math
from typing import TYPE_CHECKING, Any

from vit.errors import MethodError
from vit.ui.views import Ask, view

if TYPE_CHECKING:
    from vit.attention import AttentionRecord

# Each measure of every head, with those of its results that the page shows.
PER_HEAD = {
    "distance": ("heads", "even", "dropped"),
    "entropy": ("heads", "even", "readout", "effective", "readout_effective", "keys"),
    "prefix": ("heads", "even", "names", "each"),
    "sinks": ("heads", "even", "times"),
}
NAMES = (*PER_HEAD, "similarity")
MOST_WORK = 5e8  # numbers that Jensen–Shannon goes through for one question: about ten seconds of one core


@view("heads", place=20)
def heads(ask: Ask) -> dict[str, Any]:
    """What each wanted measure finds, or ``{"why": sentence}`` from one that isn't defined here.

    Options: ``wanted`` (some of NAMES; all if left out), ``times`` of the sinks, ``layer`` and ``kind`` of similarity.
    """
    wanted = ask.options.get("wanted", list(NAMES))
    if not isinstance(wanted, list) or not wanted or any(name not in NAMES for name in wanted):
        raise MethodError(f"What is wanted is a list of some of: {', '.join(NAMES)}.")
    record = ask.analysis.record(ask.image, ask.model, say=ask.say)
    found = {}
    for count, name in enumerate(names := list(dict.fromkeys(wanted)), 1):
        ask.say(f"measuring heads, {count} of {len(names)}")
        try:
            found[name] = _similarity(ask, record) if name == "similarity" else _per_head(ask, record, name)
        except MethodError as error:
            found[name] = {"why": str(error)}
    return found


def _per_head(ask: Ask, record: "AttentionRecord", name: str) -> dict[str, Any]:
    """A measure's numbers as JSON has them, by layer and head; of the sinks also what every token receives."""
    from vit.measures.sinks import Sinks

    options = {"times": ask.options.get("times", 5.0)} if name == "sinks" else {}
    measured = ask.analysis.measure(ask.image, ask.model, name, ask.say, record, **options)
    found = {field: _plain(getattr(measured, field)) for field in PER_HEAD[name]}
    if name != "sinks":
        return found
    assert isinstance(measured, Sinks)
    grids, received = [], []
    for layer, ratios in zip(record.layers, measured.received, strict=True):
        keys = layer.keys
        received.append({"rows": keys.grid.rows, "cols": keys.grid.cols, "prefix": _plain(ratios[: len(keys.prefix)])})
        grids.append(keys.patches(ratios).numpy().astype("<f4").tobytes())
    return {**found, "received": received, "file": ask.keep("received.bin", b"".join(grids))}


def _similarity(ask: Ask, record: "AttentionRecord") -> dict[str, Any]:
    """The heads that were compared, and the file of their similarities, float32 ``(heads, heads)``."""
    from vit.measures.heads import HeadSimilarity

    layer, kind = ask.options.get("layer", "all"), ask.options.get("kind", "cosine")
    if layer == "all" and kind == "jensen-shannon":
        count = sum(each.heads for each in record.layers)
        work = count**2 / 2 * max(each.shape[0] * each.shape[2] * each.shape[3] for each in record.layers)
        if work > MOST_WORK:
            raise MethodError(
                f"Comparing all {count} heads of {record.model} by Jensen–Shannon takes too long here: choose one "
                "layer, or the cosine."
            )
    measured = ask.analysis.measure(ask.image, ask.model, "heads", ask.say, record, layer=layer, kind=kind)
    assert isinstance(measured, HeadSimilarity)
    data = measured.similarity.numpy().astype("<f4").tobytes()
    return {"heads": _plain(measured.heads), "file": ask.keep("similarity.bin", data)}


def _plain(value: Any) -> Any:
    """Numbers and names as lists; what is not defined (NaN, which JSON hasn't) as None."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str) else _plain(value.tolist())

"""The Tokens view: what the tokens are after each block, and what the model knew about places and pixels before."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from vit.errors import MethodError, ModelError
from vit.ui.views import Ask, view

if TYPE_CHECKING:
    from torch import Tensor

    from vit.attention import AttentionRecord
    from vit.measures.filters import Filters
    from vit.measures.lens import Lens
    from vit.measures.norms import TokenNorms
    from vit.measures.pca import TokenColours
    from vit.measures.positions import PositionSimilarity

ANSWERS = 3  # likeliest classes told after each block
CLASSES = 1000  # a model that knows more offers only those that some token is taken for
FILTERS = 28  # of each kind, as many as the paper shows
PLACES = 8  # maps a side in the sheet of position embeddings: more can't be told apart
UNIT = 32767  # what a vector's entry of 1 is sent as
_KINDS = {"f4": "<f4", "i4": "<i4", "i2": "<i2", "u1": "u1"}


@view("tokens", place=30)
def tokens(ask: Ask) -> dict[str, Any]:
    """All that is small, for every layer, at once; the tokens of one layer, or another class, when they are asked for.

    Arrays go into one file, each at its ``offset`` (bytes, a multiple of 4) with its ``length`` in numbers.
    """
    record = ask.analysis.record(ask.image, ask.model, say=ask.say, keep=("features",))
    numbers = Numbers()
    want = ask.options.get("want", "photo")
    if want == "photo":
        found = _photo(ask, record, numbers)
    elif want == "lens":
        found = {"lens": _or_why(lambda: _lens(ask, record, numbers))}
    elif want == "layer":
        found = _layer(ask, record, numbers)
    else:
        raise MethodError(f"{want!r} is nothing that the tokens are asked for: photo, lens or layer.")
    return {"want": want, **found, "file": ask.keep("tokens.bin", bytes(numbers.data))}


class Numbers:
    """Arrays on their way to the browser, one after the other."""

    def __init__(self):
        self.data = bytearray()

    def put(self, array: "np.ndarray | Tensor", kind: str) -> dict[str, Any]:
        """Adds an array, row by row, and says where it lies. ``kind`` is how the browser reads it: f4, i4, i2 or u1."""
        self.data.extend(bytes(-len(self.data) % 4))
        place = {"kind": kind, "offset": len(self.data), "length": int(np.prod(array.shape))}
        self.data.extend(np.asarray(array).astype(_KINDS[kind]).tobytes())
        return place


def _photo(ask: Ask, record: "AttentionRecord", numbers: Numbers) -> dict[str, Any]:
    return {
        "norms": _or_why(lambda: {"blocks": _norms(ask, record, numbers)}),
        "lens": _or_why(lambda: _lens(ask, record, numbers)),
        "positions": _or_why(lambda: _positions(ask, record, numbers)),
        "filters": _or_why(lambda: {kind: _filters(ask, record, kind, numbers) for kind in ("components", "filters")}),
    }


def _or_why(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a part found, or the sentence that says why this model has no such thing: the other parts still stand."""
    try:
        return work()
    except (MethodError, ModelError) as error:
        return {"why": str(error)}


def _measured(ask: Ask, record: "AttentionRecord", name: str, **options: Any) -> Any:
    return ask.analysis.measure(ask.image, ask.model, name, ask.say, record, **options)


def _norms(ask: Ask, record: "AttentionRecord", numbers: Numbers) -> list[dict[str, Any]]:
    """Each block, where its tokens sit (in the words of the page's ``Layout``), and how long they are."""
    blocks = record.features
    found = []
    for number, block in enumerate(blocks):
        ask.say(f"layer {block.layer + 1} of {blocks[-1].layer + 1}")
        norms: TokenNorms = _measured(ask, record, "norms", layer=number - len(blocks))
        layout = block.layout
        sits = {"rows": layout.grid.rows, "cols": layout.grid.cols, "prefix": list(layout.prefix)}
        cells = None if layout.cells is None else {"bytes": 4, **numbers.put(layout.cells, "i4")}
        sits |= {"readout": [], "slots": layout.count, "tokens": None, "cells": cells}
        lengths = {"norms": numbers.put(norms.norms, "f4"), "median": norms.median, "deviation": norms.deviation}
        found.append({"layer": block.layer, "layout": sits, **lengths})
    return found


def _lens(ask: Ask, record: "AttentionRecord", numbers: Numbers) -> dict[str, Any]:
    """What each token is taken for after each block; ``blocks`` has null where the tokens can't be read."""
    target = ask.options.get("target")
    ask.say("reading the tokens of each layer")
    lens: Lens = _measured(ask, record, "lens", target=target)
    shares, ranks = lens.probabilities, lens.ranks.tolist()
    best = shares.topk(min(ANSWERS, shares.shape[1]))
    told = {}
    for number, name in enumerate(lens.blocks):
        answers = zip(best.indices[number].tolist(), best.values[number].tolist(), strict=True)
        told[name] = {
            "answers": [[lens.labels[each], share] for each, share in answers],
            "share": float(shares[number, lens.target]),
            "rank": ranks[number],
            "classes": numbers.put(lens.classes[number], "i4"),
            "sure": numbers.put(lens.sure[number], "f4"),
            "followed": numbers.put(lens.followed[number], "f4"),
        }
    count = len(lens.labels)
    seen = {lens.target, *best.indices.flatten().tolist(), *(c for each in lens.classes for c in each.tolist())}
    classes = [[each, lens.labels[each]] for each in (range(count) if count <= CLASSES else sorted(seen))]
    return {"target": lens.target, "classes": classes, "blocks": [told.get(b.name) for b in record.features]}


def _layer(ask: Ask, record: "AttentionRecord", numbers: Numbers) -> dict[str, Any]:
    """One block's tokens as colours, and as vectors of length 1, of which the browser makes cosines by itself."""
    from vit.measures.patches import unit_vectors

    chosen, centred = ask.options.get("block"), ask.options.get("centred", False)
    if not isinstance(centred, bool):
        raise MethodError(f"centred={centred!r} is neither true nor false.")
    blocks = record.features
    if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < len(blocks):
        raise MethodError(f"Block {chosen!r} is not in 0 to {len(blocks) - 1}.")
    unit = unit_vectors(blocks[chosen], centred)  # (tokens, width)
    vectors = {"width": unit.shape[1], "values": numbers.put((unit * UNIT).round(), "i2"), "one": UNIT}
    colours = _or_why(lambda: _colours(ask, record, chosen, numbers))
    return {"block": chosen, "centred": centred, "vectors": vectors, "colours": colours}


def _colours(ask: Ask, record: "AttentionRecord", chosen: int, numbers: Numbers) -> dict[str, Any]:
    found: TokenColours = _measured(ask, record, "pca", layer=chosen - len(record.features))
    return {"pixels": numbers.put((found.colours[0] * 255).round(), "u1"), "explained": found.explained.tolist()}


def _positions(ask: Ask, record: "AttentionRecord", numbers: Numbers) -> dict[str, Any]:
    """Maps of some places' cosines, ``(down, across, rows, cols)``, and from where to where all cosines go."""
    found: PositionSimilarity = _measured(ask, record, "positions")
    down, across, maps = found.sheet(PLACES)
    (least, most), (rows, cols) = found.span, maps.shape[2:]
    sheet = {"down": down.tolist(), "across": across.tolist(), "values": numbers.put(maps, "f4")}
    return {"rows": rows, "cols": cols, **sheet, "least": least, "most": most}


def _filters(ask: Ask, record: "AttentionRecord", kind: str, numbers: Numbers) -> dict[str, Any]:
    """Small pictures, ``(shown, height, width, 3)``, and what share of all filters each holds."""
    found: Filters = _measured(ask, record, "filters", kind=kind, count=FILTERS)
    pictures = found.pictures
    pixels = numbers.put((pictures * 255).round(), "u1")
    return {"shape": list(pictures.shape), "pixels": pixels, "shares": found.shares.tolist(), "count": found.count}

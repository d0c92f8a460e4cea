"""A record made ready for the page: a small table in JSON, and one binary file that the browser reads layer by layer.

The file, all numbers little-endian:

- first every token layout that isn't plain, each once: int16 (int32 beyond 32,767 tokens), ``(windows, slots)``, and
  where a token stands for a run of patches, which one covers each patch, ``(patches,)``, in the same way;
- then every layer, at an offset that 4 divides: the largest weight of every row, float32 ``(windows, heads, queries)``,
  and the weights as uint8 codes ``round(255·sqrt(weight / largest))``, ``(windows, heads, queries, keys)``.

The square root keeps small weights visible: a weight comes back within 0.4% of its row's largest. A weight is
``largest · (code / 255)²``. A layer with weights below zero has its flag ``signed`` set: the largest is then that of
the sizes, the code's top bit is the minus, and the other seven are ``round(127·sqrt(size / largest))``, within 0.8%.
"""

import io
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from PIL import Image

from vit.errors import CaptureError, MethodError
from vit.ui.served import served_file, still_served
from vit.ui.shell import shell

if TYPE_CHECKING:
    from torch import Tensor

    from vit.attention import AttentionRecord, LayerAttention, TokenLayout

FEW_CLASSES = 20  # a model that knows no more than these says which, since it names one of them for any photo
FILES = ("photo", "maps", "shell")  # what of the value is files
_packed: "WeakKeyDictionary[AttentionRecord, tuple[str, dict[str, Any]]]" = WeakKeyDictionary()
PHOTO_SIDE = 1600  # pixels of the photo's longer side, as the page shows it


def pack(image: np.ndarray, record: "AttentionRecord", folder: str | Path, about: str = "") -> dict[str, Any]:
    """The explorer's value for one picture, RGB uint8 ``(height, width, 3)``, and its record.

    ``folder`` is where the photo and the maps are written, each under a name made of its content. ``about`` is what is
    known of the weights, such as ``"Imagenette, top-1 81.24%"``. Raises CaptureError for weights that are no numbers.

    A record is packed once: as long as it is kept, and its files are, they are given again.
    """
    if (kept := packed(record, folder)) is not None:
        return kept
    value, maps = pack_value(image, record, about)
    value |= {
        "photo": served_file(folder, "photo.jpg", photo_bytes(image)),
        "maps": served_file(folder, "attention.bin", maps),
        "shell": served_file(folder, "explorer.html", shell().encode()),
    }
    _packed[record] = str(folder), value
    return deepcopy(value)


def packed(record: "AttentionRecord", folder: str | Path) -> dict[str, Any] | None:
    """What ``pack`` made of this record before, if its files are still in the folder."""
    kept_in, kept = _packed.get(record, (None, {}))
    if kept_in != str(folder) or not still_served(kept[name]["path"] for name in FILES):
        return None
    return deepcopy(kept)  # Gradio writes addresses into what it is given


def pack_value(image: np.ndarray, record: "AttentionRecord", about: str = "") -> tuple[dict[str, Any], bytes]:
    """The value without its two files, and the maps' bytes."""
    layers, maps, tokens_length = pack_maps(record)
    value = {
        "model": record.model,
        "provenance": record.provenance,
        "about": about,
        "untrained": record.untrained,
        "top": [[number, label, share] for number, label, share in record.top(5)],
        "knows": list(record.labels) if len(record.labels) <= FEW_CLASSES else [],
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "tokens_length": tokens_length,
        "layers": layers,
        "no_rollout": _why_no_rollout(record),
    }
    return value, maps


def pack_maps(record: "AttentionRecord") -> tuple[list[dict[str, Any]], bytes, int]:
    """The layer table, the binary file, and how many bytes at its start are token layouts."""
    layouts: dict[bytes, int] = {}  # a layout's bytes -> its offset, so that layers share it
    front = bytearray()
    described = []
    for layer in record.layers:
        sides = {}
        for side, layout in (("queries", layer.queries), ("keys", layer.keys)):
            sides[side] = _describe(layout, record.readout, layouts, front)
        entry = {"name": layer.name, "windows": layer.shape[0], "heads": layer.heads, "softmax": layer.sums_to_one}
        described.append({**entry, **sides})
    front.extend(bytes(-len(front) % 4))
    parts, offset = [bytes(front)], len(front)
    for entry, layer in zip(described, record.layers, strict=True):
        data, signed = _encode(layer)
        entry.update(offset=offset, length=len(data), signed=signed)
        data += bytes(-len(data) % 4)
        parts.append(data)
        offset += len(data)
    return described, b"".join(parts), len(front)


def _why_no_rollout(record: "AttentionRecord") -> str:
    """The sentence that refuses a rollout of this record; empty where there is one."""
    from vit.methods.follow import check_order, check_shares

    try:
        check_order(record)
        check_shares(record)
    except MethodError as error:
        return str(error)
    return ""


def trained_on(model: str, provenance: str) -> str:
    """What is known of a bundled model's training, for the line below the picture."""
    if provenance != "bundled":
        return ""
    from vit.models.bundled import percent, read_card

    card = read_card(model)
    return f"{card.data}, top-1 {percent(card.top1)}"


def photo_bytes(image: np.ndarray) -> bytes:
    """The picture as a JPEG no larger than the page needs. It carries no EXIF: an array has none."""
    picture = Image.fromarray(image)
    if max(picture.size) > PHOTO_SIDE:
        picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=88)
    return data.getvalue()


def _describe(
    layout: "TokenLayout", readout: tuple[str, ...], seen: dict[bytes, int], front: bytearray
) -> dict[str, Any]:
    """One side of a layer for the page; what of its layout isn't plain is written to ``front``, once."""
    from vit.methods.choices import readers

    def stored(numbers: "Tensor") -> dict[str, int]:
        width = 2 if layout.count <= np.iinfo(np.int16).max else 4
        data = numbers.numpy().astype(f"<i{width}").tobytes()
        if data not in seen:
            front.extend(bytes(-len(front) % 4))
            seen[data] = len(front)
            front.extend(data)
        return {"offset": seen[data], "bytes": width}

    return {
        "rows": layout.grid.rows,
        "cols": layout.grid.cols,
        "prefix": list(layout.prefix),
        "readout": list(readers(layout, readout)),  # the prefix tokens that the answer is read from; none: all patches
        "slots": int(layout.tokens.shape[1]),
        "tokens": None if layout.is_whole else stored(layout.tokens),  # (windows, slots)
        "cells": None if layout.cells is None else stored(layout.cells),  # (patches,)
    }


def _encode(layer: "LayerAttention") -> tuple[bytes, bool]:
    """Row maxima, then codes: see the top of this file; and whether they are signed."""
    weights = layer.weights.detach().numpy()  # (windows, heads, queries, keys)
    signed = bool(weights.min() < 0)
    sizes = np.abs(weights) if signed else weights
    largest = sizes.max(axis=-1)  # (windows, heads, queries)
    if not np.isfinite(largest).all():
        raise CaptureError(f"Layer {layer.name} gave attention weights that are no numbers for this picture.")
    codes = np.sqrt(sizes)
    codes *= ((127 if signed else 255) / np.sqrt(np.maximum(largest, np.finfo(np.float32).tiny)))[..., None]
    codes += 0.5
    codes = codes.astype(np.uint8)
    if signed:
        codes |= (weights < 0).astype(np.uint8) << 7
    return largest.astype("<f4").tobytes() + codes.tobytes(), signed

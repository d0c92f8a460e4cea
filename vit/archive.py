"""A record as an .npz file: every layer's raw weights and layouts, for NumPy or any other program."""

import io
import json

import numpy as np

from vit.attention import AttentionRecord, TokenLayout


def to_npz(record: AttentionRecord) -> bytes:
    """The whole record as a compressed .npz.

    For layer number L (from 0): ``layer_L_weights`` float32 (windows, heads, queries, keys), ``layer_L_queries`` and
    ``layer_L_keys`` int64 (windows, slots) of token numbers, ``layer_L_gradient`` where one was taken and
    ``layer_L_values`` float32 (windows, heads, keys, width) where they were kept. For block number B whose tokens were
    kept: ``block_B_features`` float32 (tokens, width) and ``block_B_gradient`` where one was taken. Beside them
    ``logits`` float32 (classes,) and ``about``: JSON with the model, provenance, the likeliest classes, and
    each layer's and block's name, grid and prefix tokens.
    """
    arrays: dict[str, np.ndarray] = {"logits": record.logits.numpy()}
    for number, layer in enumerate(record.layers):
        arrays[f"layer_{number}_weights"] = layer.weights.numpy()
        arrays[f"layer_{number}_queries"] = layer.queries.tokens.numpy()
        arrays[f"layer_{number}_keys"] = layer.keys.tokens.numpy()
        if layer.taken_gradient is not None:
            arrays[f"layer_{number}_gradient"] = layer.taken_gradient.numpy()
        if layer.taken_values is not None:
            arrays[f"layer_{number}_values"] = layer.taken_values.numpy()
    for number, block in enumerate(record.taken_features or ()):
        arrays[f"block_{number}_features"] = block.vectors.numpy()
        if block.taken_gradient is not None:
            arrays[f"block_{number}_gradient"] = block.taken_gradient.numpy()
    arrays["about"] = np.array(json.dumps(about(record), ensure_ascii=False))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def about(record: AttentionRecord) -> dict:
    """What a record is, in plain values for JSON: the model, its five likeliest classes, each layer and each block."""
    return {
        "model": record.model,
        "provenance": record.provenance,
        "untrained": record.untrained,
        "weights": "untrained weights" if record.untrained else record.provenance,
        "image_size": list(record.image_size),
        "target": record.target,
        "top": [{"class": c, "label": label, "probability": p} for c, label, p in record.top(5)],
        "layers": [
            {
                "name": layer.name,
                "heads": layer.heads,
                "windows": layer.shape[0],
                **_side(layer.queries),
                "keys": _side(layer.keys),
            }
            for layer in record.layers
        ],
        "blocks": [
            {"name": block.name, "layer": block.layer, **_side(block.layout)} for block in record.taken_features or ()
        ],
    }


def _side(layout: TokenLayout) -> dict:
    return {"grid": [layout.grid.rows, layout.grid.cols], "prefix": list(layout.prefix)}

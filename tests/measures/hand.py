"""Records made by hand, small enough to work out on paper."""

import torch
from torch import Tensor

from vit.attention import AttentionRecord, Grid, LayerAttention, LayerFeatures, TokenLayout


def layer(weights: Tensor, rows: int, cols: int, prefix: tuple[str, ...] = (), name: str = "blocks.0.attn"):
    """One window over all tokens; ``weights`` is ``(heads, tokens, tokens)``."""
    layout = TokenLayout.whole(Grid(rows, cols), prefix)
    return LayerAttention(name, weights.unsqueeze(0).float(), layout, layout)


def even(rows: int, cols: int, prefix: tuple[str, ...] = (), heads: int = 1) -> LayerAttention:
    """Heads that look at all tokens alike."""
    count = len(prefix) + rows * cols
    return layer(torch.full((heads, count, count), 1 / count), rows, cols, prefix)


def record(*layers: LayerAttention, features: tuple[LayerFeatures, ...] | None = None, **words) -> AttentionRecord:
    """A record of a picture of 20 pixels for each row and 10 for each column of its first layer's grid."""
    grid = layers[0].keys.grid
    given = {
        "model": "by hand",
        "provenance": "random",
        "logits": torch.tensor([0.0, 2.0]),
        "labels": ("church", "tench"),
        "image_size": (20 * grid.rows, 10 * grid.cols),
    }
    return AttentionRecord(layers=layers, taken_features=features, **{**given, **words})


def block(vectors: Tensor, rows: int, cols: int, prefix: tuple[str, ...] = (), number: int = 0) -> LayerFeatures:
    """The tokens ``(tokens, width)`` after a block."""
    layout = TokenLayout.whole(Grid(rows, cols), prefix)
    return LayerFeatures(f"blocks.{number}", number, vectors.float(), layout)

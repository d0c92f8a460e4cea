"""How a layer attends, in a few words, read from where its queries and keys sit on the picture."""

from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

from vit.attention import LayerAttention, TokenLayout


def mechanisms(layers: tuple[LayerAttention, ...], without: Iterable[str] = ()) -> dict[str, int]:
    """How many of a network's attention layers work how, in the order in which they are met; those without a map last.

    ``without`` has one entry for each layer without a map: how it attends, in the plan's words.
    """
    return {**Counter(mechanism(layer) for layer in layers), **Counter(without)}


def mechanism(layer: LayerAttention) -> str:
    """One layer's: who asks, in which windows, on which grid, and whether the rows are a softmax's."""
    queries, keys = layer.queries, layer.keys
    asking = queries.tokens[queries.tokens >= 0]
    if bool((asking < len(queries.prefix)).all()):
        words = "attention pool" if "pool" in queries.prefix else "class attention"
    else:
        words = window_words(queries, keys) if layer.shape[0] > 1 else "global"
        if keys.cells is not None:
            words += " with keys that are runs of patches"
        elif keys.grid.size < queries.grid.size:
            words += " with keys on a coarser grid"
        elif keys.grid.size > queries.grid.size or len(asking.unique()) < len(keys.tokens[keys.tokens >= 0].unique()):
            words += " with queries on a coarser grid"  # or at every second patch of the keys' grid: LeViT
    return words if layer.sums_to_one else f"{words} (effective matrix)"


def window_words(queries: TokenLayout, keys: TokenLayout) -> str:
    """What kind of windows: "windows", "shifted windows", "dilated windows" or "overlapping windows"."""
    held = keys.tokens[keys.tokens >= len(keys.prefix)]
    if len(held.unique()) < len(held):
        return "overlapping windows"
    gaps = [between for window in queries.tokens for between in _gaps(queries, window)]
    if any(wraps for _, wraps in gaps):
        return "shifted windows"
    return "dilated windows" if any(widest > 1 for widest, _ in gaps) else "windows"


def _gaps(layout: TokenLayout, window: Tensor) -> list[tuple[int, bool]]:
    """Of a window's rows and of its columns: the widest step, and whether they go round the picture's edge."""
    patches = window[window >= len(layout.prefix)] - len(layout.prefix)
    found = []
    for lines, count in (
        (patches // layout.grid.cols, layout.grid.rows),
        (patches % layout.grid.cols, layout.grid.cols),
    ):
        lines = lines.unique()  # sorted
        steps = torch.diff(lines)
        wide = steps[steps > 1]
        # A window that was rolled over the edge holds the first lines and the last ones, and none between.
        wraps = len(wide) == 1 and int(lines[0]) == 0 and int(lines[-1]) == count - 1
        found.append((int(steps.max()) if len(steps) else 1, wraps))
    return found

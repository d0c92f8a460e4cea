"""Records from hand-written numbers, for results that can be worked out on paper."""

import torch

from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout

Matrices = list[list[list[float]]]  # heads × queries × keys


def record_of(
    *layers: Matrices,
    gradients: list[Matrices] | None = None,
    values: list[Matrices] | None = None,
    prefix: tuple[str, ...] = ("cls",),
) -> AttentionRecord:
    """A layer is a list of heads, over the prefix and patches in one row; ``gradients`` are those of class 1, "b"."""
    count = len(layers[0][0])
    layout = TokenLayout.whole(Grid(1, count - len(prefix)), prefix)
    made = [
        LayerAttention(
            f"layer {number}",
            torch.tensor([heads]),
            layout,
            layout,
            taken_gradient=torch.tensor([gradients[number]]) if gradients else None,
            taken_values=torch.tensor([values[number]]) if values else None,
        )
        for number, heads in enumerate(layers)
    ]
    target = 1 if gradients else None
    return AttentionRecord("by hand", "random", tuple(made), torch.zeros(2), ("a", "b"), (8, 8), target=target)


def class_attention(*rows: list[float]) -> AttentionRecord:
    """Layers in which CLS alone looks around, at itself and patches in one row; a layer is its row."""
    whole = TokenLayout.whole(Grid(1, len(rows[0]) - 1), ("cls",))
    asks = TokenLayout(whole.grid, whole.prefix, torch.tensor([[0]]))
    made = [LayerAttention(f"layer {n}", torch.tensor([[[row]]]), asks, whole) for n, row in enumerate(rows)]
    return AttentionRecord("by hand", "random", tuple(made), torch.zeros(2), ("a", "b"), (8, 8))

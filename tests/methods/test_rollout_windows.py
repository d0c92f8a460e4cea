"""Rollout through Swin's windows, shifts and merges, against matrices made from the paper's definition alone.

Neither a layout nor a record has any part in the reference: whoever shares a (shifted) window looks at each other.
"""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.families import photo, tiny_model
from tests.methods.reference import merge_matrix
from vit.capture import record_attention
from vit.methods import explain
from vit.models.vision_model import VisionModel

WINDOW = 4
SIZES = [(32, 32), (32, 64), (64, 32)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", ["swin", "our swin"])
def test_rollout_equals_the_product_of_scattered_matrices(family, size):
    model = tiny_model(family, size)
    layers = swin_matrices(model, photo(5, *size))
    assert [grid for grid, _ in layers] == [(size[0] // patch, size[1] // patch) for patch in (2, 2, 4, 4)]
    product = torch.eye(layers[0][1].shape[0], dtype=torch.float64)
    below = layers[0][0]
    for grid, matrix in layers:
        if grid != below:
            product = merge_matrix(grid, below) @ product
        product = (matrix + torch.eye(len(matrix), dtype=torch.float64)) / 2 @ product
        below = grid
    record = record_attention(model, photo(5, *size))
    rows, cols = below
    expected = product.mean(0).reshape(layers[0][0])  # the readout is the mean over all patches
    assert torch.allclose(explain(record, "rollout").values.double(), expected, atol=1e-7)
    for row, col in ((0, 0), (1, cols - 1), (rows // 2, cols // 2)):
        expected = product[row * cols + col].reshape(layers[0][0])
        found = explain(record, "rollout", query=(row, col)).values.double()
        assert torch.allclose(found, expected, atol=1e-6)
        assert int(found.argmax()) == int(expected.argmax())


def test_the_reference_shifts_and_merges():
    """Otherwise the test above would prove less than it says."""
    plain, shifted, *_ = [matrix for _, matrix in swin_matrices(tiny_model("swin", (32, 64)), photo(5, 32, 64))]
    border = 3 * 32 + 3, 4 * 32 + 4  # two patches on either side of a corner of windows, on a grid of 16 × 32
    assert plain[border] == 0 < shifted[border]
    edges = 0 * 32 + 0, 15 * 32 + 31  # only the roll brings these into one window
    assert shifted[edges] == 0
    assert torch.allclose(shifted.sum(-1), torch.ones(512, dtype=torch.float64))


def swin_matrices(model: VisionModel, picture: Any) -> list[tuple[tuple[int, int], Tensor]]:
    """Each block's grid (rows, cols), and its attention over all patches, (patches, patches), mean over heads, float64.

    From the vectors that go into each attention. Two patches look at each other if they share a window; a shifted
    block's windows start half a window further down and to the right, and those at the picture's edges are cut off.
    """
    network: Any = copy.deepcopy(model.network)
    blocks: list[Any] = [block for stage in network.layers for block in stage.blocks]
    entering: list[Tensor] = []
    for block in blocks:
        block.norm1.register_forward_hook(lambda _module, _given, normed: entering.append(normed))
    with torch.no_grad():
        network(model.prepare(picture))
    return [
        (
            (vectors.shape[1], vectors.shape[2]),
            _matrix(block.attn, vectors[0].double(), shift=WINDOW // 2 * (number % 2)),
        )
        for number, (block, vectors) in enumerate(zip(blocks, entering, strict=True))
    ]  # two blocks a stage: every second one is shifted


def _matrix(attention: nn.Module, vectors: Tensor, shift: int) -> Tensor:
    """``(rows, cols, width)`` to ``(patches, patches)``."""
    rows, cols, width = vectors.shape
    weights: Any = attention  # WindowAttention, timm's or ours: the same names
    table = weights.relative_position_bias_table.double()  # (offsets, heads)
    heads = table.shape[1]
    qkv = vectors.flatten(0, 1) @ weights.qkv.weight.double().T + weights.qkv.bias.double()
    queries, keys, _ = qkv.reshape(rows * cols, 3, heads, width // heads).permute(1, 2, 0, 3)  # (heads, patches, …)
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(cols))  # (patches, 2)
    window = torch.div(places - shift, WINDOW, rounding_mode="floor")
    together = (window[:, None] == window[None]).all(-1)  # (patches, patches)
    offsets = (places[:, None] - places[None]).clamp(1 - WINDOW, WINDOW - 1) + WINDOW - 1
    bias = table[offsets[..., 0] * (2 * WINDOW - 1) + offsets[..., 1]].permute(2, 0, 1)  # (heads, patches, patches)
    scores = queries @ keys.mT * (width // heads) ** -0.5 + bias
    return scores.masked_fill(~together, float("-inf")).softmax(-1).mean(0)

"""Every variant of ``timm-variants.csv``: the smallest of each mechanism of attention that timm has.

Random weights with noise on every parameter: zero-initialised gates and embeddings would hide errors.
"""

import csv
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from tests.families import add_noise, photo
from vit.attention import LayerAttention
from vit.capture import record_attention
from vit.errors import CaptureError
from vit.models.layouts import Layer, plan_of
from vit.models.layouts.tracing import FUSED, PRODUCTS
from vit.models.vision_model import Preprocessing, VisionModel

pytestmark = pytest.mark.families

with (Path(__file__).parent / "timm-variants.csv").open(newline="") as _file:
    VARIANTS = {row["variant"]: row for row in csv.DictReader(_file)}
WITH_MAPS = [name for name, row in VARIANTS.items() if int(row["attention_maps"])]
WITHOUT = [name for name in VARIANTS if name not in WITH_MAPS]
# The list counts softmaxes. ConViT's gated layers have two each, of content and of position, and so has differential
# attention; together they are the one matrix that multiplies the values: that is what is recorded.
MATRICES = {"convit_tiny": 12, "vit_dwee_patch16_reg1_gap_256": 14, "vit_dpwee_patch16_reg1_gap_256": 16}


def variant(name: str) -> VisionModel:
    import timm

    side = int(VARIANTS[name]["image_size"])
    size = (side, side)
    torch.manual_seed(0)
    try:
        network: Any = timm.create_model(name, img_size=size)
    except TypeError:  # a network that takes any size
        network = timm.create_model(name)
    add_noise(network).eval().requires_grad_(False)
    return VisionModel(name, network, Preprocessing(size), tuple(map(str, range(1000))), "random")


@pytest.fixture(scope="module", params=WITH_MAPS)
def model(request) -> VisionModel:
    """One after the other, each for all tests."""
    return variant(request.param)


class Spy(TorchFunctionMode):
    """Keeps the values and the result of each planned product; of products that are mixed, what they are mixed to."""

    def __init__(self, layers: tuple[Layer, ...]):
        super().__init__()
        self.layers = {layer.call: layer for layer in layers}
        self.calls, self.seen = 0, []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if self.seen and function is torch.Tensor.sub and args[0] is self.seen[-1][2] and self.seen[-1][0].others:
            self.seen[-1] = (*self.seen[-1][:2], result)
        if function is FUSED or function in PRODUCTS:
            layer = self.layers.get(self.calls)
            self.calls += 1
            if layer is not None:
                values = args[2] if function is FUSED else args[0 if layer.transposed else 1]
                self.seen.append((layer, values, result))
        return result


def as_the_network_has_it(layer: Layer, recorded: LayerAttention) -> torch.Tensor:
    """The recorded ``(windows, heads, queries, keys)`` back in the network's own shape."""
    flat = torch.empty(layer.order.numel(), *layer.shape[-2:])
    flat[layer.order.flatten()] = recorded.weights.flatten(0, 1)
    return flat.reshape(layer.shape)


def test_all_maps_are_what_multiplies_the_values_and_the_output_is_unchanged(model):
    pixels = model.prepare(photo(0, 200, 200))
    with torch.no_grad():
        alone = model.network(pixels)[0]
    record = record_attention(model, photo(0, 200, 200))
    assert torch.equal(record.logits, alone)  # bit for bit
    assert len(record.layers) == MATRICES.get(model.name, int(VARIANTS[model.name]["attention_maps"]))
    layers = plan_of(model.network, pixels).layers
    with torch.no_grad(), Spy(layers) as spy:
        model.network(pixels)
    for (layer, values, result), recorded in zip(spy.seen, record.layers, strict=True):
        matrix = as_the_network_has_it(layer, recorded)
        if values.ndim > 2 and matrix.shape[-3] != values.shape[-3] > 1:
            values = values.repeat_interleave(matrix.shape[-3] // values.shape[-3], -3)
        again = values @ matrix.mT if layer.transposed else matrix @ values
        assert float((again - result).abs().max()) <= 1e-5 * max(1.0, float(result.abs().max()))


def test_gradients_reach_every_map(model):
    record = record_attention(model, photo(0, 200, 200), target=3)
    assert all(bool(layer.gradient.isfinite().all()) for layer in record.layers)
    silent = [layer.name for layer in record.layers if not float(layer.gradient.abs().max()) > 0]
    assert silent == []


def test_two_threads_do_not_mix(model):
    pictures = [photo(seed, 100, 100) for seed in (1, 2)]
    expected = [record_attention(model, picture) for picture in pictures]
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: record_attention(model, pictures[n])})) for n in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, record in enumerate(expected):
        assert all(torch.equal(a.weights, b.weights) for a, b in zip(found[number].layers, record.layers, strict=True))


def test_each_row_of_the_first_layer_sits_on_its_own_patch(model):
    """Changes one patch of the picture by a little: its own row moves most."""
    if has_overlapping_stem(model.network):
        pytest.skip("convolutions that overlap come before the first attention: a patch's neighbours move with it")
    height, width = model.prepare.size
    image = photo(1, height, width)
    before = record_attention(model, image).layers[0]
    grid = before.queries.grid
    tall, wide = height // grid.rows, width // grid.cols
    for row, col in ((grid.rows // 2, 1), (grid.rows // 3, grid.cols // 2)):
        changed = image.copy()
        patch = changed[row * tall : (row + 1) * tall, col * wide : (col + 1) * wide]
        patch[:] = np.where(patch < 128, patch + 9, patch - 9)
        after = record_attention(model, changed).layers[0]
        if before.weights.shape[2] == 1:  # a pool's query is no patch: its key's column moves
            moved, side = (after.weights - before.weights).abs().amax((1, 2)), before.keys
        else:
            moved = after.weights.double().clamp_min(1e-12).log() - before.weights.double().clamp_min(1e-12).log()
            moved = (moved - moved.median(-1, keepdim=True).values).abs()
            moved, side = moved.sort(-1).values[..., :-1].mean((1, 3)), before.queries
        window, slot = divmod(int(moved.argmax()), moved.shape[1])
        found = int(side.tokens[window, slot]) - len(side.prefix)
        assert divmod(found, grid.cols) == (row, col)


def has_overlapping_stem(network: Any) -> bool:
    """Whether any convolution's kernel is larger than its stride: patches then see their neighbours."""
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    return any(
        side > stride for conv in convolutions for side, stride in zip(conv.kernel_size, conv.stride, strict=True)
    )


@pytest.mark.parametrize("name", WITHOUT)
def test_a_variant_without_a_map_says_what_it_does_instead(name):
    with pytest.raises(CaptureError, match=f"{name} has no attention over picture tokens: it"):
        record_attention(variant(name), photo(0, 200, 200))

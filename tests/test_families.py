"""Every variant of ``timm-variants.csv``: whole maps that multiply the values, an unchanged output, gradients, threads.

Where the rows and columns sit on the picture is tried in ``test_family_places.py``.
"""

import threading
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from tests.families import photo
from tests.variants import VARIANTS, WITH_MAPS, WITHOUT, variant
from vit.attention import LayerAttention
from vit.capture import record_attention
from vit.errors import CaptureError
from vit.models.layouts import Layer, plan_of
from vit.models.layouts.calls import FUSED, PRODUCTS
from vit.models.vision_model import VisionModel

pytestmark = pytest.mark.families

# The list counts softmaxes. ConViT's ten gated layers have two each, of content and of position: 2 × 10 + 2 = 22.
# Neither multiplies the values; their gated sum does, one matrix a layer, and that is what is recorded: 10 + 2 = 12.
# Differential attention has two each as well, and what multiplies the values is their difference.
MATRICES = {"convit_tiny": 12, "vit_dwee_patch16_reg1_gap_256": 14, "vit_dpwee_patch16_reg1_gap_256": 16}


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


@pytest.mark.parametrize("name", WITHOUT)
def test_a_variant_without_a_map_says_what_it_does_instead(name):
    with pytest.raises(CaptureError, match=f"{name} has no attention over picture tokens: it"):
        record_attention(variant(name), photo(0, 200, 200))

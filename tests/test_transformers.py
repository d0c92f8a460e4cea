"""Hugging Face's own networks come through the same door; that package is a need of the tests alone."""

from typing import Any

import pytest
import torch
import transformers

from tests.families import add_noise, photo
from vit.capture import record_attention
from vit.models.vision_model import Preprocessing

pytestmark = pytest.mark.filterwarnings("ignore")  # the package's own

PREPARE = Preprocessing((32, 32))
PLAIN: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
SWIN = {"image_size": 32, "patch_size": 2, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
# A network's class, its configuration, and the prefix and the readout that it should have.
NETWORKS = {
    "ViTModel": ("ViTConfig", PLAIN, ("cls",), ("cls",)),
    "ViTForImageClassification": ("ViTConfig", PLAIN, ("cls",), ("cls",)),
    "DeiTForImageClassification": ("DeiTConfig", PLAIN, ("cls", "dist"), ("cls",)),
    "DeiTForImageClassificationWithTeacher": ("DeiTConfig", PLAIN, ("cls", "dist"), ("cls", "dist")),
    "Dinov2ForImageClassification": ("Dinov2Config", PLAIN, ("cls",), ("cls",)),
    "Dinov2WithRegistersModel": (
        "Dinov2WithRegistersConfig",
        PLAIN,
        ("cls", "reg1", "reg2", "reg3", "reg4"),
        ("cls",),
    ),
    "BeitForImageClassification": ("BeitConfig", PLAIN, ("cls",), ("patches",)),
    "SwinForImageClassification": ("SwinConfig", SWIN, (), ("patches",)),
}


def built(name: str, written: str) -> Any:
    """With random weights; ``written`` is how its attention is: "eager" or "sdpa"."""
    configuration, shape, *_ = NETWORKS[name]
    torch.manual_seed(0)
    config = getattr(transformers, configuration)(**shape, num_labels=5, attn_implementation=written)
    return add_noise(getattr(transformers, name)(config)).eval().requires_grad_(False)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("written", ["eager", "sdpa"])
def test_its_maps_are_those_that_it_gives_itself(name, written):
    network, pixels = built(name, written), PREPARE(photo(0, 32, 32))
    with torch.no_grad():
        alone = network(pixels)
        own = built(name, "eager")(pixels, output_attentions=True).attentions  # each (windows, heads, queries, keys)
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    assert torch.equal(record.logits, (alone.logits if "logits" in alone else alone.last_hidden_state)[0])
    assert len(record.labels) == (5 if "logits" in alone else 0)
    assert record.layers[0].queries.prefix == NETWORKS[name][2]
    assert record.readout == NETWORKS[name][3]
    assert len(record.layers) == (4 if "Swin" in name else 2)
    several = len(record.layers) // len(own)  # Swin gives only each stage's last
    for layer, weights in zip(record.layers[several - 1 :: several], own, strict=True):
        assert torch.allclose(layer.weights, weights, atol=1e-6)


@pytest.mark.parametrize("name", ["ViTForImageClassification", "SwinForImageClassification"])
def test_gradients_reach_every_map(name):
    record = record_attention(built(name, "sdpa"), photo(0, 32, 32), prepare=PREPARE, target=3)
    assert all(float(layer.gradient.abs().max()) > 0 for layer in record.layers)


def test_siglips_pool_is_seen_too():
    torch.manual_seed(0)
    network = transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**PLAIN)).eval().requires_grad_(False)
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    assert len(record.layers) == 3
    assert record.layers[2].queries.prefix == ("pool",)
    assert record.layers[2].keys.grid.size == 16

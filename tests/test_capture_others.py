"""Networks that are neither ours nor timm's come through the same door."""

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer
from torchvision.models.swin_transformer import SwinTransformer

from tests.families import add_noise, photo
from vit.capture import record_attention
from vit.errors import ModelError
from vit.methods import explain
from vit.models.vision_model import Preprocessing

PREPARE = Preprocessing((32, 32))


@pytest.fixture(scope="module")
def torchvisions() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    vit = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    swin = SwinTransformer([2, 2], 16, [2, 2], [2, 4], [4, 4], num_classes=10)
    return {name: add_noise(net).eval().requires_grad_(False) for name, net in (("vit", vit), ("swin", swin))}


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_torchvisions_networks_are_recorded(torchvisions, name):
    network = torchvisions[name]
    with torch.no_grad():
        alone = network(PREPARE(photo(0, 32, 32)))[0]
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    assert torch.equal(record.logits, alone)
    assert len(record.layers) == (2 if name == "vit" else 4)
    assert all(layer.sums_to_one for layer in record.layers)
    assert record.layers[0].queries.prefix == (("cls",) if name == "vit" else ())
    assert explain(record, "rollout").values.shape == ((4, 4) if name == "vit" else (16, 16))


def test_what_is_recorded_of_torchs_own_attention_is_what_it_uses(torchvisions):
    network = torchvisions["vit"]
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    taken = record_attention(network, photo(0, 32, 32), prepare=PREPARE, target=3)
    assert torch.allclose(record.logits, taken.logits, atol=1e-5)  # with the recorded matrix in place of the kernel
    assert all(float(layer.gradient.abs().max()) > 0 for layer in taken.layers)
    attention = network.encoder.layers[0].self_attention  # type: ignore[union-attr]
    tokens = torch.randn(1, 17, 32)
    with torch.no_grad():
        _, shares = attention(tokens, tokens, tokens, need_weights=True, average_attn_weights=False)
    assert shares.shape == record.layers[0].weights.shape


def test_a_network_without_its_preprocessing_or_in_training_mode_is_a_sentence(torchvisions):
    with pytest.raises(ModelError, match="give prepare="):
        record_attention(torchvisions["vit"], photo())
    with pytest.raises(ModelError, match=r"call its eval\(\) first"):
        record_attention(nn.Sequential(nn.Conv2d(3, 4, 8)).train(), photo(), prepare=PREPARE)

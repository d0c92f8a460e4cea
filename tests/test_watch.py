"""What a record may hold beside the maps: values, features, readout; and maps kept as queries and keys."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tests.families import FAMILIES, add_noise, photo, tiny_model
from vit.capture import record_attention
from vit.errors import CaptureError, MethodError
from vit.fused import KeptScores
from vit.models.layouts.calls import FUSED, PRODUCTS
from vit.models.vision_model import Preprocessing, VisionModel

READOUT = {
    **dict.fromkeys(("vit", "dinov2 with registers", "our vit"), ("cls",)),
    **dict.fromkeys(("deit", "our deit"), ("cls", "dist")),
    "siglip": ("pool",),
}  # every other family reads the mean of its patches


def stream_of(model: VisionModel) -> list[torch.Tensor]:
    """The blocks' own outputs, ``(tokens, width)`` each, by a forward hook on a network that nobody shares now."""
    found: list[torch.Tensor] = []
    blocks = [module for name, module in model.network.named_modules() if _is_block(name)]
    hooks = [b.register_forward_hook(lambda _m, _i, out: found.append(out.flatten(1, -2)[0])) for b in blocks]
    try:
        with torch.no_grad():
            model.network(model.prepare(photo()))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _is_block(name: str) -> bool:
    return name.rpartition(".")[2].isdecimal() and name.rpartition(".")[0].endswith("blocks")


@pytest.mark.parametrize("family", FAMILIES)
def test_features_are_what_each_block_puts_out(family):
    model = tiny_model(family, (32, 64) if family not in ("swinv2",) else (32, 32))
    record = record_attention(model, photo(), keep=("features",))
    expected = stream_of(model)
    assert len(record.features) == len(expected) > 0
    for kept, block in zip(record.features, expected, strict=True):
        assert torch.equal(kept.vectors, block)  # these networks have their patches in raster order
        assert kept.vectors.shape[0] == kept.layout.count
        assert record.layers[kept.layer].name.startswith(kept.name)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_what_the_weights_multiply(family):
    model = tiny_model(family)
    seen: list[torch.Tensor] = []

    class Spy(torch.overrides.TorchFunctionMode):
        """Keeps what comes of each fused attention, and of each product of rows that sum to 1: a softmax's."""

        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if function is FUSED or (function in PRODUCTS and bool((args[0].sum(-1) - 1).abs().max() < 1e-5)):
                seen.append(result)
            return result

    record = record_attention(model, photo(), keep=("values",))
    with torch.no_grad(), Spy():
        model.network(model.prepare(photo()))
    assert seen
    for layer, result in zip(record.layers, seen, strict=True):
        assert layer.values.shape[:3] == (*layer.shape[:2], layer.shape[3])
        assert torch.allclose(layer.weights @ layer.values, result, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_features_have_gradients_if_there_is_a_target(family):
    model = tiny_model(family)
    record = record_attention(model, photo(), target=3, keep=("features",))
    last = record.features[-1]
    assert last.gradient.shape == last.vectors.shape
    read = last.gradient.abs().sum(1) > 0
    names = READOUT.get(family, ("patches",))
    if set(names) <= set(last.layout.prefix):  # after the last block only these are read
        assert read.nonzero().flatten().tolist() == [last.layout.token(name) for name in names]
    else:
        assert bool(read[len(last.layout.prefix) :].all())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_readout_is_found_in_the_network_itself(family):
    assert record_attention(tiny_model(family), photo()).readout == READOUT.get(family, ("patches",))


def test_what_was_not_kept_says_how_to_keep_it():
    record = record_attention(tiny_model("our vit"), photo())
    with pytest.raises(MethodError, match="keep=..features"):
        _ = record.features
    with pytest.raises(MethodError, match="keep=..values"):
        _ = record.layers[0].values
    with pytest.raises(MethodError, match="can't keep 'norms'; it can keep: values, features"):
        record_attention(tiny_model("our vit"), photo(), keep=("norms",))


def test_a_map_is_kept_as_queries_and_keys_where_they_are_smaller():
    small = record_attention(tiny_model("our vit"), photo()).layers[0]
    assert isinstance(small.kept, torch.Tensor)  # 17 tokens of width 16: the matrix is the smaller
    large = record_attention(tiny_model("our vit", (128, 128)), photo())
    assert all(isinstance(layer.kept, KeptScores) for layer in large.layers)
    maps = sum(layer.weights.numel() * 4 for layer in large.layers)
    assert large.bytes < maps / 5
    found: list[torch.Tensor] = []

    class Spy(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is FUSED:
                query, key = args[:2]
                found.append((query @ key.mT / query.shape[-1] ** 0.5).softmax(-1))
            return function(*args, **(kwargs or {}))

    model = tiny_model("our vit", (128, 128))
    with torch.no_grad(), Spy():
        model.network(model.prepare(photo()))
    for layer, expected in zip(large.layers, found, strict=True):
        for weights in (layer.weights, layer.weights):  # each time computed anew from what was kept
            assert torch.allclose(weights, expected, atol=1e-6)


def test_kept_queries_and_keys_are_the_record_s_own():
    model = tiny_model("our vit", (128, 128))
    record = record_attention(model, photo())
    before = record.layers[1].weights
    record_attention(model, photo(5))
    assert torch.equal(record.layers[1].weights, before)
    kept: Any = record.layers[1].kept
    assert kept.query.untyped_storage().nbytes() == kept.query.numel() * 4  # no view of queries, keys and values


def differential(fused: bool) -> VisionModel:
    """Differential attention; with fused off, timm mixes the two maps before they meet the values."""
    import timm

    torch.manual_seed(0)
    shape: Any = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 10}
    network: Any = add_noise(timm.create_model("vit_dwee_patch16_reg1_gap_256", **shape)).eval().requires_grad_(False)
    for block in network.blocks:
        block.attn.fused_attn = fused
    return VisionModel("differential", network, Preprocessing((32, 32)), tuple("0123456789"), "random")


def test_differential_attention_has_one_matrix_a_layer():
    fused, written_out = differential(True), differential(False)
    record = record_attention(fused, photo(), target=3, keep=("values",))
    plain = record_attention(fused, photo())
    again = record_attention(written_out, photo(), target=3)
    assert [layer.name for layer in plain.layers] == ["blocks.0.attn", "blocks.1.attn"]
    with torch.no_grad():
        assert torch.equal(plain.logits, fused.network(fused.prepare(photo()))[0])
    for layers in zip(record.layers, plain.layers, again.layers, strict=True):
        with_gradient, without, expected = layers
        assert not without.sums_to_one
        assert torch.allclose(without.weights, expected.weights, atol=1e-6)
        assert torch.allclose(with_gradient.weights, expected.weights, atol=1e-6)
        assert torch.allclose(with_gradient.gradient, expected.gradient, atol=1e-5)
        assert with_gradient.values.shape[:3] == (*with_gradient.shape[:2], with_gradient.shape[3])


def test_maps_mixed_in_an_unknown_way_are_an_error():
    class Squared(torch.nn.Module):
        """Two maps on the same values, of which one is squared afterwards: no single matrix does the same."""

        def __init__(self):
            super().__init__()
            self.embed, self.head = torch.nn.Conv2d(3, 8, 8, 8), torch.nn.Linear(8, 10)

        def forward(self, pixels):
            x = self.embed(pixels).flatten(2).mT  # (1, patches, 8)
            one = F.scaled_dot_product_attention(x, x, x)
            other = F.scaled_dot_product_attention(2 * x, x, x)
            return self.head((one - other.pow(2)).mean(1))

    with pytest.raises(CaptureError, match="mixes its maps is not known"):
        record_attention(Squared().eval(), photo(), prepare=Preprocessing((32, 32)))

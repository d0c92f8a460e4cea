import copy
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.families import FAMILIES, TIMM, WINDOWED, photo, tiny_model
from vit.capture import record_attention
from vit.errors import BudgetError, CaptureError, MethodError
from vit.fused import attention_weights
from vit.models import load_model
from vit.models.vision_model import Preprocessing, VisionModel

LAYERS = {"siglip": 3, "swin": 4, "swinv2": 4, "our swin": 4}  # every other family has two
PREFIX = {
    "vit": ("cls",),
    "deit": ("cls", "dist"),
    "beit": ("cls",),
    "eva02": ("cls",),
    "dinov2 with registers": ("cls", "reg1", "reg2", "reg3", "reg4"),
    "our vit": ("cls",),
    "our deit": ("cls", "dist"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_there_and_the_output_is_unchanged(family):
    model = tiny_model(family)
    with torch.no_grad():
        alone = model.network(model.prepare(photo()))[0]
    record = record_attention(model, photo())
    assert torch.equal(record.logits, alone)  # bit for bit
    assert len(record.layers) == LAYERS.get(family, 2)
    assert len({layer.name for layer in record.layers}) == len(record.layers)
    for layer in record.layers:
        assert torch.allclose(layer.weights.sum(-1), torch.ones(()), atol=1e-5)
        assert layer.weights.shape[2:] == (layer.queries.tokens.shape[1], layer.keys.tokens.shape[1])
        assert layer.queries.prefix == (("pool",) if layer.name == "attn_pool" else PREFIX.get(family, ()))
        assert layer.name != "attn_pool" or layer.weights.shape[2] == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_recorded_is_what_multiplies_the_values(family):
    # With a target, the recorded matrix takes the place of the network's own product: w @ v = out, layer after layer.
    model = tiny_model(family)
    with torch.no_grad():
        alone = model.network(model.prepare(photo()))[0]
    record = record_attention(model, photo(), target=3)
    assert torch.allclose(record.logits, alone, atol=1e-5)
    plain = record_attention(model, photo())
    for with_gradient, without in zip(record.layers, plain.layers, strict=True):
        assert torch.allclose(with_gradient.weights, without.weights, atol=1e-6)


@pytest.mark.parametrize("family", sorted(TIMM))
def test_weights_equal_those_of_timm_with_its_fused_kernel_off(family):
    model = tiny_model(family)
    network: Any = copy.deepcopy(model.network)
    seen: list[torch.Tensor] = []
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False  # type: ignore[assignment]
        softmaxed = getattr(module, "attn_drop", None)
        if isinstance(softmaxed, nn.Module):
            softmaxed.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    with torch.no_grad():
        network(model.prepare(photo()))
    layers = [layer for layer in record_attention(model, photo()).layers if layer.name != "attn_pool"]
    assert len(layers) == len(seen)
    for layer, reference in zip(layers, seen, strict=True):
        assert torch.allclose(layer.weights, reference, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_equal_finite_differences(family):
    model = tiny_model(family)
    record = record_attention(model, photo(), target=3)
    first = record.layers[0]
    assert first.gradient.shape == first.weights.shape
    assert all(float(layer.gradient.abs().max()) > 0 for layer in record.layers)

    # Move one weight of the first layer a little, as that layer's product with the values sees it.
    where = tuple(int(i) for i in (first.gradient.abs() == first.gradient.abs().max()).nonzero()[0])
    step = 1e-2
    moved = [_logit_with_moved_weight(model, first.name, where, sign * step) for sign in (1, -1)]
    slope = (moved[0] - moved[1]) / (2 * step)
    assert slope == pytest.approx(float(first.gradient[where]), rel=0.05, abs=1e-5)


def _logit_with_moved_weight(model: VisionModel, name: str, where: tuple[int, ...], amount: float) -> float:
    """The logit of class 3 when one entry of one layer's attention is moved; in a copy, with the attention unfused."""
    from torch.overrides import TorchFunctionMode

    class Move(TorchFunctionMode):
        first = True

        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if function is F.scaled_dot_product_attention and self.first:
                self.first = False
                weights = attention_weights(args[0], args[1], kwargs.get("attn_mask"), scale=kwargs.get("scale"))
                weights[where] += amount
                return weights @ args[2]
            result = function(*args, **kwargs)
            if function in (torch.softmax, torch.Tensor.softmax, F.softmax) and self.first:
                self.first = False
                result[where] += amount
            return result

    with torch.no_grad(), Move():
        return float(model.network(model.prepare(photo()))[0, 3])


@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_row_sits_on_its_own_patch(family, size):
    _check_places(tiny_model(family, size), layer=0)


@pytest.mark.parametrize("size", [(32, 32), (32, 64)])
@pytest.mark.parametrize("family", WINDOWED)
def test_each_row_sits_on_its_own_patch_in_shifted_windows(family, size):
    # With the first block silenced, the second, whose windows are shifted, sees the patches as they came in.
    model = tiny_model(family, size)
    network: Any = copy.deepcopy(model.network)
    first = network.layers[0].blocks[0]
    silenced = (first.norm1, first.norm2) if family == "swinv2" else (first.attn.proj, first.mlp.fc2)
    for module in silenced:
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
    _check_places(VisionModel("silenced", network, model.prepare, model.labels, "random"), layer=1)


def _check_places(model: VisionModel, layer: int) -> None:
    """Changes one patch of the picture by a little: only that patch's own row may move in more than one column.

    In every other row just the changed patch's column moves against the rest, so the ratios of the rest stay.
    """
    height, width = model.prepare.size
    image = photo(1, height, width)
    before = record_attention(model, image).layers[layer]
    grid = before.queries.grid
    tall, wide = height // grid.rows, width // grid.cols
    for row, col in ((0, 0), (grid.rows - 1, 1), (grid.rows // 2, grid.cols - 1), (1, grid.cols // 2)):
        changed = image.copy()
        patch = changed[row * tall : (row + 1) * tall, col * wide : (col + 1) * wide]
        patch[:] = np.where(patch < 128, patch + 9, patch - 9)
        after = record_attention(model, changed).layers[layer]
        moved = after.weights.double().log() - before.weights.double().log()  # (windows, heads, queries, keys)
        moved = moved.masked_fill(before.weights < 1e-20, float("nan"))  # behind Swin's mask there is only rounding
        moved = (moved - moved.nanmedian(-1, keepdim=True).values).abs().nan_to_num(0)
        moved = moved.sort(-1).values[..., :-1].amax((1, 3))  # the column that moves most is left out
        window, slot = divmod(int(moved.argmax()), moved.shape[1])
        assert int(before.queries.tokens[window, slot]) == before.queries.token((row, col))


def test_another_input_size_leaves_the_shared_network_as_it_is():
    timms = load_model("test_vit", weights="random")
    for model, grid in ((tiny_model("our vit"), (8, 6)), (tiny_model("our swin"), (32, 24)), (timms, (4, 3))):
        own_size = tuple(model.prepare.size)
        before = {name: value.clone() for name, value in model.network.state_dict().items()}
        record = record_attention(model, photo(), image_size=(64, 48))
        first = record.layers[0].queries.grid
        assert record.image_size == (64, 48)
        assert (first.rows, first.cols) == grid
        assert tuple(model.prepare.size) == own_size
        assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_two_threads_on_one_network_never_mix():
    model = tiny_model("vit")
    pictures = [photo(seed) for seed in range(2)]
    expected = [record_attention(model, picture) for picture in pictures]
    wrong: list[str] = []

    def look(which: int) -> None:
        for _ in range(20):
            record = record_attention(model, pictures[which])
            for layer, right in zip(record.layers, expected[which].layers, strict=True):
                if not torch.equal(layer.weights, right.weights):
                    wrong.append(layer.name)

    threads = [threading.Thread(target=look, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("family", ["vit", "swin", "our vit"])
def test_nothing_is_left_behind_after_an_exception_in_the_middle(family):
    model = tiny_model(family)
    flags = [getattr(module, "fused_attn", None) for module in model.network.modules()]

    def stop(done: int, name: str) -> None:
        raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt):
        record_attention(model, photo(), progress=stop)
    assert torch._C._len_torch_function_stack() == 0
    assert torch.is_grad_enabled()
    assert [getattr(module, "fused_attn", None) for module in model.network.modules()] == flags
    for module in model.network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert all(parameter.grad is None for parameter in model.network.parameters())
    assert len(record_attention(model, photo()).layers) == LAYERS.get(family, 2)


def test_progress_tells_every_layer_once():
    told: list[tuple[int, str]] = []
    record = record_attention(tiny_model("vit"), photo(), progress=lambda done, name: told.append((done, name)))
    assert told == [(1, record.layers[0].name), (2, record.layers[1].name)]


def test_a_network_without_attention_is_a_sentence():
    network = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = VisionModel("a CNN", network.eval(), Preprocessing((32, 32)), (), "random")
    with pytest.raises(CaptureError, match="no attention over picture tokens"):
        record_attention(model, photo())


def test_attention_that_was_not_seen_is_not_missing_in_silence():
    class Hidden(nn.Module):
        """Claims to be attention, and does its work where nobody can see it."""

        def __init__(self):
            super().__init__()
            self.fused_attn = True
            self.proj = nn.Conv2d(3, 4, 8, 8)

        def forward(self, pixels):
            return self.proj(pixels).mean((2, 3))

    model = VisionModel("secret", nn.Sequential(Hidden()).eval(), Preprocessing((32, 32)), (), "random")
    with pytest.raises(CaptureError, match="layer 0 of secret"):
        record_attention(model, photo())


def test_a_layer_whose_place_is_unknown_is_an_error_with_its_name():
    class Elsewhere(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(32 * 32, 5)  # five tokens, each a mix of all pixels: they are nowhere

        def forward(self, pixels):
            tokens = self.proj(pixels.flatten(2)).transpose(1, 2).unsqueeze(1)
            return ((tokens @ tokens.transpose(-2, -1)).softmax(-1) @ tokens).flatten(1)

    model = VisionModel("odd", nn.Sequential(Elsewhere()).eval(), Preprocessing((32, 32)), (), "random")
    with pytest.raises(CaptureError, match="layer 0 "):
        record_attention(model, photo())


def test_nan_in_the_weights_is_an_error_with_the_layer():
    model = tiny_model("vit")
    network: Any = copy.deepcopy(model.network)
    network.blocks[1].attn.qkv.weight.data[0, 0] = float("nan")
    broken = VisionModel("broken", network, model.prepare, model.labels, "random")
    with pytest.raises(CaptureError, match=r"blocks\.1\.attn"):
        record_attention(broken, photo())


def test_too_much_memory_is_refused_before_it_is_taken():
    seen: list[str] = []
    with pytest.raises(BudgetError, match="GB"):
        record_attention(tiny_model("vit"), photo(), memory_limit=3000, progress=lambda done, name: seen.append(name))
    assert seen == []  # at the first of the two layers, 2312 bytes each: both together would not fit


@pytest.mark.parametrize("target", [10, -1, 2.5, "cat", True])
def test_a_class_out_of_range_is_a_sentence(target):
    with pytest.raises(MethodError, match="0 to 9"):
        record_attention(tiny_model("vit"), photo(), target=target)


@pytest.mark.parametrize("masked", ["none", "bool", "float", "causal", "scale", "grouped", "one head of keys"])
def test_attention_weights_equal_the_fused_kernel(masked):
    torch.manual_seed(0)
    queries, keys, values = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 7, 8), torch.randn(2, 4, 7, 8)
    more: dict = {}
    if masked == "bool":
        more["attn_mask"] = torch.rand(2, 1, 5, 7) > 0.3
    if masked == "float":
        more["attn_mask"] = torch.randn(4, 5, 7)
    if masked == "causal":
        more["is_causal"] = True
    if masked == "scale":
        more["scale"] = 0.1
    if masked == "grouped":
        keys, values, more = keys[:, :2], values[:, :2], {"enable_gqa": True}
    if masked == "one head of keys":
        keys, values = keys[:, :1], values[:, :1]
    mixed = F.scaled_dot_product_attention(queries, keys, values, **more)
    weights = attention_weights(queries, keys, **more)
    values = values.repeat_interleave(2, 1) if masked == "grouped" else values
    assert torch.allclose(weights @ values, mixed, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("edgenext_xx_small", "between channels"),
        ("coat_lite_tiny", "sums up its tokens before"),
        ("efficientvit_b0", "sums up its tokens before"),
        ("mixer_s32_224", "fixed weights"),
    ],
)
def test_a_network_without_a_map_says_what_it_does_instead(name, says):
    import timm

    network: Any = timm.create_model(name).eval().requires_grad_(False)
    size = network.default_cfg["input_size"][1:]
    with pytest.raises(CaptureError, match=f"{name} has no attention over picture tokens: .*{says}"):
        record_attention(VisionModel(name, network, Preprocessing(size), (), "random"), photo())


def test_without_a_classifier_there_is_no_class_to_take():
    model = tiny_model("vit")
    with pytest.raises(MethodError, match="no classifier"):
        record_attention(VisionModel("a", model.network, model.prepare, (), "random"), photo(), target=0)

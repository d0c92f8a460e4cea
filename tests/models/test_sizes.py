"""Other input sizes: the same weights, resampled as timm does it, and the shared network left alone."""

import warnings
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import VisionTransformer

from tests.variants import variant
from vit.errors import BudgetError, ModelError
from vit.models import load_model, resized, sizes
from vit.models.too_large import maps_at
from vit.models.vision_model import Preprocessing, VisionModel


def _noisy(name: str, path, **options) -> dict:
    """Weights of a timm model with noise on every tensor, saved as a file."""
    generator = torch.Generator().manual_seed(3)
    state = timm.create_model(name, **options).state_dict()
    state = {
        k: v + 0.05 * torch.randn(v.shape, generator=generator) if v.is_floating_point() else v
        for k, v in state.items()
    }
    save_file({k: v.contiguous() for k, v in state.items()}, path)
    return state


@pytest.mark.parametrize("size", [(96, 192), (320, 160)])
@pytest.mark.parametrize("name", ["test_vit", "test_vit2", "test_vit3"])
def test_logits_are_those_of_timm_built_for_the_size(tmp_path, name, size):
    _noisy(name, tmp_path / "w.safetensors")
    model = load_model(name, weights=tmp_path / "w.safetensors")
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    other = resized(model, size)
    path = str(tmp_path / "w.safetensors")
    reference = timm.create_model(name, pretrained=True, img_size=size, pretrained_cfg_overlay={"file": path}).eval()
    pixels = torch.randn(1, 3, *size)
    assert torch.equal(other.network(pixels), reference(pixels))
    assert other.prepare.size == size and (other.name, other.provenance) == (model.name, model.provenance)
    assert not other.network.training and not any(p.requires_grad for p in other.network.parameters())
    # The shared one is as it was.
    assert model.prepare.size == (160, 160) and other.network is not model.network
    assert all(torch.equal(before[k], v) for k, v in model.network.state_dict().items())
    assert model.network(torch.randn(1, 3, 160, 160)).shape == (1, 1000)
    assert "state_dict" not in vars(other.network)["pretrained_cfg"]


def test_swin_keeps_its_windows(tmp_path):
    name = "swin_tiny_patch4_window7_224"
    _noisy(name, tmp_path / "w.safetensors")
    model = load_model(name, weights=tmp_path / "w.safetensors")
    other = resized(model, (224, 448))
    path = str(tmp_path / "w.safetensors")
    reference = timm.create_model(
        name, pretrained=True, img_size=(224, 448), pretrained_cfg_overlay={"file": path}
    ).eval()
    pixels = torch.randn(1, 3, 224, 448)
    assert torch.equal(other.network(pixels), reference(pixels))


def test_what_timm_warns_of_is_no_refusal_where_warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        timm_warns = resized(variant("beit_base_patch16_224"), (160, 224))
    assert timm_warns.prepare.size == (160, 224)


def test_our_own_network_is_shared(bundle, cache):
    bundle("tiny-for-sizes")
    model = load_model("tiny-for-sizes")
    other = resized(model, (48, 64))
    assert other.network is model.network and other.prepare.size == (48, 64)
    assert other.network(torch.zeros(1, 3, 48, 64)).shape == (1, 2)
    assert model.prepare.size == (32, 32)
    with pytest.raises(ModelError, match="8×8 pixels"):
        resized(model, (36, 32))


def test_a_network_of_convolutions_is_shared():
    model = load_model("test_resnet", weights="random")
    other = resized(model, (97, 130))
    assert other.network is model.network and other.prepare.size == (97, 130)


def test_patches_that_overlap_count_by_their_stride():
    model = load_model("pvt_v2_b0", weights="random")  # patches of 7 pixels, one every 4
    assert resized(model, (256, 224)).network(torch.zeros(1, 3, 256, 224)).shape == (1, 1000)
    with pytest.raises(ModelError, match="patches of 4×4"):
        resized(model, (255, 224))


def test_patches_count_wherever_a_network_keeps_them():
    network: Any = timm.create_model("deepseek_vit_412m", img_size=56, embed_dim=32, num_heads=2, depth=1)
    model = VisionModel("deepseek", network.eval(), Preprocessing((56, 56)), (), "random")  # in its encoder
    with pytest.raises(ModelError, match="deepseek cuts pictures into patches of 14×14 pixels, so 40×56 "):
        resized(model, (40, 56))


def test_a_size_that_is_refused_only_in_the_forward_pass():
    model = load_model("halonet26t", weights="random")  # its blocks of 8 by 8 tokens need multiples of 8 everywhere
    with pytest.raises(ModelError, match="can't take pictures of 320×256"):
        resized(model, (320, 256))


def test_its_own_size_is_the_model_itself():
    model = load_model("test_vit", weights="random")
    assert resized(model, (160, 160)) is model


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((100, 160), "patches of 16×16"),
        ((160, 161), "patches of 16×16"),
        ((0, 160), "at least 1"),
        ((-16, 160), "at least 1"),
        ((160.5, 160), "whole numbers"),
        (("wide", "high"), "whole numbers"),
        ((160,), "whole numbers"),
        (("160", "160"), "whole numbers"),
        ("160", "whole numbers"),
        ((float("inf"), 160), "whole numbers"),
        (None, "whole numbers"),
    ],
)
def test_sizes_that_do_not_fit(size, sentence):
    with pytest.raises(ModelError, match=sentence):
        resized(load_model("test_vit", weights="random"), size)


def test_a_model_of_one_size_says_so():
    model = load_model("mixer_s32_224", weights="random")  # its layers are built for 7 by 7 patches
    with pytest.raises(ModelError, match="its own size is 224×224"):
        resized(model, (256, 256))


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        (
            "test_vit",
            (1600, 1600),
            r"All maps of test_vit at 1600×1600 .* about 4\.8 GB; the limit is 2\.1 GB\. Choose",
        ),
        (
            "test_resnet",
            (5000, 5000),
            r"asked of test_resnet has too many pixels: the limit is 4\.2 megapixels\. Choose",
        ),
        ("test_resnet", (10**5000, 1), r"the limit is 4\.2 megapixels"),
    ],
)
def test_a_size_that_is_far_too_large_is_refused_before_anything_is_built_or_run(monkeypatch, name, size, sentence):
    model = load_model(name, weights="random")
    monkeypatch.setattr(sizes, "_built_for", None)
    monkeypatch.setattr(sizes, "tried", None)
    with pytest.raises(BudgetError, match=sentence):
        resized(model, size)


def test_maps_are_counted_at_another_size_and_the_network_is_left_alone():
    model = load_model("test_vit", weights="random")
    before = {name: (id(each), each.device.type) for name, each in model.network.named_parameters()}
    layers, heads, tokens = len(model.network.blocks), model.network.blocks[0].attn.num_heads, 1 + 10 * 20  # type: ignore
    assert maps_at("test_vit", model.network, (160, 320)) == 4 * layers * heads * tokens**2
    own = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.Flatten(2), nn.Softmax(-1)).eval()
    assert maps_at("own", own, (16, 24)) == 4 * 8 * 24
    assert maps_at("test_vit", own, (1, 1)) is None
    torchs = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64).eval()
    assert maps_at("torch's own attention", torchs, (32, 32)) == 4 * 2 * 2 * 17**2
    assert before == {name: (id(each), each.device.type) for name, each in model.network.named_parameters()}
    assert own[0].weight.device.type == "cpu"


def test_a_caller_may_allow_more():
    model = load_model("test_vit", weights="random")
    with pytest.raises(BudgetError, match=r"about 0\.\d GB; the limit is 0\.0 GB"):
        resized(model, (320, 320), memory_limit=1_000_000)
    assert resized(model, (320, 320)).prepare.size == (320, 320)

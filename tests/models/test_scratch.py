"""Our networks by timm's names: the same shapes as timm's, a closed list, and no network connection."""

import subprocess
import sys

import pytest
import timm
import torch
from timm.models import get_pretrained_cfg

from vit.errors import ModelError
from vit.models import scratch_model
from vit.models.scratch import scratch_names

NAMES = scratch_names()
TAGGED = [full for name in NAMES for full in timm.list_models(f"{name}.*", pretrained=True)]


def shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_timms_parameters(name):
    with torch.device("meta"):  # shapes only: the largest has 1.8 billion parameters
        assert shapes(scratch_model(name)) == shapes(timm.create_model(name))


@pytest.mark.parametrize("name", TAGGED)
def test_a_tag_brings_as_many_classes_as_in_timm(name):
    with torch.device("meta"):
        heads = {k: v for k, v in shapes(scratch_model(name)).items() if k in ("head.weight", "head.fc.weight")}
    config = get_pretrained_cfg(name)
    assert config is not None
    assert [shape[0] for shape in heads.values()] == ([config.num_classes] if config.num_classes else [])


def test_the_list_covers_the_plain_names():
    assert len(NAMES) == len(set(NAMES)) == 37
    assert len(TAGGED) == 73
    assert "vit_tiny_patch16_224" in NAMES
    assert "deit_base_distilled_patch16_384" in NAMES
    assert "swin_base_patch4_window12_384" in NAMES
    assert set(NAMES) <= set(timm.list_models())


def test_timms_other_names_are_refused():
    others = set(timm.list_models(["vit_*", "deit*", "swin*"])) - set(NAMES)
    assert len(others) > 100
    for name in others:
        with pytest.raises(ModelError, match="There is no from-scratch model"):
            scratch_model(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("vit_base_patch16_clip_224", "CLIP, SigLIP and DINOv2 variants, are timm models"),
        ("vit_base_patch14_dinov2.lvd142m", "CLIP, SigLIP and DINOv2 variants, are timm models"),
        ("resnet50", "There is no from-scratch model 'resnet50': there are plain ViTs"),
        ("", "There is no from-scratch model ''"),
        ("vit_tiny_patch16_225", "Did you mean vit_tiny_patch16_224?"),
        ("vit_tiny_patch16_224.", "the tag '' is unknown; leave it out"),
        ("vit_tiny_patch16_224.made_up", "the tag 'made_up' is unknown; leave it out"),
        ("../vit_tiny_patch16_224", "There is no from-scratch model"),
    ],
)
def test_what_is_not_covered_is_refused_in_a_sentence(name, sentence):
    with pytest.raises(ModelError) as refusal:
        scratch_model(name)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_it_is_untrained_in_eval_mode_and_of_the_asked_classes_and_size():
    network = scratch_model("vit_tiny_patch16_224", classes=7, image_size=(64, 96))
    assert not any(module.training for module in network.modules())
    assert network.state_dict()["pos_embed"].shape == (1, 1 + 4 * 6, 192)
    assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 7)
    swin = scratch_model("swin_tiny_patch4_window7_224", classes=3, image_size=(64, 96))
    assert swin(torch.zeros(1, 3, 64, 96)).shape == (1, 3)


@pytest.mark.parametrize("image_size", [(225, 224), (0, 224)])
def test_an_impossible_size_is_refused(image_size):
    with pytest.raises(ModelError, match="multiples of 16"):
        scratch_model("vit_tiny_patch16_224", image_size=image_size)


def test_an_impossible_number_of_classes_is_refused():
    with pytest.raises(ModelError, match="-1 classes"):
        scratch_model("vit_tiny_patch16_224", classes=-1)


@pytest.mark.parametrize(
    ("name", "size"), [("vit_tiny_patch16_224", (256, 256)), ("swin_tiny_patch4_window7_224", (160, 256))]
)
def test_a_timm_model_of_another_size_loads_into_ours_of_that_size(name, size):
    theirs = timm.create_model(name, img_size=size).state_dict()
    missing, unexpected = scratch_model(name, image_size=size).load_state_dict(theirs, strict=True)
    assert missing == unexpected == []


def test_it_neither_imports_timm_nor_touches_the_network():
    """In a process of its own, in which any look-up or connection is an error."""
    code = """
import sys
def watch(event, args):
    if event.startswith("socket."):
        raise RuntimeError(f"touched the network: {event}")
sys.addaudithook(watch)
from vit.models import scratch_model
for name in ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", "deit_tiny_patch16_224", "swin_tiny_patch4_window7_224"):
    scratch_model(name)
assert "timm" not in sys.modules and "torchvision" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

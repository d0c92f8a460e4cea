"""The numbers of the lesson against the network's own answer and the record's own attention."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import add_noise
from vit.capture import record_attention
from vit.errors import ModelError
from vit.lesson import work_through
from vit.models.swin import Swin
from vit.models.vision_model import Preprocessing, VisionModel
from vit.models.vit import ViT

LABELS = ("cat", "dog", "bird")


def tiny(distilled: bool = False, size: tuple[int, int] = (32, 32)) -> VisionModel:
    torch.manual_seed(0)
    network = ViT((32, 32), patch=8, width=24, depth=2, heads=3, classes=3, distilled=distilled)
    network = add_noise(network, 0.3).eval().requires_grad_(False)
    return VisionModel("tiny", network, Preprocessing(size), LABELS, "random")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize("distilled", [False, True])
@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
def test_queries_and_keys_give_the_records_own_attention(image, distilled, size):
    model = tiny(distilled, size)
    worked = work_through(model, image)
    scores = worked.queries @ worked.keys.mT / math.sqrt(8)  # (heads, tokens, tokens)
    weights = record_attention(model, image).layers[0].weights[0]
    assert torch.allclose(scores.softmax(-1), weights, atol=1e-6)


@pytest.mark.parametrize("distilled", [False, True])
def test_the_last_step_is_the_networks_own_answer(image, distilled):
    model = tiny(distilled)
    worked = work_through(model, image)
    logits = record_attention(model, image).logits
    assert torch.allclose(worked.logits, logits, atol=1e-6)
    assert torch.allclose(worked.lens[-1], logits.softmax(-1), atol=1e-6)
    assert worked.lens.shape == (3, 3) and worked.lengths.shape == (2, 3)


def test_a_patch_and_its_place_add_up_to_the_first_layers_token(image):
    model = tiny()
    worked = work_through(model, image)
    pixels = model.prepare(image)
    assert torch.equal(worked.patches + worked.places, model.network.embed(pixels)[0])  # type: ignore[operator]
    corner = pixels[0, :, :8, 8:16]  # the patch in row 0, column 1
    filters, bias = model.network.patch_embed.proj.weight, model.network.patch_embed.proj.bias  # type: ignore[union-attr]
    by_hand = (filters * corner).sum((1, 2, 3)) + bias  # type: ignore[operator]
    assert torch.allclose(worked.patches[1 + 1], by_hand, atol=1e-5)


def test_the_lengths_are_those_of_what_each_layer_adds_to_cls(image):
    model = tiny()
    worked = work_through(model, image)
    with torch.no_grad():
        before = model.network.embed(model.prepare(image))  # type: ignore[operator]
        after = model.network.blocks[0](before)  # type: ignore[index]
    block: Any = model.network.blocks[0]  # type: ignore[index]
    assert worked.lengths[0, 0] == pytest.approx(float(before[0, 0].norm()), rel=1e-5)
    assert worked.lengths[0, 1] == pytest.approx(float(block.attn(block.norm1(before))[0, 0].norm()), rel=1e-5)
    assert worked.lengths[1, 0] == pytest.approx(float(after[0, 0].norm()), rel=1e-5)


def test_another_network_is_a_sentence_that_names_models_that_will_do(image):
    network = Swin((32, 32), patch=4, width=12, depths=(2,), heads=(2,), windows=(4,), classes=3).eval()
    with pytest.raises(ModelError, match="vit_imagenette"):
        work_through(VisionModel("other", network, Preprocessing((32, 32)), LABELS, "random"), image)

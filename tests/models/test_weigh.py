import pytest
import torch

from vit.capture import record_attention
from vit.models import load_model
from vit.models.weigh import weigh


@pytest.mark.parametrize("name", ["test_vit", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "cait_xxs24_224"])
def test_a_model_weighs_what_it_then_takes(name):
    model, weight = load_model(name, weights="random"), weigh(name)
    record = record_attention(model, torch.zeros(8, 8, 3, dtype=torch.uint8).numpy())
    assert weight is not None
    assert weight.weights == sum(each.numel() * each.element_size() for each in model.network.parameters())
    assert weight.maps == pytest.approx(sum(4 * layer.weights.numel() for layer in record.layers), rel=0.01)


def test_bundled_models_are_weighed_by_their_cards(bundle):
    bundle("tiny")
    weight = weigh("tiny")
    assert weight is not None and weight.maps == 2 * 3 * 17 * 17 * 4


def test_what_is_no_model_has_no_weight():
    assert weigh("no_such_model") is None

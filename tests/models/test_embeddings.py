from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.families import tiny_model
from vit.errors import ModelError
from vit.models.embeddings import patch_filters, position_embeddings

PLACED = ("vit", "deit", "eva02", "dinov2 with registers", "siglip", "our vit", "our deit")
RELATIVE = ("beit", "swin", "swinv2", "our swin")


@pytest.mark.parametrize("family", PLACED)
def test_each_place_has_the_embedding_that_its_patch_gets(family):
    model = tiny_model(family, (32, 48))
    found = position_embeddings(model)
    assert found.shape == (4, 6, 32)
    network: Any = model.network
    stored = network.pos_embed[0]
    assert torch.equal(found.reshape(24, 32), stored[-24:])
    assert len(stored) - 24 == {"vit": 1, "deit": 2, "eva02": 1, "our vit": 1, "our deit": 2}.get(family, 0)


@pytest.mark.parametrize("family", RELATIVE)
def test_networks_that_know_places_otherwise_are_refused(family):
    with pytest.raises(ModelError, match="adds no position embeddings"):
        position_embeddings(tiny_model(family))


def test_embeddings_with_their_channels_first_are_read_by_place():
    """As Hiera and SAM 2 have them; where a second part is added window by window, they are refused."""
    network: Any = torch.nn.Module()
    network.patch_embed = torch.nn.Module()
    network.patch_embed.proj = torch.nn.Conv2d(3, 8, 4)
    network.pos_embed = torch.nn.Parameter(torch.rand(1, 8, 5, 7))
    found = position_embeddings(replace(tiny_model("vit"), network=network))
    assert found.shape == (5, 7, 8) and torch.equal(found[2, 3], network.pos_embed[0, :, 2, 3])
    network.pos_embed_window = torch.nn.Parameter(torch.zeros(1, 8, 2, 2))
    with pytest.raises(ModelError, match="On which grid"):
        position_embeddings(replace(tiny_model("vit"), network=network))


def test_embeddings_that_fit_no_grid_are_refused():
    network: Any = torch.nn.Module()
    network.pos_embed = torch.nn.Parameter(torch.zeros(1, 18, 8))
    network.grid = (4, 4)
    with pytest.raises(ModelError, match="On which grid"):
        position_embeddings(replace(tiny_model("vit"), network=network))


@pytest.mark.parametrize("family", [*PLACED, *RELATIVE])
def test_filters_are_the_weights_for_pixels_from_0_to_1(family):
    model = tiny_model(family)
    network: Any = model.network
    filters, proj = patch_filters(model), network.patch_embed.proj
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (model.prepare.mean, model.prepare.std))
    with torch.no_grad():
        as_the_network = proj((pixels - mean) / std) - proj(-mean.expand_as(pixels) / std)
    ours = torch.nn.functional.conv2d(pixels, filters, stride=proj.stride)
    assert torch.allclose(ours, as_the_network, atol=1e-4)


def test_more_than_one_map_before_the_tokens_is_refused():
    network: Any = torch.nn.Module()
    network.patch_embed = torch.nn.Module()
    network.patch_embed.proj = torch.nn.Conv2d(64, 8, 1)
    with pytest.raises(ModelError, match="one linear map"):
        patch_filters(replace(tiny_model("vit"), network=network))

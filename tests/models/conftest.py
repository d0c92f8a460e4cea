"""Fixtures for models: a stand-in hub, an empty cache of its own, and a folder of bundled checkpoints."""

from pathlib import Path

import pytest

from tests.checkpoints import add_checkpoint
from tests.hub import SMALL, running_hub


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty hub cache; the variables that would lead elsewhere are taken away."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "VIT_OFFLINE", "VIT_DOWNLOAD_DEADLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "hf" / "hub"


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory) -> bytes:
    """A real safetensors file for ``SMALL``, with random numbers in every tensor, so that zeros can't hide a gap."""
    import timm
    import torch
    from safetensors.torch import save

    generator = torch.Generator().manual_seed(7)
    state = timm.create_model(SMALL).state_dict()
    return save({k: v + 0.05 * torch.randn(v.shape, generator=generator) for k, v in state.items()})


@pytest.fixture
def hub(cache, small_weights, monkeypatch):
    """The stand-in hub, which holds ``SMALL``; downloads go to ``cache``."""
    with running_hub() as hub:
        hub.files[f"timm/{SMALL}/model.safetensors"] = small_weights
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """``add_checkpoint`` for a folder that stands for assets/weights (``.folder``)."""
    from vit.models import bundled

    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(bundled, "FOLDER", folder)

    def add(name: str, **options):
        return add_checkpoint(folder, name, **options)

    add.folder = folder
    return add

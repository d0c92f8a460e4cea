"""Fixtures for models: a stand-in hub, an empty cache of its own, and a folder of bundled checkpoints."""

import json
from pathlib import Path

import pytest

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
    """A function that adds a tiny ViT (32 px, two layers) to a folder that stands for assets/weights (``.folder``)."""
    import torch
    from safetensors.torch import save_file

    from vit.models import bundled
    from vit.models.vit import ViT

    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(bundled, "FOLDER", folder)

    def add(name: str, top1: float = 61.25, network: str = "vit", **changes):
        shape = {"image_size": [32, 32], "patch": 8, "width": 24, "depth": 2, "heads": 3}
        torch.manual_seed(1)
        built = ViT(**{**shape, "image_size": (32, 32)}, classes=2, distilled=network == "deit")
        save_file({k: v.half().contiguous() for k, v in built.state_dict().items()}, folder / f"{name}.safetensors")
        card = {
            "network": network,
            "shape": shape,
            "labels": ["church", "tench"],
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "interpolation": "bicubic",
            "data": "Imagenette",
            "top1": top1,
            "pictures": 80,
            **changes,
        }
        (folder / f"{name}.json").write_text(json.dumps({k: v for k, v in card.items() if v is not None}))
        return built

    add.folder = folder
    return add

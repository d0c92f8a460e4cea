"""Tiny models of every family that this project vouches for: 32 px, two layers, noise on every parameter.

Zero-initialised gates, biases and embeddings hide errors; noise of 0.05 on every parameter brings them out.
"""

from functools import cache

import numpy as np
import torch

from vit.models.vision_model import Preprocessing, VisionModel

PLAIN = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 10}
WINDOWS = {
    "img_size": 32,
    "patch_size": 2,
    "window_size": 4,
    "embed_dim": 16,
    "depths": (2, 2),
    "num_heads": (2, 4),
    "num_classes": 10,
}

TIMM = {
    "vit": ("vit_tiny_patch16_224", PLAIN),
    "deit": ("deit_tiny_distilled_patch16_224", PLAIN),
    "beit": ("beit_base_patch16_224", PLAIN),
    "eva02": ("eva02_tiny_patch14_224", PLAIN),
    "dinov2 with registers": ("vit_small_patch14_reg4_dinov2", PLAIN),
    "siglip": ("vit_base_patch16_siglip_224", PLAIN),
    "swin": ("swin_tiny_patch4_window7_224", WINDOWS),
    "swinv2": ("swinv2_tiny_window8_256", WINDOWS),
}
OURS = ("our vit", "our deit", "our swin")
FAMILIES = (*TIMM, *OURS)
WINDOWED = ("swin", "swinv2", "our swin")


def add_noise(network: torch.nn.Module, amount: float = 0.05, seed: int = 0) -> torch.nn.Module:
    """Noise on every parameter, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += amount * torch.randn(parameter.shape, generator=generator)
    return network


@cache
def tiny_model(family: str, size: tuple[int, int] = (32, 32)) -> VisionModel:
    """A model of a family for pictures of ``size``; shared by all tests, so a test that changed it would be seen."""
    torch.manual_seed(0)
    network = _network(family, size)
    add_noise(network).eval().requires_grad_(False)
    return VisionModel(
        name=f"tiny {family}",
        network=network,
        prepare=Preprocessing(size),
        labels=tuple(f"class {i}" for i in range(10)),
        provenance="random",
    )


def _network(family: str, size: tuple[int, int]) -> torch.nn.Module:
    if family == "our swin":
        from vit.models.swin import Swin

        return Swin(image_size=size, patch=2, width=16, depths=(2, 2), heads=(2, 4), windows=(4, 4), classes=10)
    if family in OURS:
        from vit.models.vit import ViT

        return ViT(size, patch=8, width=32, depth=2, heads=2, classes=10, distilled=family == "our deit")
    import timm

    name, shape = TIMM[family]
    return timm.create_model(name, **{**shape, "img_size": size})


def photo(seed: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """A picture with something in it: noise of several sizes, RGB uint8 ``(height, width, 3)``."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)[:height, :width]
    return np.clip(coarse + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)

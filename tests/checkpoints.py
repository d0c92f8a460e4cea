"""Small bundled checkpoints, for folders that stand for assets/weights."""

import json
from pathlib import Path


def add_checkpoint(folder: Path, name: str, top1: float = 61.25, network: str = "vit", **changes):
    """Writes a tiny ViT (32 px, two layers) and its card into ``folder``, and returns the network as built.

    ``changes`` go into the card; a field that is None is left out of it.
    """
    import torch
    from safetensors.torch import save_file

    from vit.models.vit import ViT

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

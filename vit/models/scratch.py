"""Our own networks by timm's names: the shapes, and nothing that needs timm or a network connection.

Sources of the shapes: Dosovitskiy et al. 2021 (table 1) and Zhai et al. 2022, "Scaling Vision Transformers",
https://arxiv.org/abs/2106.04560, for ViT; Touvron et al. 2021 (table 1) for DeiT; Liu et al. 2021 (section 3.3) for
Swin; Chen et al. 2021, https://arxiv.org/abs/2111.14725, for Swin-S3.

To load a timm checkpoint, build the network in the checkpoint's own size and load its state dict strictly. The
network may then be shown pictures of any other size; there is no need to build it anew.
"""

import re
from difflib import get_close_matches

from torch import nn

from vit.errors import ModelError
from vit.models.swin import Swin
from vit.models.vit import ViT

# ViT and DeiT, by size.
_VITS = {
    "tiny": {"width": 192, "depth": 12, "heads": 3},
    "small": {"width": 384, "depth": 12, "heads": 6},
    "base": {"width": 768, "depth": 12, "heads": 12},
    "large": {"width": 1024, "depth": 24, "heads": 16},
    "huge": {"width": 1280, "depth": 32, "heads": 16},
    "giant": {"width": 1408, "depth": 40, "heads": 16, "mlp_ratio": 48 / 11},
    "gigantic": {"width": 1664, "depth": 48, "heads": 16, "mlp_ratio": 64 / 13},
}

# Swin, by size: four stages. The windows of Swin-S3 were searched for with the rest of its shape.
_SWINS = {
    "tiny": {"width": 96, "depths": (2, 2, 6, 2), "heads": (3, 6, 12, 24)},
    "small": {"width": 96, "depths": (2, 2, 18, 2), "heads": (3, 6, 12, 24)},
    "base": {"width": 128, "depths": (2, 2, 18, 2), "heads": (4, 8, 16, 32)},
    "large": {"width": 192, "depths": (2, 2, 18, 2), "heads": (6, 12, 24, 48)},
    "s3_tiny": {"width": 96, "depths": (2, 2, 6, 2), "heads": (3, 6, 12, 24), "windows": (7, 7, 14, 7)},
    "s3_small": {"width": 96, "depths": (2, 2, 18, 2), "heads": (3, 6, 12, 24), "windows": (14, 14, 14, 7)},
    "s3_base": {"width": 96, "depths": (2, 2, 30, 2), "heads": (3, 6, 12, 24), "windows": (7, 7, 14, 7)},
}

# Every name of timm 1.0 whose parameters are exactly ours, in name and shape.
_NAMES = (
    "vit_tiny_patch16_224",
    "vit_tiny_patch16_384",
    "vit_small_patch8_224",
    "vit_small_patch16_224",
    "vit_small_patch16_384",
    "vit_small_patch32_224",
    "vit_small_patch32_384",
    "vit_base_patch8_224",
    "vit_base_patch16_224",
    "vit_base_patch16_384",
    "vit_base_patch32_224",
    "vit_base_patch32_384",
    "vit_large_patch14_224",
    "vit_large_patch16_224",
    "vit_large_patch16_384",
    "vit_large_patch32_224",
    "vit_large_patch32_384",
    "vit_huge_patch14_224",
    "vit_giant_patch14_224",
    "vit_gigantic_patch14_224",
    "deit_tiny_patch16_224",
    "deit_small_patch16_224",
    "deit_base_patch16_224",
    "deit_base_patch16_384",
    "deit_tiny_distilled_patch16_224",
    "deit_small_distilled_patch16_224",
    "deit_base_distilled_patch16_224",
    "deit_base_distilled_patch16_384",
    "swin_tiny_patch4_window7_224",
    "swin_small_patch4_window7_224",
    "swin_base_patch4_window7_224",
    "swin_base_patch4_window12_384",
    "swin_large_patch4_window7_224",
    "swin_large_patch4_window12_384",
    "swin_s3_tiny_224",
    "swin_s3_small_224",
    "swin_s3_base_224",
)
_PARTS = re.compile(
    r"(?P<family>vit|deit|swin)_(?P<size>(s3_)?[a-z]+?)(?P<distilled>_distilled)?"
    r"(_patch(?P<patch>\d+))?(_window(?P<window>\d+))?_(?P<pixels>\d+)"
)

# What stands behind the dot says what weights were trained on, and with it how many classes there are.
_TAG_CLASSES = {
    "augreg_in1k": 1000,
    "augreg_in21k_ft_in1k": 1000,
    "augreg2_in21k_ft_in1k": 1000,
    "orig_in21k_ft_in1k": 1000,
    "sam_in1k": 1000,
    "fb_in1k": 1000,
    "ms_in1k": 1000,
    "ms_in22k_ft_in1k": 1000,
    "untrained": 1000,
    "augreg_in21k": 21843,
    "ms_in22k": 21841,
    "bamboo": 115217,
    "orig_in21k": 0,  # from here on without a classifier
    "dino": 0,
    "mae": 0,
}
# Names whose weights in timm have no classifier, if no tag says otherwise.
_HEADLESS = ("vit_small_patch8_224", "vit_large_patch32_224", "vit_huge_patch14_224")


def scratch_names() -> list[str]:
    """The names that ``scratch_model`` knows."""
    return list(_NAMES)


def scratch_model(name: str, classes: int | None = None, image_size: tuple[int, int] | None = None) -> nn.Module:
    """Our own network, untrained and in eval mode, in the shape and with the parameter names that timm gives ``name``.

    ``classes`` is as many as timm gives the name and its tag, unless said otherwise; with 0 there is no classifier.
    ``image_size`` is (height, width) in pixels, the name's own unless said otherwise. Raises ModelError for a name
    that is not in ``scratch_names()`` (a tag of timm's may follow it, behind a dot) and for sizes that can't be.
    """
    plain, dot, tag = name.partition(".")
    if plain not in _NAMES or (dot and tag not in _TAG_CLASSES):
        raise ModelError(_refusal(name))
    if classes is None:
        classes = _TAG_CLASSES[tag] if dot else 0 if plain in _HEADLESS else 1000
    if classes < 0:
        raise ModelError(f"A model can't have {classes} classes: give 1 or more, or 0 for none.")
    parts = _PARTS.fullmatch(plain)
    assert parts is not None  # every name above has this form; a test holds it to that
    image_size = image_size or (int(parts["pixels"]), int(parts["pixels"]))
    if parts["family"] == "swin":
        windows = {"windows": (int(parts["window"]),) * 4} if parts["window"] else {}
        return Swin(image_size, classes=classes, **windows, **_SWINS[parts["size"]]).eval()
    distilled = parts["distilled"] is not None
    return ViT(image_size, int(parts["patch"]), classes=classes, distilled=distilled, **_VITS[parts["size"]]).eval()


def _refusal(name: str) -> str:
    sentence = (
        f"There is no from-scratch model {name!r}: there are plain ViTs (vit_SIZE_patchP_PIXELS), DeiTs (deit_…) and "
        f"Swins (swin_…); others, such as the CLIP, SigLIP and DINOv2 variants, are timm models (load_model)."
    )
    plain, _, tag = name.partition(".")
    if plain in _NAMES:
        return f"There is no from-scratch model {name!r}: the tag {tag!r} is unknown; leave it out."
    close = get_close_matches(plain, _NAMES, n=1, cutoff=0.8)
    return f"{sentence} Did you mean {close[0]}?" if close else sentence

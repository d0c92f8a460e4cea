"""The model to begin with: the best one whose weights are at hand. Imports neither torch nor timm."""

import os
import re

from vit.errors import ModelError
from vit.models.bundled import bundled_names, read_card
from vit.models.hub_cache import cached_timm_names

# Clear maps first, then size: what a Space or a lecturer is likely to have fetched, and quick enough on two cores.
_PREFERRED = (
    "deit_small_distilled_patch16_224",
    "deit_small_patch16_224",
    "vit_small_patch16_224",
    "deit3_small_patch16_224",
    "deit_base_patch16_224",
    "vit_base_patch16_224",
    "deit_tiny_patch16_224",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
)
# Families whose maps can be shown (tests/models/test_default.py tries a member of each).
_FAMILIES = (
    *("vit_tiny_patch", "vit_small_patch", "vit_base_patch", "deit_", "deit3_", "beit_", "beitv2_", "eva02_"),
    *("swin_", "swinv2_tiny", "swinv2_small", "swinv2_base"),
)
_CLASSIFIER = re.compile(r"(^|_)in1k(_\d+)?$")  # a tag that ends so was last trained to tell ImageNet's 1,000 classes


def is_offline() -> bool:
    """Whether ``VIT_OFFLINE`` restricts us to the bundled models."""
    return os.environ.get("VIT_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def default_model() -> str:
    """A timm classifier with attention over tokens that lies in the hub's cache, else the best bundled model.

    ModelError if there is neither.
    """
    if not is_offline():
        at_hand = [name for name in cached_timm_names() if _CLASSIFIER.search(name.partition(".")[2])]
        for wanted in _PREFERRED:
            for name in at_hand:
                if name.partition(".")[0] == wanted:
                    return name
        for name in at_hand:
            if name.startswith(_FAMILIES):
                return name
    for name in bundled_names():
        try:
            read_card(name)
        except ModelError:
            continue
        return name
    raise ModelError("No model is at hand: none is bundled, and none has been downloaded. Name one, or train one.")


def works_offline() -> str:
    """The sentence that ends an error about the network: which models need none."""
    bundled = bundled_names()
    cached = [] if is_offline() else cached_timm_names()
    if not bundled and not cached:
        return "No model works without a network yet: none is bundled, and none has been downloaded."
    parts = []
    if bundled:
        parts.append(f"The bundled models work without one: {_some(bundled)}.")
    if cached:
        parts.append(f"So do those already on this machine: {_some(cached)}." if bundled else "")
        parts.append("" if bundled else f"The models already on this machine work without one: {_some(cached)}.")
    return " ".join(filter(None, parts))


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")

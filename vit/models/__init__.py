"""A VisionModel from a name: a bundled checkpoint, or any timm model.

Importing this package imports neither torch nor timm; they come with the first model.
"""

import os
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import ModelError
from vit.models.bundled import bundled_names, describe, load_bundled
from vit.models.default import default_model, is_offline, works_offline
from vit.models.download import Progress
from vit.models.hub_cache import cached_timm_names

if TYPE_CHECKING:
    from vit.models.scratch import scratch_model as scratch_model
    from vit.models.sizes import resized as resized
    from vit.models.vision_model import VisionModel as VisionModel

__all__ = [
    "VisionModel",
    "bundled_names",
    "cached_timm_names",
    "default_model",
    "describe",
    "list_models",
    "load_model",
    "resized",
    "scratch_model",
    "works_offline",
]

_LAZY = {"scratch_model": "scratch", "resized": "sizes", "VisionModel": "vision_model"}


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module 'vit.models' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"vit.models.{_LAZY[name]}"), name)


def load_model(
    name: str,
    weights: str | os.PathLike = "pretrained",
    *,
    progress: Progress | None = None,
    deadline: float | None = None,
    cancel: threading.Event | None = None,
) -> "VisionModel":
    """A model by name, ready to look at pictures; people who load the same name share one network.

    ``name``: a bundled model, or a timm model from ``timm.list_models(pretrained=True)``, with or without its tag.
    ``weights``: "pretrained"; "random" (untrained, then any timm architecture will do, and everything made with it says
    so); or the path of a ``.safetensors`` file that fits the model exactly.

    If weights must be downloaded, ``progress(done, total)`` is called with bytes while they come (total is 0 while
    unknown), for at most ``deadline`` seconds (default ``VIT_DOWNLOAD_DEADLINE`` or 120), until ``cancel`` is set.

    ModelError, as a sentence, if the name is unknown or the weights can't be had. Never random weights instead.
    """
    from vit.models.timm_models import load_timm, looks_like_name

    if not looks_like_name(name):
        raise ModelError(
            "A model's name is made of letters, digits, dots, dashes and underscores, such as vit_small_patch16_224; "
            "addresses and folders are not taken."
        )
    weights = _checked(weights)
    if name in bundled_names():
        return load_bundled(name, weights)
    if weights == "pretrained" and is_offline():
        raise ModelError(f"{name} is not bundled, and VIT_OFFLINE allows only bundled models. {works_offline()}")
    return load_timm(name, weights, works_offline, progress, deadline, cancel)


def list_models(pattern: str = "*") -> list[str]:
    """The names that ``load_model`` takes: bundled ones first, then timm's with their tags.

    ``pattern`` is matched against the whole name, as in a shell. ``VIT_OFFLINE=1`` leaves the bundled ones.
    """
    names = bundled_names()
    if not is_offline():
        from vit.models.timm_models import timm_names

        names += timm_names()
    return [name for name in names if fnmatchcase(name, pattern)]


def _checked(weights: str | os.PathLike) -> str | Path:
    """``weights`` as "pretrained", "random" or a path; ModelError for anything else."""
    if weights in ("pretrained", "random"):
        return str(weights)
    if isinstance(weights, str | os.PathLike):
        path = Path(weights)
        if path.suffix == ".safetensors":
            return path
    raise ModelError('Weights are "pretrained", "random" or the path of a .safetensors file.')

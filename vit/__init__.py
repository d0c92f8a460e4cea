"""See what a Vision Transformer looks at: every layer's attention, exactly, and drawn over the picture.

    model = load_model("deit_small_patch16_224")
    image = load_image("photo.jpg")
    record = record_attention(model, image)
    picture = overlay(image, explain(record, "rollout"))
    explore(image, model)  # the explorer in a notebook's cell, or as one file: explore(image, model).save("photo.html")

Names are imported when they are first used, so that ``import vit`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit.ablation import what_if as what_if
    from vit.attention import AttentionRecord as AttentionRecord
    from vit.attention import Grid as Grid
    from vit.attention import Heatmap as Heatmap
    from vit.attention import LayerAttention as LayerAttention
    from vit.attention import TokenLayout as TokenLayout
    from vit.capture import record_attention as record_attention
    from vit.errors import BudgetError as BudgetError
    from vit.errors import CaptureError as CaptureError
    from vit.errors import ImageError as ImageError
    from vit.errors import MethodError as MethodError
    from vit.errors import ModelError as ModelError
    from vit.errors import VitError as VitError
    from vit.image import load_image as load_image
    from vit.measures import list_measures as list_measures
    from vit.measures import measure as measure
    from vit.methods import explain as explain
    from vit.methods import list_methods as list_methods
    from vit.models import list_models as list_models
    from vit.models import load_model as load_model
    from vit.models.vision_model import Preprocessing as Preprocessing
    from vit.render import overlay as overlay
    from vit.truth.check import check as check
    from vit.ui.standalone import explore as explore

_HOME = {
    "vit.attention": ("AttentionRecord", "Grid", "Heatmap", "LayerAttention", "TokenLayout"),
    "vit.capture": ("record_attention",),
    "vit.errors": ("BudgetError", "CaptureError", "ImageError", "MethodError", "ModelError", "VitError"),
    "vit.image": ("load_image",),
    "vit.measures": ("list_measures", "measure"),
    "vit.methods": ("explain", "list_methods"),
    "vit.models": ("list_models", "load_model"),
    "vit.models.vision_model": ("Preprocessing",),
    "vit.render": ("overlay",),
    "vit.truth.check": ("check",),
    "vit.ui.standalone": ("explore",),
    "vit.ablation": ("what_if",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str):
    if name not in _MODULE:
        raise AttributeError(f"module 'vit' has no attribute {name!r}")
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return __all__

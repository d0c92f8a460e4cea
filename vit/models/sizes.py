"""The same model for pictures of another size."""

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from vit.errors import ModelError, VitError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vit.models.vision_model import VisionModel

MEMORY_LIMIT = 2 * 1024**3  # bytes of maps that one picture may make, unless the caller says otherwise


def resized(model: "VisionModel", size: tuple[int, int], memory_limit: int = MEMORY_LIMIT) -> "VisionModel":
    """``model`` for inputs of ``size``, (height, width) in pixels; the given model and its network stay as they are.

    A network that takes any size is shared and only the preparation changes. One that is built for a size is built
    anew for the other by timm, from the same weights, with position embeddings and biases resampled as timm does it
    for a checkpoint. ModelError if the size does not fit; BudgetError if the maps of one picture would take far more
    than ``memory_limit`` bytes.
    """
    height, width = sides(size)
    own = model.prepare.size
    if (height, width) == tuple(own):
        return model
    patch_rows, patch_cols = _patch(model.network)
    if height % patch_rows or width % patch_cols:
        raise ModelError(
            f"{model.name} cuts pictures into patches of {patch_rows}×{patch_cols} pixels, "
            f"so {height}×{width} (height × width) does not fit: take multiples of the patch."
        )
    if height * width > own[0] * own[1]:
        from vit.models.too_large import check_size

        check_size(model.name, model.network, (height, width), memory_limit)
    other = replace(model, prepare=replace(model.prepare, size=(height, width)))
    if type(model.network).__module__.startswith("vit."):
        return other  # ours take any multiple of their patch
    if type(model.network).__module__.startswith("timm."):
        other = replace(other, network=_built_for(model, (height, width)))
    try:
        tried(other.network, (height, width))
    except ModelError as error:
        raise _does_not_fit(model, (height, width)) from error
    return other


def sides(size: tuple[int, int]) -> tuple[int, int]:
    """A size as it was given, if it is one: two whole numbers of at least 1. ModelError if it is none."""
    try:
        height, width = (int(side) for side in size)
        whole = (height, width) == tuple(size)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError("An input size is two whole numbers: height and width in pixels.") from error
    if not whole or min(height, width) < 1:
        raise ModelError("An input size is two whole numbers of at least 1: height and width in pixels.")
    return height, width


def _patch(network: "nn.Module") -> tuple[int, int]:
    """(height, width) of the patches that the picture is cut into; (1, 1) for a network without such patches."""
    embedding = _patch_embedding(network)
    ratio = getattr(embedding, "feat_ratio", None)  # timm's: a hybrid's patches are larger than its last convolution
    stride = getattr(getattr(embedding, "proj", None), "stride", None)  # PVT's patches overlap: the stride counts
    patch = ratio(as_scalar=False) if callable(ratio) else stride or getattr(embedding, "patch", None)
    if isinstance(patch, int):
        return patch, patch
    if isinstance(patch, tuple | list) and len(patch) == 2 and all(isinstance(side, int) for side in patch):
        return patch[0], patch[1]
    return 1, 1


def _patch_embedding(network: "nn.Module") -> "nn.Module | None":
    """What cuts the picture into patches: the network's own, or that of a part of it (DeepSeek's is its encoder's)."""
    if (own := getattr(network, "patch_embed", None)) is not None:
        return own
    for name, module in network.named_modules():
        channels = getattr(getattr(module, "proj", None), "in_channels", None)
        if name.endswith(".patch_embed") and channels == 3:  # others cut up tokens, between stages
            return module
    return None


def _built_for(model: "VisionModel", size: tuple[int, int]) -> "nn.Module":
    """A timm network of this size with the model's weights; the model's own network if timm builds it for no size."""
    import timm

    weights = model.network.state_dict()
    try:
        with warnings.catch_warnings():
            # timm resamples position biases by means that torch warns of: no refusal, even where warnings are errors.
            warnings.simplefilter("ignore", UserWarning)
            network = timm.create_model(
                model.name, pretrained=True, img_size=size, pretrained_cfg_overlay={"state_dict": weights}
            )
    except TypeError as error:
        if "img_size" in str(error):
            return model.network
        raise _does_not_fit(model, size) from error
    except Exception as error:  # each family refuses in its own way
        raise _does_not_fit(model, size) from error
    if set(network.state_dict()) != set(weights):
        raise _does_not_fit(model, size)
    configuration: dict = vars(network)["pretrained_cfg"]
    configuration.pop("state_dict", None)  # a second copy of the weights
    return network.eval().requires_grad_(False)


def tried(network: "nn.Module", size: tuple[int, int]) -> "Tensor":
    """What a network answers to an empty picture of a size, (height, width); ModelError, in its words, if it can't.

    To run it is the only way to know.
    """
    import torch

    from vit.models.answer import answer_of

    try:
        with torch.no_grad():
            return answer_of(network(torch.zeros(1, 3, *size)))
    except VitError:
        raise
    except Exception as error:  # each network refuses in its own way
        rows, cols = size
        raise ModelError(
            f"{type(network).__name__} can't take pictures of {rows}×{cols} (height × width): {said(error)}."
        ) from error


def said(error: Exception) -> str:
    """The first line of an error's words, without a stop; its kind, if it has none."""
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _does_not_fit(model: "VisionModel", size: tuple[int, int]) -> ModelError:
    height, width = model.prepare.size
    return ModelError(
        f"{model.name} can't take pictures of {size[0]}×{size[1]} (height × width); its own size is {height}×{width}."
    )

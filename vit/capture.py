"""record_attention(): every layer's attention in one forward pass, exactly, from many threads at once.

Nothing is attached to the network. Which of its products are attention, and where their rows and columns sit on the
picture, is known before: the network was traced once (vit/models/layouts). While a picture runs, a torch function
mode, which torch keeps for each thread apart, counts the products and keeps the matrices of those that were found:

- of a call of ``scaled_dot_product_attention``, whose matrix never leaves the fused kernel, it is computed a second
  time from the same queries and keys, and the network's own output stays as it was, bit for bit;
- of a plain product the matrix is one of its factors: what multiplies the values is the map, whatever was done to the
  softmax before (mixed heads, gates, a position's share).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from vit.attention import AttentionRecord, LayerAttention, whole_number
from vit.errors import BudgetError, CaptureError, MethodError, ModelError
from vit.fused import attention_weights
from vit.image import load_image
from vit.models.layouts import Layer, Plan, plan_of
from vit.models.layouts.multihead import MULTIHEAD, multihead
from vit.models.layouts.tracing import FUSED, PRODUCTS
from vit.models.sizes import resized
from vit.models.vision_model import Preprocessing, VisionModel

MEMORY_LIMIT = 2 * 1024**3  # bytes of maps that one record may hold, unless the caller says otherwise


def record_attention(
    model: VisionModel | nn.Module,
    image: Any,
    image_size: tuple[int, int] | None = None,
    target: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Callable[[int, str], None] | None = None,
    prepare: Preprocessing | None = None,
) -> AttentionRecord:
    """Runs a picture through a model and keeps the attention of every layer.

    ``model`` may be any network, torchvision's or your own, in eval mode: then ``prepare`` says how it wants its
    pixels, and its classes have numbers for names. ``image`` is an RGB array ``(height, width, 3)`` or whatever
    ``load_image`` takes. ``image_size`` (height, width) feeds the model at another size than its own. ``target`` is a
    class: its logit's gradient with respect to every map is kept too. ``progress(layers done, layer name)`` is called
    after each layer; an exception that it raises stops the run.

    Raises CaptureError where the model has no attention over picture tokens or a map can't be vouched for, and
    BudgetError before more than ``memory_limit`` bytes of maps are made.
    """
    if isinstance(model, nn.Module):
        model = _named_model(model, prepare)
    if image_size is not None:
        model = resized(model, image_size)
    if target is not None:
        target = _class_of(model, target)
    pixels = model.prepare(load_image(image))  # (1, 3, height, width)
    plan = _checked(model, plan_of(model.network, pixels))
    _reserve(model, plan, memory_limit, with_gradients=target is not None)
    watch = _Watch(model, plan, with_gradients=target is not None, progress=progress)
    if target is None:
        with torch.no_grad(), watch:
            logits = model.network(pixels)
    else:
        # The weights are frozen, so the graph starts at the pixels.
        with torch.enable_grad(), watch:
            logits = model.network(pixels.detach().requires_grad_())
    watch.check_complete()
    if target is None and any(isinstance(module, nn.MultiheadAttention) for module in model.network.modules()):
        # Unwatched, torch takes another way through these modules, which rounds differently: the answer is that one's.
        with torch.no_grad():
            logits = model.network(pixels)
    gradients = _gradients(logits, watch.matrices, target)
    return AttentionRecord(
        model=model.name,
        provenance=model.provenance,
        layers=tuple(_layer(model, *kept) for kept in zip(plan.layers, watch.matrices, gradients, strict=True)),
        logits=logits[0].detach().float(),
        labels=model.labels,
        image_size=(int(pixels.shape[2]), int(pixels.shape[3])),
        target=target,
        without_map=(*plan.channels, *plan.softmaxes),
    )


def _named_model(network: nn.Module, prepare: Preprocessing | None) -> VisionModel:
    """Anybody's network as a model; ModelError if it can't be one yet."""
    name = type(network).__name__
    if prepare is None:
        raise ModelError(f"How {name} wants its pixels is not known: give prepare=Preprocessing((height, width)).")
    if network.training:
        raise ModelError(f"{name} is in training mode, where no two runs are alike: call its eval() first.")
    with torch.no_grad():
        answer = network(torch.zeros(1, 3, *prepare.size))
    classes = answer.shape[1] if isinstance(answer, Tensor) and answer.ndim == 2 else 0
    return VisionModel(name, network, prepare, tuple(map(str, range(classes))), "given")


class _Watch(TorchFunctionMode):
    """Sees every torch function that this thread calls while it is entered, and keeps the planned matrices."""

    def __init__(self, model: VisionModel, plan: Plan, with_gradients: bool, progress):
        super().__init__()
        self.model, self.plan, self.with_gradients, self.progress = model, plan, with_gradients, progress
        self.by_call = {layer.call: layer for layer in plan.layers}
        self.calls = 0
        self.matrices: list[Tensor] = []  # as the network has them, in the plan's order

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is MULTIHEAD:
            with self:
                opened = multihead(*args, **kwargs)
            return function(*args, **kwargs) if opened is None else opened
        if function is not FUSED and function not in PRODUCTS:
            return function(*args, **kwargs)
        layer = self.by_call.get(self.calls)
        self.calls += 1
        if layer is None:
            return function(*args, **kwargs)
        if function is FUSED:
            return self._fused(layer, args, kwargs)
        place = 1 if layer.transposed else 0
        self._keep(layer, args[place] if len(args) > place else next(iter(kwargs.values())))
        return function(*args, **kwargs)

    def _fused(self, layer: Layer, args, kwargs) -> Tensor:
        """The fused call: its matrix once more beside it, or, for gradients, in place of it."""
        query, key, value = args[:3] if len(args) >= 3 else [kwargs.get(n, a) for n, a in _named(args)]
        weights = attention_weights(query, key, *args[3:], **{n: v for n, v in kwargs.items() if n not in _QKV})
        self._keep(layer, weights)
        if not self.with_gradients:
            return F.scaled_dot_product_attention(*args, **kwargs)
        # Part of the graph only if the network goes on with it.
        repeats = query.shape[-3] // value.shape[-3] if query.ndim > 2 else 1
        return weights.to(value.dtype) @ (value if repeats == 1 else value.repeat_interleave(repeats, -3))

    def _keep(self, layer: Layer, matrix: Tensor) -> None:
        shape = tuple(matrix.mT.shape if layer.transposed else matrix.shape)
        if shape != layer.shape:
            raise CaptureError(_otherwise(self.model))
        self.matrices.append(matrix)
        if self.progress:
            self.progress(len(self.matrices), layer.name)

    def check_complete(self) -> None:
        if len(self.matrices) != len(self.plan.layers):
            raise CaptureError(_otherwise(self.model))


_QKV = ("query", "key", "value")


def _named(args: tuple) -> list[tuple[str, Any]]:
    """Query, key and value by name, with those given by position filled in."""
    return [(name, args[i] if i < len(args) else None) for i, name in enumerate(_QKV)]


def _otherwise(model: VisionModel) -> str:
    return f"{model.name} computed otherwise than when its tokens were followed, so its maps can't be vouched for."


def _checked(model: VisionModel, plan: Plan) -> Plan:
    """The plan, if it is whole: a layer that is surely attention must have a map, or a reason why it has none."""
    known = {*(layer.name.partition(":")[0] for layer in plan.layers), *plan.channels, *plan.softmaxes}
    for name, module in model.network.named_modules():
        attention = hasattr(module, "fused_attn") or isinstance(module, nn.MultiheadAttention)
        if attention and name not in known:
            raise CaptureError(f"The attention of layer {name} of {model.name} could not be seen.")
    if plan.layers:
        return plan
    if plan.channels:
        what = "its attention runs between channels, not between places of the picture"
    elif plan.softmaxes:
        what = "it sums up keys and values before any query looks at them, so no map of who looks at whom ever exists"
    else:
        what = "it mixes places with fixed weights, not with attention"
    raise CaptureError(
        f"{model.name} has no attention over picture tokens: {what}. Choose a Vision Transformer, such as a ViT or "
        "a Swin."
    )


def _reserve(model: VisionModel, plan: Plan, memory_limit: int, with_gradients: bool) -> None:
    """Refuses before any memory is taken. A gradient takes as much as its map."""
    size = sum(torch.Size(layer.shape).numel() * 4 for layer in plan.layers) * (2 if with_gradients else 1)
    if size > memory_limit:
        raise BudgetError(
            f"All maps of {model.name} at this size would take {size / 1e9:.1f} GB; the limit is "
            f"{memory_limit / 1e9:.1f} GB. Choose a smaller picture size or a smaller model."
        )


def _class_of(model: VisionModel, target: Any) -> int:
    """The target as a class number of this model; MethodError, naming what is allowed, if it is none."""
    if not model.labels:
        raise MethodError(f"{model.name} has no classifier, so there is no class to take gradients for.")
    number = whole_number(target)
    if number is None or not 0 <= number < len(model.labels):
        raise MethodError(f"Class {target!r} is not in 0 to {len(model.labels) - 1}.")
    return number


def _gradients(logits: Tensor, matrices: list[Tensor], target: int | None) -> list[Tensor | None]:
    """∂(target's logit)/∂(each matrix). ``grad`` rather than ``backward``: nothing is written to the shared network."""
    if target is None:
        return [None] * len(matrices)
    return list(torch.autograd.grad(logits[0, target], matrices))


def _layer(model: VisionModel, layer: Layer, matrix: Tensor, gradient: Tensor | None) -> LayerAttention:
    def arranged(tensor: Tensor) -> Tensor:
        tensor = tensor.detach().float()
        return layer.arranged(tensor.mT if layer.transposed else tensor)

    weights = arranged(matrix)
    if not bool(weights.isfinite().all()):
        raise CaptureError(f"Layer {layer.name} of {model.name} gave attention weights that are no numbers.")
    taken = None if gradient is None else arranged(gradient)
    return LayerAttention(layer.name, weights, layer.queries, layer.keys, taken)

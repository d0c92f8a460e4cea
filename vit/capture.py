"""record_attention(): every layer's attention in one forward pass, exactly, from many threads at once.

Nothing is attached to the network. While it runs, a torch function mode, which torch keeps for each thread apart,
sees every call that the network makes. Attention shows itself in one of two ways:

- a call of ``scaled_dot_product_attention``: its matrix never leaves the fused kernel, so it is computed a second time
  from the same queries and keys, and the network's own output stays as it was, bit for bit;
- a softmax whose result, perhaps after a dropout or a mix of heads, is multiplied with the values: what multiplies
  them is the map.

Which module made a call is read from the call stack, which belongs to the thread too.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from vit.attention import AttentionRecord, LayerAttention, whole_number
from vit.errors import BudgetError, CaptureError, MethodError
from vit.fused import attention_weights
from vit.image import load_image
from vit.models.layouts import find_layouts
from vit.models.sizes import resized
from vit.models.vision_model import VisionModel

MEMORY_LIMIT = 2 * 1024**3  # bytes of maps that one record may hold, unless the caller says otherwise

SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)
PRODUCT = (torch.matmul, torch.bmm, torch.einsum, Tensor.matmul, Tensor.bmm, Tensor.__matmul__)


def record_attention(
    model: VisionModel,
    image: Any,
    image_size: tuple[int, int] | None = None,
    target: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Callable[[int, str], None] | None = None,
) -> AttentionRecord:
    """Runs a picture through a model and keeps the attention of every layer.

    ``image`` is an RGB array ``(height, width, 3)`` or whatever ``load_image`` takes. ``image_size`` (height, width)
    feeds the model at another size than its own. ``target`` is a class: its logit's gradient with respect to every
    map is kept too. ``progress(layers done, layer name)`` is called after each layer; an exception that it raises
    stops the run.

    Raises CaptureError where the model has no attention over picture tokens or a map can't be vouched for, and
    BudgetError before more than ``memory_limit`` bytes of maps are made.
    """
    if image_size is not None:
        model = resized(model, image_size)
    if target is not None:
        target = _class_of(model, target)
    pixels = model.prepare(load_image(image))  # (1, 3, height, width)
    watch = _Watch(model, with_gradients=target is not None, memory_limit=memory_limit, progress=progress)
    if target is None:
        with torch.no_grad(), watch:
            logits = model.network(pixels)
    else:
        # The weights are frozen, so the graph starts at the pixels.
        with torch.enable_grad(), watch:
            logits = model.network(pixels.detach().requires_grad_())
    gradients = _gradients(logits, watch.maps, target)
    _check_all_seen(model, watch)
    size = (int(pixels.shape[2]), int(pixels.shape[3]))
    return AttentionRecord(
        model=model.name,
        provenance=model.provenance,
        layers=tuple(
            _layer(model, found, gradient, size) for found, gradient in zip(watch.maps, gradients, strict=True)
        ),
        logits=logits[0].detach().float(),
        labels=model.labels,
        image_size=size,
        target=target,
    )


@dataclass(eq=False)
class _Map:
    """What multiplied the values in one call, as the network laid it out: ``(windows, heads, queries, keys)``."""

    module: str
    weights: Tensor


class _Watch(TorchFunctionMode):
    """Sees every torch function that this thread calls while it is entered, and keeps the attention maps."""

    def __init__(self, model: VisionModel, with_gradients: bool, memory_limit: int, progress):
        super().__init__()
        self.model, self.with_gradients = model, with_gradients
        self.memory_limit, self.progress = memory_limit, progress
        # A module with neither parts nor parameters (nn.Softmax, nn.Dropout) is a mere function of its owner.
        self.names = {
            id(module): name
            for name, module in model.network.named_modules()
            if any(True for _ in module.children()) or any(True for _ in module.parameters())
        }
        self.maps: list[_Map] = []
        self.shares: dict[int, tuple[Tensor, nn.Module]] = {}  # softmax results that wait for their values, by id
        self.bytes = 0
        self.alike = Counter(_kind(module) for module in model.network.modules())  # how many layers of each kind
        self.done: Counter = Counter()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.scaled_dot_product_attention:
            return self._fused(args, kwargs)
        result = function(*args, **kwargs)
        if function in SOFTMAX:
            if _is_last(args[0], kwargs.get("dim", args[1] if len(args) > 1 else None)):
                module = self._calling_module()
                if module is not None:
                    self.shares[id(result)] = (result, module)
        elif self.shares:
            self._follow(function, args, result)
        return result

    def _fused(self, args, kwargs) -> Tensor:
        """The fused call: its matrix once more beside it, or, for gradients, in place of it."""
        module = self._calling_module()
        if module is None:
            return F.scaled_dot_product_attention(*args, **kwargs)
        query, key, value = args[:3] if len(args) >= 3 else [kwargs.get(n, a) for n, a in _named(args)]
        self._reserve(module, query.shape[:-1].numel() * key.shape[-2] * 4)
        weights = attention_weights(query, key, *args[3:], **{n: v for n, v in kwargs.items() if n not in _QKV})
        if self.with_gradients:
            # Part of the graph only if the network goes on with it.
            repeats = query.shape[-3] // value.shape[-3]
            result = weights.to(value.dtype) @ (value if repeats == 1 else value.repeat_interleave(repeats, -3))
        else:
            result = F.scaled_dot_product_attention(*args, **kwargs)
        self._keep(module, weights)
        return result

    def _follow(self, function, args, result) -> None:
        """Follows a softmax result to the product with the values, through whatever is done to it in between."""
        operands = args[1] if function is torch.einsum and isinstance(args[1], list | tuple) else args
        for operand in operands:
            share = self.shares.get(id(operand)) if isinstance(operand, Tensor) else None
            if share is None:
                continue
            tensor, module = share
            if function in PRODUCT:
                if self._calling_module() is module:
                    self._reserve(module, tensor.numel() * 4)
                    self._keep(module, tensor)
                    # Each softmax has one product; what has been used up is no longer waited for.
                    self.shares = {i: waiting for i, waiting in self.shares.items() if waiting[1] is not module}
            elif isinstance(result, Tensor) and result.is_floating_point() and id(result) not in self.shares:
                self.shares[id(result)] = (result, module)
            return

    def _keep(self, module: nn.Module, weights: Tensor) -> None:
        name = self.names[id(module)]
        self.maps.append(_Map(name, weights))
        if self.progress:
            self.progress(len(self.maps), name)

    def _calling_module(self) -> nn.Module | None:
        """The innermost module of this network in whose ``forward`` the present call was made."""
        frame = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_varnames[:1] == ("self",):
                owner = frame.f_locals.get("self")
                if isinstance(owner, nn.Module) and id(owner) in self.names:
                    return owner
            frame = frame.f_back
        return None

    def _reserve(self, module: nn.Module, size: int) -> None:
        """Refuses before memory is taken: counts this layer, and those of its kind that are still to come.

        A gradient takes as much as its map.
        """
        size *= 2 if self.with_gradients else 1
        to_come = max(1, self.alike[_kind(module)] - self.done[_kind(module)])
        if self.bytes + size * to_come > self.memory_limit:
            raise BudgetError(
                f"All maps of {self.model.name} at this size would take {(self.bytes + size * to_come) / 1e9:.1f} GB; "
                f"the limit is {self.memory_limit / 1e9:.1f} GB. Choose a smaller picture size or a smaller model."
            )
        self.bytes += size
        self.done[_kind(module)] += 1


_QKV = ("query", "key", "value")


def _named(args: tuple) -> list[tuple[str, Any]]:
    """Query, key and value by name, with those given by position filled in."""
    return [(name, args[i] if i < len(args) else None) for i, name in enumerate(_QKV)]


def _is_last(tensor: Tensor, dim: int | None) -> bool:
    return dim is not None and dim % tensor.ndim == tensor.ndim - 1


def _kind(module: nn.Module) -> tuple[type, Any]:
    """Layers of one class with as many heads make maps of one size."""
    heads = getattr(module, "num_heads", getattr(module, "heads", None))
    return type(module), heads if isinstance(heads, int) else None


def _class_of(model: VisionModel, target: Any) -> int:
    """The target as a class number of this model; MethodError, naming what is allowed, if it is none."""
    if not model.labels:
        raise MethodError(f"{model.name} has no classifier, so there is no class to take gradients for.")
    number = whole_number(target)
    if number is None or not 0 <= number < len(model.labels):
        raise MethodError(f"Class {target!r} is not in 0 to {len(model.labels) - 1}.")
    return number


def _gradients(logits: Tensor, maps: list[_Map], target: int | None) -> list[Tensor | None]:
    """∂(target's logit)/∂(each map). ``grad`` rather than ``backward``: nothing is written to the shared network."""
    if target is None or not maps:
        return [None] * len(maps)
    return list(torch.autograd.grad(logits[0, target], [found.weights for found in maps]))


def _layer(model: VisionModel, found: _Map, gradient: Tensor | None, size: tuple[int, int]) -> LayerAttention:
    weights = found.weights.detach().float()
    # A row that doesn't sum to 1, or holds NaN or infinity, is no row of shares.
    if not bool(((weights.sum(-1) - 1).abs() < 1e-3).all()):
        raise CaptureError(f"Layer {found.module} of {model.name}: its rows are not finite shares that sum to 1.")
    queries, keys = find_layouts(model.network, found.module, tuple(weights.shape), size)
    return LayerAttention(found.module, weights, queries, keys, gradient)


def _check_all_seen(model: VisionModel, watch: _Watch) -> None:
    """A layer that is surely attention must be seen, and once: nothing is missing, or stands for a mix, in silence."""
    seen = Counter(found.module for found in watch.maps)
    kinds = {type(model.network.get_submodule(name)) for name in seen}
    for name, module in model.network.named_modules():
        attention = type(module) in kinds or hasattr(module, "fused_attn") or isinstance(module, nn.MultiheadAttention)
        if attention and seen[name] == 0:
            raise CaptureError(f"The attention of layer {name} of {model.name} could not be seen.")
        if seen[name] > 1:
            raise CaptureError(
                f"Layer {name} of {model.name} mixes {seen[name]} attention maps; what it mixes them to is not known."
            )
    if not seen:
        raise CaptureError(f"{model.name} has no attention over picture tokens; choose a Vision Transformer.")

"""Watch: what is kept of one picture's run through a network, while it runs.

A torch function mode sees every torch function that its own thread calls and no other thread's; it counts the network's
products and keeps the planned matrices, the values that they meet, and the tokens after each block.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from vit.errors import CaptureError
from vit.fused import KeptScores, attention_weights
from vit.models.layouts import Layer, Plan
from vit.models.layouts.calls import ADDITIONS, FUSED, PRODUCTS, calling_module, modules_by_id
from vit.models.layouts.multihead import MULTIHEAD, seen_by
from vit.models.vision_model import VisionModel

Progress = Callable[[int, str], None]  # (layers done, layer name)


class Watch(TorchFunctionMode):
    """Sees every torch function that this thread calls while it is entered, and keeps what the plan names.

    With gradients the matrices are part of the graph: the network goes on with ``matrix @ values`` in place of the
    fused kernel's own result.
    """

    def __init__(
        self, model: VisionModel, plan: Plan, gradients: bool, keep: tuple[str, ...], progress: Progress | None
    ):
        super().__init__()
        self.model, self.plan, self.gradients, self.progress = model, plan, gradients, progress
        self.by_call = {call: layer for layer in plan.layers for call in (layer.call, *layer.others)}
        self.calls = 0
        self.matrices: list[Tensor | KeptScores] = []  # as the network has them, in the plan's order
        self.values: list[Tensor] | None = [] if "values" in keep else None
        self.parts: list[tuple[Tensor, Tensor]] = []  # of a layer of several matrices: (what came out, the matrix)
        self.mixing: tuple[Layer, Tensor] | None = None  # that layer, and the values that its matrices share
        self.streams: dict[str, Tensor] = {}  # of each block, the tokens that it leaves
        self.blocks = {stream.name: stream for stream in plan.streams} if "features" in keep else {}
        self.modules = modules_by_id(model.network) if self.blocks else {}
        self.additions: Counter = Counter()  # of each module

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is MULTIHEAD:
            return seen_by(self, args, kwargs)
        if function is not FUSED and function not in PRODUCTS:
            result = function(*args, **kwargs)
            if self.blocks and function.__name__ in ADDITIONS:
                self._after_addition(result)
            return self._mixed(function, args, result) if self.parts else result
        layer = self.by_call.get(self.calls)
        self.calls += 1
        if layer is None:
            return function(*args, **kwargs)
        if function is FUSED:
            return self._fused(layer, args, kwargs)
        factors = (*args, *kwargs.values())
        self._keep(
            layer, factors[1] if layer.transposed else factors[0], factors[0] if layer.transposed else factors[1]
        )
        return function(*args, **kwargs)

    def _fused(self, layer: Layer, args, kwargs) -> Tensor:
        """The fused call, and its matrix: kept as queries and keys where they are the smaller."""
        query, key, value, *rest = _in_order(args, kwargs)
        more: dict[str, Any] = dict(zip(_AFTER, rest, strict=True))
        repeats = query.shape[-3] // value.shape[-3] if query.ndim > 2 else 1
        value = value if repeats == 1 else value.repeat_interleave(repeats, -3)
        if not self.gradients and not layer.others:
            scores = KeptScores(query, key, more, layer.arranged, (*layer.order.shape, *layer.shape[-2:]))
            if scores.bytes < 4 * torch.Size(scores.shape).numel():
                self._keep(layer, _own(scores), value)
                return F.scaled_dot_product_attention(*args, **kwargs)
        weights = attention_weights(query, key, **more)
        if not layer.others:
            self._keep(layer, weights, value)
        # Part of the graph only if the network goes on with it.
        result = weights.to(value.dtype) @ value if self.gradients else F.scaled_dot_product_attention(*args, **kwargs)
        if layer.others:
            self.parts.append((result, weights))
            self.mixing = layer, value
        return result

    def _mixed(self, function, args, result: Any) -> Any:
        """Follows the results of a layer's several matrices until they are one: ``A₁·v − λ·A₂·v = (A₁ − λ·A₂)·v``."""
        if self.mixing is None:
            return result
        layer, value = self.mixing
        met = [number for number, (part, _) in enumerate(self.parts) if any(part is each for each in args)]
        kind = function.__name__.rstrip("_")
        if not met or not isinstance(result, Tensor):
            return result
        if len(met) == 1 and kind == "mul":
            part, matrix = self.parts[met[0]]
            share = next((each for each in args if each is not part), part)
            if not isinstance(share, Tensor) or share.numel() == 1 or share.shape[-2:] == (1, 1):
                self.parts[met[0]] = (result, matrix * share)
                return result
        if len(met) == len(args) == 2 and kind in ("add", "sub"):
            one, other = (next(matrix for part, matrix in self.parts if part is each) for each in args)
            whole = one + other if kind == "add" else one - other
            self.parts = [each for number, each in enumerate(self.parts) if number not in met]
            if not self.parts:
                self._keep(layer, whole, value)
                return whole.to(value.dtype) @ value if self.gradients else result
            self.parts.append((result, whole))
            return result
        raise CaptureError(f"How layer {layer.name} of {self.model.name} mixes its maps is not known.")

    def _keep(self, layer: Layer, matrix: Tensor | KeptScores, values: Tensor) -> None:
        if isinstance(matrix, Tensor) and tuple(matrix.mT.shape if layer.transposed else matrix.shape) != layer.shape:
            raise CaptureError(otherwise(self.model))
        if isinstance(matrix, KeptScores) and torch.Size(matrix.shape).numel() != torch.Size(layer.shape).numel():
            raise CaptureError(otherwise(self.model))
        self.matrices.append(matrix)
        if self.values is not None:
            self.values.append(values.mT if layer.transposed else values)
        if self.progress:
            self.progress(len(self.matrices), layer.name)

    def _after_addition(self, result: Any) -> None:
        module = calling_module(self.modules)
        name = "" if module is None else self.modules[id(module)]
        stream = self.blocks.get(name)
        if stream is not None and stream.addition == self.additions[name]:
            if tuple(result.shape) != stream.shape:
                raise CaptureError(otherwise(self.model))
            self.streams[name] = result
        self.additions[name] += 1

    def check_complete(self) -> None:
        if len(self.matrices) != len(self.plan.layers) or len(self.streams) != len(self.blocks) or self.parts:
            raise CaptureError(otherwise(self.model))


_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
_AFTER = _NAMES[3:]
_DEFAULTS = (None, 0.0, False, None, False)


def _in_order(args: tuple, kwargs: dict) -> list[Any]:
    """All arguments of a fused attention in their order."""
    given = dict(zip(_NAMES, args, strict=False)) | kwargs
    return [given[name] for name in _NAMES[:3]] + [given.get(n, d) for n, d in zip(_AFTER, _DEFAULTS, strict=True)]


def _own(scores: KeptScores) -> KeptScores:
    """The same with tensors of its own: a view would hold on to the values beside it, and might be written over."""
    more = {name: each.clone() if isinstance(each, Tensor) else each for name, each in scores.more.items()}
    query, key = (each.clone(memory_format=torch.contiguous_format) for each in (scores.query, scores.key))
    return KeptScores(query, key, more, scores.arrange, scores.shape)


def otherwise(model: VisionModel) -> str:
    return f"{model.name} computed otherwise than when its tokens were followed, so its maps can't be vouched for."

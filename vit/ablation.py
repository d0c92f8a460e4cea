"""What if: the same picture with patches hidden, the same network with heads silent, and what the answer is then.

Nothing shared is changed. Patches are hidden in this call's own pixels; heads are silenced by a torch function mode,
which torch keeps for each thread apart, so a second person at the same moment sees the network as it is.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vit.attention import AttentionRecord, Grid, Heatmap, whole_number
from vit.errors import MethodError, ModelError
from vit.image import load_image
from vit.models.answer import answer_of
from vit.models.layouts import Layer, Plan, plan_of
from vit.models.layouts.calls import FUSED, PRODUCTS
from vit.models.layouts.multihead import MULTIHEAD, seen_by
from vit.models.vision_model import VisionModel

Silenced = tuple[int, int | None]  # a layer's number and a head's, from 0; None stands for all heads


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The answer with the changes, beside the answer without."""

    before: Tensor  # logits (classes,)
    after: Tensor  # logits (classes,)
    labels: tuple[str, ...]
    hidden: Tensor  # (rows, cols), bool: which patches were hidden
    silenced: tuple[Silenced, ...]

    @property
    def words(self) -> str:
        """The likeliest class before and after, in a sentence."""
        (first, then), (last, now) = (self._best(logits) for logits in (self.before, self.after))
        same = float(self.after.softmax(-1)[int(self.before.argmax())])
        if first == last:
            return f"still {first}: {then:.1%} before, {now:.1%} after"
        return f"{first} ({then:.1%}) becomes {last} ({now:.1%}); {first} is left with {same:.1%}"

    def shares(self, count: int = 5) -> list[tuple[int, str, float, float]]:
        """(class, label, probability before, after), for the likeliest of either, the likeliest before first."""
        before, after = self.before.softmax(-1), self.after.softmax(-1)
        count = min(count, len(before))
        classes = dict.fromkeys([*before.topk(count).indices.tolist(), *after.topk(count).indices.tolist()])
        return [(c, self.labels[c], float(before[c]), float(after[c])) for c in classes]

    def _best(self, logits: Tensor) -> tuple[str, float]:
        number = int(logits.argmax())
        return self.labels[number], float(logits.softmax(-1)[number])


def what_if(model: VisionModel, image: Any, hide: Tensor | None = None, silence: Iterable[Silenced] = ()) -> WhatIf:
    """The answer to a picture with patches hidden and heads silent.

    ``hide`` is a bool grid ``(rows, cols)`` over the whole picture, of any size, such as ``top_share`` gives; what is
    hidden gets the mean colour of the pictures that the network learned from (0 once normalised). ``silence`` names
    heads ``(layer, head)`` or whole layers ``(layer, None)``, counted from 0 as in a record: their part of what the
    attention hands on is 0, while the residual stream goes on.

    Raises MethodError for a place that isn't there, ModelError for a network without a classifier.
    """
    if not model.labels:
        raise ModelError(f"{model.name} has no classifier, so there is no answer that could change.")
    pixels = model.prepare(load_image(image))  # (1, 3, height, width)
    plan = plan_of(model.network, pixels)
    chosen = tuple(_checked(plan, each) for each in silence)
    hidden = torch.zeros(1, 1, dtype=torch.bool) if hide is None else torch.as_tensor(hide)
    if hidden.dtype != torch.bool:  # pairs of numbers would pass for a grid, in which all but 0 is hidden
        raise MethodError(
            "What is hidden is a grid of True and False, not of numbers: patches_hidden(record, patches) of "
            "vit.ablation makes one of patches by row and column."
        )
    if hidden.ndim != 2 or hidden.shape[0] > pixels.shape[2] or hidden.shape[1] > pixels.shape[3]:
        raise MethodError(f"What is hidden is a grid of rows and columns; {tuple(hidden.shape)} is none for this size.")
    with torch.no_grad():
        before = answer_of(model.network(pixels))[0]
        with Silence(plan, chosen):
            after = answer_of(model.network(masked(pixels, hidden)))[0]
    return WhatIf(before.float(), after.float(), model.labels, hidden, chosen)


def masked(pixels: Tensor, hidden: Tensor) -> Tensor:
    """A copy of ``(1, 3, height, width)`` normalised pixels in which the hidden cells of a grid are 0."""
    height, width = pixels.shape[2:]
    rows, cols = hidden.shape
    row = torch.arange(height) * rows // height  # (height,): the grid's row of each row of pixels
    col = torch.arange(width) * cols // width
    return pixels.masked_fill(hidden[row][:, col], 0.0)


def top_share(heat: Heatmap, share: float) -> Tensor:
    """The highest ``share`` of a map's patches, as a bool grid ``(rows, cols)``; of equal ones the upper left first."""
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise MethodError(f"A share of patches is in 0 to 1; {share!r} is not.")
    order = heat.values.flatten().argsort(descending=True, stable=True)
    hidden = torch.zeros(order.numel(), dtype=torch.bool)
    hidden[order[: round(share * order.numel())]] = True
    return hidden.reshape(heat.values.shape)


def patches_hidden(record: AttentionRecord, patches: Iterable[tuple[int, int]]) -> Tensor:
    """Patches (row, column) of the record's first layer, counted from 0, as a bool grid."""
    grid: Grid = record.layers[0].keys.grid
    hidden = torch.zeros(grid.rows, grid.cols, dtype=torch.bool)
    for row, col in patches:
        if not (0 <= row < grid.rows and 0 <= col < grid.cols):
            raise MethodError(
                f"Patch (row {row}, column {col}) is outside the grid: "
                f"rows 0 to {grid.rows - 1}, columns 0 to {grid.cols - 1}."
            )
        hidden[row, col] = True
    return hidden


class Silence(TorchFunctionMode):
    """Sets what silenced heads hand on to 0, in this thread, while it is entered."""

    def __init__(self, plan: Plan, silenced: Iterable[Silenced]):
        super().__init__()
        heads: dict[int, set[int]] = defaultdict(set)
        for number, head in silenced:
            every = range(plan.layers[number].order.shape[1])
            heads[number] |= set(every) if head is None else {head}
        self.calls = 0
        self.silent = {
            call: (plan.layers[number], sorted(which))
            for number, which in heads.items()
            for call in (plan.layers[number].call, *plan.layers[number].others)
        }

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is MULTIHEAD:
            return seen_by(self, args, kwargs)
        result = function(*args, **kwargs)
        if function is not FUSED and function not in PRODUCTS:
            return result
        found = self.silent.get(self.calls)
        self.calls += 1
        return result if found is None else _without(*found, result)


def _without(layer: Layer, heads: list[int], result: Tensor) -> Tensor:
    """The result of a layer's product, ``(…, queries, width)`` or turned, with some heads' part of it 0."""
    flat = result.reshape(-1, *result.shape[-2:]).clone()  # (windows · heads, …)
    flat[layer.order[:, heads].flatten()] = 0.0
    return flat.reshape(result.shape)


def _checked(plan: Plan, silenced: Silenced) -> Silenced:
    number, head = silenced
    layer, count = whole_number(number), len(plan.layers)
    if layer is None or not -count <= layer < count:
        raise MethodError(f"Layer {number!r} is not in 0 to {count - 1}.")
    layer %= count
    heads = plan.layers[layer].order.shape[1]
    which = None if head is None else whole_number(head)
    if head is not None and (which is None or not 0 <= which < heads):
        raise MethodError(f"Head {head!r} of layer {layer} is not in 0 to {heads - 1}.")
    return layer, which

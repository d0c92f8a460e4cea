"""record_attention(): every layer's attention in one forward pass, exactly, from many threads at once.

Nothing is attached to the network. Which of its products are attention, and where their rows and columns sit on the
picture, is known before: the network was traced once (vit/models/layouts). While a picture runs, a Watch counts the
products and keeps those that were found:

- of a call of ``scaled_dot_product_attention``, whose matrix never leaves the fused kernel, the queries and keys, from
  which it is computed when it is asked for; the network's own output stays as it was, bit for bit;
- of a plain product the matrix is one of its factors: what multiplies the values is the map, whatever was done to the
  softmax before (mixed heads, gates, a position's share);
- where the results of several matrices on the same values are mixed, the one matrix that has the same result.
"""

from typing import Any

import torch
from torch import Tensor, nn

from vit.attention import AttentionRecord, LayerAttention, LayerFeatures, whole_number
from vit.errors import BudgetError, CaptureError, MethodError, ModelError
from vit.fused import KeptScores
from vit.image import load_image
from vit.models.answer import answer_of
from vit.models.layouts import CHANNELS, ONE_SCORE, SUMMED, Given, Layer, Plan, Stream, plan_of
from vit.models.sizes import MEMORY_LIMIT as MEMORY_LIMIT
from vit.models.sizes import resized, sides, tried
from vit.models.too_large import check_size
from vit.models.vision_model import Preprocessing, VisionModel
from vit.watch import Progress, Watch

KEEPS = ("values", "features")
_LARGE = 512 * 512  # pixels: what a network makes of more is counted before it runs


def record_attention(
    model: VisionModel | nn.Module,
    image: Any,
    image_size: tuple[int, int] | None = None,
    target: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Progress | None = None,
    prepare: Preprocessing | None = None,
    keep: tuple[str, ...] = (),
    layouts: Given | None = None,
) -> AttentionRecord:
    """Runs a picture through a model and keeps the attention of every layer.

    ``model`` may be any network, torchvision's, Hugging Face's or your own, in eval mode: then ``prepare`` says how it
    wants its pixels, and its classes have numbers for names. Where a layer's tokens can't be followed through such a
    network, ``layouts`` says where they sit: of the attention module's path, the layouts of its queries and its keys.
    ``image`` is an RGB array ``(height, width, 3)`` or whatever
    ``load_image`` takes. ``image_size`` (height, width) feeds the model at another size than its own. ``target`` is a
    class: its logit's gradient with respect to every map is kept too. ``keep`` names what else is: "values", what each
    map multiplies, and "features", the tokens after each block (with their gradients if there is a target).
    ``progress(layers done, layer name)`` is called after each layer; an exception that it raises stops the run.

    Raises CaptureError where the model has no attention over picture tokens or a map can't be vouched for, and
    BudgetError before more than ``memory_limit`` bytes of maps are made.
    """
    if isinstance(model, nn.Module):
        model = _named_model(model, prepare, memory_limit)
    if image_size is not None:
        model = resized(model, image_size, memory_limit)
    if target is not None:
        target = _class_of(model, target)
    if unknown := sorted(set(keep) - set(KEEPS)):
        raise MethodError(f"A record can't keep {unknown[0]!r}; it can keep: {', '.join(KEEPS)}.")
    pixels = model.prepare(load_image(image))  # (1, 3, height, width)
    plan = _checked(model, plan_of(model.network, pixels, layouts))
    _reserve(model, plan, memory_limit, with_gradients=target is not None)
    watch = Watch(model, plan, target is not None, keep, progress)
    if target is None:
        with torch.no_grad(), watch:
            logits = answer_of(model.network(pixels))
    else:
        # The weights are frozen, so the graph starts at the pixels.
        with torch.enable_grad(), watch:
            logits = answer_of(model.network(pixels.detach().requires_grad_()))
    watch.check_complete()
    if target is None and any(isinstance(module, nn.MultiheadAttention) for module in model.network.modules()):
        # Unwatched, torch takes another way through these modules, which rounds differently: the answer is that one's.
        with torch.no_grad():
            logits = answer_of(model.network(pixels))
    layers, features = _taken(model, plan, watch, logits, target)
    return AttentionRecord(
        model=model.name,
        provenance=model.provenance,
        layers=layers,
        logits=logits[0].detach().float(),
        labels=model.labels,
        image_size=(int(pixels.shape[2]), int(pixels.shape[3])),
        target=target,
        without_map=tuple(plan.without),
        readout=plan.readout,
        taken_features=features if "features" in keep else None,
    )


def _named_model(network: nn.Module, prepare: Preprocessing | None, memory_limit: int) -> VisionModel:
    """Anybody's network as a model; ModelError if it can't be one yet, BudgetError if its size is far too large."""
    name = type(network).__name__
    if prepare is None:
        raise ModelError(f"How {name} wants its pixels is not known: give prepare=Preprocessing((height, width)).")
    if network.training:
        raise ModelError(f"{name} is in training mode, where no two runs are alike: call its eval() first.")
    size = sides(prepare.size)
    if size[0] * size[1] > _LARGE:
        check_size(name, network, size, memory_limit)
    try:
        answer = tried(network, size)
    except ModelError as error:
        raise ModelError(f"{error} Give prepare= what it takes.") from error
    classes = answer.shape[1] if answer.ndim == 2 else 0
    return VisionModel(name, network, prepare, tuple(map(str, range(classes))), "given")


_INSTEAD = {
    CHANNELS: "its attention runs between channels, not between places of the picture",
    SUMMED: "it sums up its tokens before any of them looks at another, so no map of who looks at whom ever exists",
    ONE_SCORE: "its attention is a softmax over one single score, which is always 1",
}
_NO_ATTENTION = "it mixes places with fixed weights, not with attention"


def _checked(model: VisionModel, plan: Plan) -> Plan:
    """The plan, if it is whole: a layer that is surely attention must have a map, or a reason why it has none."""
    known = {*(layer.name.partition(":")[0] for layer in plan.layers), *plan.without}
    for name, module in model.network.named_modules():
        attention = hasattr(module, "fused_attn") or isinstance(module, nn.MultiheadAttention)
        if attention and name not in known:
            raise CaptureError(f"The attention of layer {name} of {model.name} could not be seen.")
    if plan.layers:
        return plan
    found = set(plan.without.values())
    what = next((words for how, words in _INSTEAD.items() if how in found), _NO_ATTENTION)
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


def _taken(
    model: VisionModel, plan: Plan, watch: Watch, logits: Tensor, target: int | None
) -> tuple[tuple[LayerAttention, ...], tuple[LayerFeatures, ...]]:
    """What was kept, in the record's words, with ∂(target's logit)/∂(each of them) if there is a target."""
    matrices, streams = watch.matrices, [watch.streams[name] for name in watch.blocks]
    gradients: list[Tensor | None] = [None] * (len(matrices) + len(streams))
    if target is not None:
        # ``grad`` rather than ``backward``: nothing is written to the shared network.
        graph = [*matrices, *streams]
        gradients = list(torch.autograd.grad(logits[0, target], graph))
    values = watch.values or [None] * len(matrices)
    layers = tuple(map(_layer, [model] * len(matrices), plan.layers, matrices, gradients, values))
    after = gradients[len(matrices) :]
    features = tuple(_features(*each) for each in zip(watch.blocks.values(), streams, after, strict=True))
    return layers, features


def _layer(
    model: VisionModel, layer: Layer, matrix: Tensor | KeptScores, gradient: Tensor | None, values: Tensor | None
) -> LayerAttention:
    def arranged(tensor: Tensor) -> Tensor:
        tensor = tensor.detach().float()
        return layer.arranged(tensor.mT if layer.transposed else tensor)

    weights = arranged(matrix) if isinstance(matrix, Tensor) else matrix
    made_of = (weights,) if isinstance(weights, Tensor) else (weights.query, weights.key)
    if not all(bool(each.isfinite().all()) for each in made_of):
        raise CaptureError(f"Layer {layer.name} of {model.name} gave attention weights that are no numbers.")
    taken = None if gradient is None else arranged(gradient)
    kept = None if values is None else layer.arranged_values(values.detach().float())
    return LayerAttention(layer.name, weights, layer.queries, layer.keys, taken, kept)


def _features(stream: Stream, result: Tensor, gradient: Tensor | None) -> LayerFeatures:
    taken = None if gradient is None else stream.arranged(gradient.float())
    return LayerFeatures(stream.name, stream.layer, stream.arranged(result.detach().float()), stream.layout, taken)

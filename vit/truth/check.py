"""The truth check of one photo: every method's map, and whether the model's answer depends on what it points at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vit.attention import AttentionRecord, Heatmap
from vit.capture import record_attention
from vit.errors import BusyError, MethodError, NoMapError, VitError
from vit.image import load_image
from vit.measures.curves import Faithfulness
from vit.measures.faithfulness import Predict, Progress, coarsest, faithfulness, refuse_flat
from vit.methods import explain, get_method, list_methods
from vit.models.answer import answer_of
from vit.models.vision_model import VisionModel
from vit.tokens import Grid, whole_number

HeatmapOf = Callable[[str, int], Heatmap]  # a method's map for a class


@dataclass(frozen=True, eq=False)
class Check:
    """All maps of one photo that were checked, the most faithful first, and those that can't be."""

    model: str
    provenance: str  # where the weights are from
    target: int  # the class whose probability was followed
    label: str
    probability: float  # that the model gives the class for the whole photo
    grid: Grid  # of the pieces that were exchanged
    results: tuple[Faithfulness, ...]  # by gain, the best first
    refused: tuple[tuple[str, str], ...]  # (method, why there is no map of it to check)

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"


def check(
    model: VisionModel,
    image: Any,
    maps: Sequence[str | Heatmap] | None = None,
    target: int | None = None,
    *,
    predict: Predict | None = None,
    heatmap: HeatmapOf | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Check:
    """Deletion and insertion curves of several maps of one photo, against random orders, ranked.

    ``maps`` are methods by name, with their default options, or finished heatmaps; by default every method. ``target``
    is the class whose probability is followed, and the one that class-specific methods explain; by default the
    likeliest. ``settings`` are those of ``faithfulness``: steps, orders, seed, grid, blur, batch, backwards.
    ``predict`` and ``heatmap`` say how probabilities and a method's map come about, by default from the model itself.
    ``progress(pictures done, in all)`` is called after each batch, and what it raises stops the check.

    A method that can't be had for this model is listed with its sentence. NoMapError if none can.
    """
    if not model.labels:
        raise MethodError(f"{model.name} has no classifier, so there is no probability of a class to follow.")
    asked = list(dict.fromkeys(list_methods() if maps is None else maps))
    for name in asked:
        if isinstance(name, str):
            get_method(name)  # an unknown one is an error, not a method that this model lacks
    image = load_image(image)
    predict = predict or predictor(model)
    pixels = model.prepare(image)  # (1, 3, height, width)
    shares = predict(pixels)[0].cpu()
    target = int(shares.argmax()) if target is None else target
    number = whole_number(target)
    if number is None or not 0 <= number < len(model.labels):
        raise MethodError(f"Class {target!r} is not in 0 to {len(model.labels) - 1}.")
    heats, refused, sized = _maps(asked, number, heatmap or heatmap_of(model, image))
    if not heats:
        raise NoMapError("There is no map to check: " + " ".join(f"{name}: {why}" for name, why in refused))
    grid = settings.pop("grid", None) or coarsest(sized)
    results = faithfulness(heats, pixels, predict, number, grid=grid, progress=progress, **settings)
    return Check(
        model=model.name,
        provenance=model.provenance,
        target=number,
        label=model.labels[number],
        probability=float(shares[number]),
        grid=grid,
        results=tuple(sorted(results, key=lambda found: -found.gain)),
        refused=tuple(refused),
    )


def _maps(asked: list, target: int, heatmap: HeatmapOf) -> tuple[list[Heatmap], list[tuple[str, str]], list[Heatmap]]:
    """The maps that there are, for each of the others the sentence that says why not, and all that came about.

    A flat one says nothing, but counts for the grid: else one photo of a folder would be checked on a finer one.
    """
    heats, refused, sized = [], [], []
    for each in asked:
        try:
            heat = heatmap(each, target) if isinstance(each, str) else each
            sized.append(heat)
            refuse_flat(heat)
            heats.append(heat)
        except BusyError:
            raise  # no fault of the map
        except VitError as error:
            refused.append((each if isinstance(each, str) else each.method, str(error)))
    return heats, refused, sized


def predictor(model: VisionModel, device: torch.device | str = "cpu") -> Predict:
    """Batches of pixels to probabilities, by a model. Elsewhere than on the CPU it is a copy that runs."""
    device = torch.device(device)
    network = model.network
    if device.type != "cpu":  # a shared network is never moved
        from copy import deepcopy

        network = deepcopy(network).to(device)

    def predict(pixels: Tensor) -> Tensor:
        with torch.inference_mode():
            return answer_of(network(pixels.to(device))).float().softmax(-1)

    return predict


def heatmap_of(model: VisionModel, image: np.ndarray) -> HeatmapOf:
    """Each method's map of one picture. A record is made for each kind of thing that methods need, and used again."""
    records: dict[tuple[str, ...], AttentionRecord] = {}  # by what it was kept for

    def heatmap(name: str, target: int) -> Heatmap:
        method = get_method(name)
        if method.needs not in records:
            of = target if method.of_a_class else None
            records[method.needs] = record_attention(model, image, target=of, keep=method.keep)
        return explain(records[method.needs], name)

    return heatmap

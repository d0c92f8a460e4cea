"""Two classes side by side: one method's map for each, and the first minus the second."""

from dataclasses import replace
from typing import Any

import torch

from vit.attention import AttentionRecord, Heatmap
from vit.errors import MethodError
from vit.methods import explain, get_method
from vit.methods.gradients import class_words


def compare_classes(
    one: AttentionRecord, other: AttentionRecord, method: str, **options: Any
) -> tuple[Heatmap, Heatmap, Heatmap]:
    """A method's maps for the targets of two records of one picture, and their difference, which is signed.

    Where the difference is above 0, the patch counts more for the first class. Both maps are in one unit, so nothing is
    scaled before. Raises MethodError for a method that is the same for every class, and for records that aren't of one
    picture and model with two targets.
    """
    if not get_method(method).of_a_class:
        raise MethodError(f"{method} is the same for every class, so there is no difference of two classes to show.")
    if one.target is None or other.target is None or one.target == other.target:
        raise MethodError(f"Two classes are compared; {one.target} and {other.target} are not two.")
    if one.model != other.model or not torch.allclose(one.logits, other.logits, atol=1e-3):
        raise MethodError("Two classes are compared on one picture and one model; these are records of different ones.")
    first, second = explain(one, method, **options), explain(other, method, **options)
    # What fell on tokens beside the patches differs between the two, so the difference doesn't name it.
    words = first.caption.partition(" · ")[0].replace(
        class_words(one), f"{class_words(one)} minus {class_words(other)}"
    )
    return first, second, replace(first, values=first.values - second.values, caption=words, signed=True)

"""Class names in plain words for a timm model."""

from collections import Counter
from functools import lru_cache
from typing import Any


def class_labels(config: dict[str, Any], classes: int) -> tuple[str, ...]:
    """One label for each of ``classes`` outputs, from a timm model's ``pretrained_cfg``; empty if they are no classes.

    The outputs of an image-text model without a classifier are coordinates of a joint space, so they get no labels
    (and nobody is told that a picture is "class 17").
    """
    from timm.data.imagenet_info import infer_imagenet_subset

    where = f"{config.get('architecture', '')}.{config.get('tag', '')}"
    if classes <= 0:
        return ()
    if names := config.get("label_names"):
        said = config.get("label_descriptions") or {}
        return tuple(str(said.get(name, name)) for name in names)
    if subset := infer_imagenet_subset({"num_classes": classes}):
        return imagenet_labels(subset)
    if "clip" in where or "_pe_core_" in where:
        return ()
    return tuple(f"class {number}" for number in range(classes))


@lru_cache(maxsize=8)
def imagenet_labels(subset: str) -> tuple[str, ...]:
    """The classes of an ImageNet subset by WordNet's first word for each.

    Where classes share a word, a second word tells them apart ("maillot, tank suit"), or else the beginning of the
    definition ("crane (large long-necked wading bird of …)").
    """
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo(subset)
    described = info.label_descriptions(detailed=True)  # "crane, lifter: lifts and moves heavy objects; …"
    words, meanings = zip(*(str(text).split(": ", 1) for text in described), strict=True)
    first = [entry.split(", ")[0] for entry in words]
    shared = Counter(first)
    names = [", ".join(e.split(", ")[:2]) if shared[f] > 1 else f for e, f in zip(words, first, strict=True)]
    shared = Counter(names)
    return tuple(f"{n} ({_beginning(m)})" if shared[n] > 1 else n for n, m in zip(names, meanings, strict=True))


def _beginning(text: str) -> str:
    """The first five words of a definition, or less if it ends there."""
    clause = text.split(";")[0]
    words = clause.split()
    return clause if len(words) <= 5 else " ".join(words[:5]) + " …"

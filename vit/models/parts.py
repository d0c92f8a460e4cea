"""What some measures need of a model beside the record, by the name of their option."""

from collections.abc import Iterable
from typing import Any

from vit.attention import AttentionRecord
from vit.models.embeddings import patch_filters, position_embeddings
from vit.models.reading import reader
from vit.models.vision_model import VisionModel

_PARTS = {
    "read": reader,
    "positions": lambda model, _: position_embeddings(model),
    "filters": lambda model, _: patch_filters(model),
}


def parts(model: VisionModel, record: AttentionRecord, names: Iterable[str]) -> dict[str, Any]:
    """The named parts, to be given to a measure: ``measure(record, "lens", **parts(model, record, ["read"]))``.

    ModelError where the model has no such part.
    """
    return {name: _PARTS[name](model, record) for name in names}

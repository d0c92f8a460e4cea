"""The one tensor that a network answers with, however it wraps it."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vit.errors import ModelError


def answer_of(output: Any) -> Tensor:
    """What a network puts out as one tensor ``(batch, …)``: the tensor, its ``logits``, or the first that it holds.

    Hugging Face's networks answer with an object of named tensors. ModelError if there is no tensor at all.
    """
    if isinstance(output, Tensor):
        return output
    logits = getattr(output, "logits", None)
    if isinstance(logits, Tensor):
        return logits
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    first = next((part for part in parts if isinstance(part, Tensor)), None)
    if first is None:
        raise ModelError(f"The network answers with a {type(output).__name__}, which holds no tensor.")
    return first

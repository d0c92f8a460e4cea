"""The What if view: patches are painted out and heads switched off, and the answer is worked out anew."""

from typing import Any

from vit.errors import MethodError
from vit.ui.views import Ask, view

MOST = 100_000  # patches or heads that one question may name


@view("what_if", place=40)
def what_if(ask: Ask) -> dict:
    """The likeliest classes before and after, for what the visitor has hidden and silenced."""
    import torch

    rows, cols = _whole(ask.options.get("grid", [1, 1]), 2)
    if not (rows > 0 and cols > 0 and rows * cols <= MOST):
        raise MethodError(f"A grid of {rows} × {cols} patches can't be hidden.")
    hidden = torch.zeros(rows * cols, dtype=torch.bool)
    for patch in _list(ask.options.get("hide", [])):
        (number,) = _whole([patch], 1)
        if not 0 <= number < len(hidden):
            raise MethodError(f"Patch {number} is not in 0 to {len(hidden) - 1}.")
        hidden[number] = True
    silence = [_head(each) for each in _list(ask.options.get("silence", []))]
    found = ask.analysis.what_if(ask.image, ask.model, hidden.reshape(rows, cols), silence, say=ask.say)
    return {
        "classes": [{"label": label, "before": before, "after": after} for _, label, before, after in found.shares()]
    }


def _list(given: Any) -> list:
    if not isinstance(given, list) or len(given) > MOST:
        raise MethodError("What is hidden and silenced comes as lists.")
    return given


def _whole(given: Any, count: int) -> list[int]:
    """So many whole numbers; what a browser sends may be anything."""
    numbers = _list(given)
    if len(numbers) != count or not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise MethodError("Patches, layers and heads are whole numbers.")
    return numbers


def _head(given: Any) -> tuple[int, int | None]:
    """A layer, or a layer and a head, counted from 0."""
    numbers = _whole(given, len(given) if isinstance(given, list) and len(given) in (1, 2) else 2)
    return numbers[0], numbers[1] if len(numbers) == 2 else None

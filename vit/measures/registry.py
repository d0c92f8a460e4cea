"""The measures by name, and ``measure()``, which takes one.

A measure is a pure function of a record and its own named options. It sees no model; what it needs of one (a way to
read a token, position embeddings, filters) is given to it as an option without a default.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from vit.attention import AttentionRecord
from vit.errors import MethodError
from vit.measures.result import Measured


@dataclass(frozen=True)
class Measure:
    """A measure as it is listed: its name, what it means in a sentence, and what it needs."""

    name: str
    title: str  # the first line of its docstring
    run: Callable[..., Measured]
    keep: tuple[str, ...] = ()  # of a record, beside the attention: of "features", "values"
    parts: tuple[str, ...] = ()  # of the model: of "read", "positions", "filters"; see vit/models/parts.py

    @cached_property
    def options(self) -> dict[str, Any]:
        """Each option's name and default; what is given of the model is none."""
        parameters = list(inspect.signature(self.run).parameters.values())[1:]
        return {p.name: p.default for p in parameters if p.name not in self.parts}


_MEASURES: dict[str, Measure] = {}

Run = TypeVar("Run", bound=Callable[..., Measured])


def registered(name: str, keep: tuple[str, ...] = (), parts: tuple[str, ...] = ()) -> Callable[[Run], Run]:
    """Marks a function ``(record, **options) -> Measured`` as the measure of this name."""

    def mark(run: Run) -> Run:
        title = (run.__doc__ or "").strip().splitlines()[0]
        _MEASURES[name] = Measure(name, title, run, keep, parts)
        return run

    return mark


def list_measures() -> list[str]:
    """The names that ``measure`` takes."""
    return sorted(_MEASURES)


def get_measure(name: str) -> Measure:
    """The measure of this name, or a MethodError that lists them all."""
    if name not in _MEASURES:
        raise MethodError(f"There is no measure {name!r}; choose one of: {', '.join(list_measures())}.")
    return _MEASURES[name]


def check_options(name: str, given: dict[str, Any]) -> None:
    """MethodError for an option that the measure doesn't have: to be told before a picture runs through a model."""
    known = get_measure(name)
    unknown = sorted(set(given) - {*known.options, *known.parts})
    if unknown:
        have = ", ".join(known.options) or "none"
        raise MethodError(f"{name} has no option {unknown[0]!r}; its options: {have}.")


def measure(record: AttentionRecord, name: str, **options: Any) -> Measured:
    """What a measure finds in a record; the options are the measure's own, by name.

    What it needs of the model is an option too: ``measure(record, "lens", read=reader(model, record))``.

    Raises MethodError for an unknown measure or option, and where the measure isn't defined for this model.
    """
    chosen = get_measure(name)
    check_options(name, options)
    missing = [part for part in chosen.parts if part not in options]
    if missing:
        raise MethodError(f"{name} needs {missing[0]}= of the model: vit.models.parts makes it.")
    return replace(chosen.run(record, **options), model=record.model, provenance=record.provenance)

"""Ways to turn a record into a heatmap: one file a method, marked with ``@method``.

A method is a pure function of a record and its own named options. It sees no model and no picture.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from vit.attention import AttentionRecord, Heatmap
from vit.errors import MethodError


@dataclass(frozen=True)
class Method:
    """A method as it is listed: its name, what it means in a sentence, and what it needs of a record."""

    name: str
    title: str  # the first line of its docstring
    run: Callable[..., Heatmap]
    needs: tuple[str, ...] = ()  # of "gradients", "features", "values"
    slow: bool = False  # whether it takes seconds: a page asks for it by name, and has it wait its turn

    @property
    def keep(self) -> tuple[str, ...]:
        """What a record has to keep for it beside the maps and their gradients: ``record_attention``'s own ``keep``."""
        return tuple(need for need in self.needs if need != "gradients")

    @property
    def of_a_class(self) -> bool:
        """Whether the map is another for another class, and its record needs a target."""
        return "gradients" in self.needs

    @cached_property
    def options(self) -> dict[str, Any]:
        """Each option's name and default."""
        parameters = list(inspect.signature(self.run).parameters.values())[1:]
        return {p.name: p.default for p in parameters}


_METHODS: dict[str, Method] = {}


def method(
    name: str, needs: tuple[str, ...] = (), slow: bool = False
) -> Callable[[Callable[..., Heatmap]], Callable[..., Heatmap]]:
    """Marks a function ``(record, **options) -> Heatmap`` as the method of this name."""

    def mark(run: Callable[..., Heatmap]) -> Callable[..., Heatmap]:
        title = (run.__doc__ or "").strip().splitlines()[0]
        _METHODS[name] = Method(name, title, run, needs, slow)
        return run

    return mark


def list_methods() -> list[str]:
    """The names that ``explain`` takes."""
    return sorted(_METHODS)


def get_method(name: str) -> Method:
    """The method of this name, or a MethodError that lists them all."""
    if name not in _METHODS:
        raise MethodError(f"There is no method {name!r}; choose one of: {', '.join(list_methods())}.")
    return _METHODS[name]


def check_options(name: str, given: dict[str, Any]) -> None:
    """MethodError for an option that the method doesn't have."""
    known = get_method(name).options
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise MethodError(f"{name} has no option {unknown[0]!r}; its options: {', '.join(known) or 'none'}.")


def explain(record: AttentionRecord, method: str = "rollout", **options: Any) -> Heatmap:
    """The heatmap that a method makes of a record; the options are the method's own, by name.

    Raises MethodError for an unknown method or option, and where the method isn't defined for this model.
    """
    chosen = get_method(method)
    check_options(method, options)
    heat = chosen.run(record, **options)
    return replace(heat, model=record.model, provenance=record.provenance)


def options_for(name: str, layer: Any = None, head: Any = None, query: Any = None) -> dict[str, Any]:
    """The general choices of a command or a request as a method's own options; None stands for no choice.

    In a method over many layers, the layer is the last of them, and the head a fusion of all heads. MethodError for a
    choice that the method doesn't have.
    """
    known = get_method(name).options
    given = {}
    for choice, value, own in (
        ("layer", layer, ("layer", "last")),
        ("head", head, ("head", "head_fusion")),
        ("query", query, ("query",)),
    ):
        if value is None:
            continue
        option = next((option for option in own if option in known), None)
        if option is None:
            raise MethodError(f"{name} has no {choice} to choose; leave it out.")
        given[option] = value
    return given


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

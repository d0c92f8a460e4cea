"""What every measure returns: numbers, a sentence that says them, and a sentence that says where they mislead."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from vit.attention import TokenLayout

Row = tuple[str | int | float, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured(ABC):
    """The root of all results. Numbers that aren't defined are NaN, and ``summary`` says why."""

    title: ClassVar[str]  # what is measured, for a plot's head
    caveat: ClassVar[str]  # where it misleads, in a sentence, to stand beside the plot

    model: str = ""
    provenance: str = ""

    @property
    def untrained(self) -> bool:
        return self.provenance == "random"

    @property
    @abstractmethod
    def summary(self) -> str:
        """The result in words, for whoever can't see the plot."""

    @abstractmethod
    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        """The result as a table: the columns' names, with units, and the rows. Layers and heads count from 0."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Every number by its field's name, for an .npz; ``about`` is JSON with the words."""
        found: dict[str, np.ndarray] = {}
        words: dict[str, Any] = {"title": self.title, "summary": self.summary, "caveat": self.caveat}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Tensor):
                found[each.name] = value.numpy()
            elif isinstance(value, tuple) and value and all(isinstance(part, Tensor) for part in value):
                found |= {f"{each.name}_{number}": part.numpy() for number, part in enumerate(value)}
            else:
                words[each.name] = _plain(value)
        return {**found, "about": np.array(json.dumps(words, ensure_ascii=False))}


@dataclass(frozen=True, eq=False, kw_only=True)
class PerHead(Measured):
    """One number for each head of each layer."""

    unit: ClassVar[str]  # of the numbers, as it stands at the axis: "pixels", "share of attention"
    even_words: ClassVar[str]  # what a head that looks at all its keys alike would have, for the plot's legend

    layers: tuple[str, ...]  # the layers' names
    heads: tuple[Tensor, ...]  # for each layer (heads,); NaN where the layer has no such number
    even: Tensor  # (layers,): what a head that looks at all its keys alike would have
    readout: tuple[Tensor, ...] = ()  # the same of the readout's row alone, where it is told apart

    def extremes(self) -> tuple[tuple[int, int, float], tuple[int, int, float]] | None:
        """The lowest and the highest: (layer, head, value) from 0; None if no layer has such a number."""
        flat = [
            (number, head, value)
            for number, values in enumerate(self.heads)
            for head, value in enumerate(values.tolist())
            if value == value
        ]
        return (min(flat, key=lambda each: each[2]), max(flat, key=lambda each: each[2])) if flat else None

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        columns = ("layer", "name", "head", self.unit, *((f"{self.unit}, readout's row",) if self.readout else ()))
        rows = [
            (number, name, head, value, *((float(self.readout[number][head]),) if self.readout else ()))
            for number, name in enumerate(self.layers)
            for head, value in enumerate(self.heads[number].tolist())
        ]
        return columns, rows


def _plain(value: Any) -> Any:
    """A field as JSON has it."""
    if isinstance(value, TokenLayout):
        return {"grid": [value.grid.rows, value.grid.cols], "prefix": list(value.prefix)}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def place_words(layer: int, head: int) -> str:
    """A head for a sentence, counted from 1."""
    return f"layer {layer + 1}, head {head + 1}"


def listed(words: Sequence[str], most: int = 5) -> str:
    """Some of many, for a sentence."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more


def signed(value: float) -> str:
    """Two digits, with a minus sign that is one."""
    return f"{value:.2f}".replace("-", "−")

"""A class by its name or its number, as it is typed in a shell, and classes as they are printed."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from vit.errors import MethodError

NEAREST = 5  # labels that an error offers
FEW = 20  # classes that can be listed in one sentence


def class_number(words: str | None, labels: Sequence[str]) -> int | None:
    """The number of a class; None if none was typed.

    A whole number is taken as it is; whether there is such a class is seen where it is used. A name is a label, or the
    part of one before its first comma, in capitals or not. MethodError, with the nearest labels, for a name that is
    unknown or means several classes.
    """
    if words is None:
        return None
    try:
        return int(words)
    except ValueError:
        pass
    if not labels:
        raise MethodError(f"This model has no classifier, so there is no class {words!r}.")
    wanted = words.strip().casefold()
    names = [label.casefold() for label in labels]
    found = [number for number, name in enumerate(names) if name == wanted]
    found = found or [number for number, name in enumerate(names) if name.partition(",")[0].strip() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise MethodError(f"{words!r} is the name of several classes; give a number: {_listed(found, labels)}.")
    near = _nearest(wanted, names)
    if near:
        raise MethodError(f"There is no class {words!r}; the nearest: {_listed(near, labels)}.")
    if len(labels) <= FEW:
        raise MethodError(f"There is no class {words!r}; there are: {_listed(range(len(labels)), labels)}.")
    ends = _listed((0, len(labels) - 1), labels).replace("), ", ") to ")
    raise MethodError(f"There is no class {words!r} among the {len(labels)} of this model, {ends}.")


def _nearest(wanted: str, names: Sequence[str]) -> list[int]:
    """Classes whose name holds what was typed, then those that are spelt alike, the nearest first."""
    holding = [number for number, name in enumerate(names) if wanted and wanted in name]
    alike = [names.index(name) for name in get_close_matches(wanted, names, NEAREST)]
    return list(dict.fromkeys([*holding, *alike]))[:NEAREST]


def _listed(numbers: Iterable[int], labels: Sequence[str]) -> str:
    return ", ".join(f"{labels[number]} (class {number})" for number in numbers)


def answer_words(top: Iterable[tuple[int, str, float]]) -> str:
    """The likeliest classes in a line: "church 59.1% (class 2), tench 12.0% (class 0)"; empty without a classifier."""
    return ", ".join(f"{label} {share:.1%} (class {number})" for number, label, share in top)

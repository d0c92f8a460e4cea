"""The Methods view: several methods' maps of the photo side by side, for any two classes, and their truth check."""

import json
from typing import TYPE_CHECKING, Any

from vit.errors import BusyError, MethodError, VitError
from vit.ui.checked import checked, counted
from vit.ui.views import Ask, view

if TYPE_CHECKING:
    from vit.attention import AttentionRecord, Heatmap
    from vit.methods import Method

# Of the truth check on the page. Coarser curves than elsewhere, so that nobody waits long; as many random orders as
# "better than chance" needs.
STEPS = 10
BATCH = 8  # pictures between two words of progress


@view("methods", place=10)
def methods(ask: Ask) -> dict[str, Any]:
    """``{"do": "maps"}`` gives the maps, ``"check"`` the truth check; ``methods`` may name which."""
    from vit.methods import get_method, list_methods

    do = ask.options.get("do", "maps")
    record = ask.analysis.record(ask.image, ask.model, ask.say)
    target, against = (_class(record, name, ask.options.get(name)) for name in ("target", "against"))
    if target is None and record.labels:
        target = record.top(1)[0][0]
    if against is not None and against == target:
        raise MethodError(f"Two classes are compared; {target} and {against} are not two.")
    quick = [name for name in list_methods() if not get_method(name).slow]
    names = _names(ask.options.get("methods", quick))
    if do == "maps":
        return _maps(ask, record, names, target, against)
    if do == "check":
        return {"check": _check(ask, names, target)}
    raise MethodError(f"do={do!r} is not one of: maps, check.")


def _class(record: "AttentionRecord", name: str, given: Any) -> int | None:
    """A class as a browser sends it: a number of this model, or nothing."""
    from vit.attention import whole_number

    if given is None:
        return None
    if not record.labels:
        raise MethodError(f"{record.model} has no classifier, so there is no {name} class to choose.")
    number = whole_number(given)
    if number is None or not 0 <= number < len(record.labels):
        raise MethodError(f"Class {given!r} is not in 0 to {len(record.labels) - 1}.")
    return number


def _names(given: Any) -> list[str]:
    from vit.methods import get_method

    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise MethodError("Methods come as a list of names.")
    return [get_method(name).name for name in dict.fromkeys(given)]


def _maps(
    ask: Ask, record: "AttentionRecord", names: list[str], target: int | None, against: int | None
) -> dict[str, Any]:
    """The maps, each a stretch of float32 numbers in one file; where a method has none, why.

    Where two methods come to the same numbers, the second says so: where a classifier reads the mean of all patches,
    what it looks at is what they all look at.
    """
    from vit.methods import get_method, list_methods

    numbers, found = bytearray(), []
    drawn: dict[bytes, str] = {}  # maps' numbers -> the first method that gave them
    for count, name in enumerate(names, 1):
        ask.say(f"map {count} of {len(names)}")
        method = get_method(name)
        told = {"name": name, "title": method.title, "of_a_class": method.of_a_class}
        try:
            heats = _heats(ask, method, target, against)
        except BusyError:
            raise  # no fault of the method
        except VitError as error:
            found.append({**told, "why": str(error), "maps": []})
        else:
            start = len(numbers)
            maps = [_packed(heat, numbers) for heat in heats]
            same = drawn.setdefault(bytes(numbers[start:]), name)
            found.append({**told, "maps": maps, "same": None if same == name else same})
    return {
        "target": target,
        "against": against,
        "labels": ask.keep("labels.json", json.dumps(record.labels).encode()),
        "methods": found,
        "slow": [name for name in list_methods() if get_method(name).slow],
        "file": ask.keep("maps.bin", bytes(numbers)),
    }


def _heats(ask: Ask, method: "Method", target: int | None, against: int | None) -> list["Heatmap"]:
    """One map; with a second class, and a method that tells classes apart, both classes' and their difference."""

    def heat(first: int | None, second: int | None = None) -> "Heatmap":
        return ask.analysis.heatmap(ask.image, ask.model, method.name, first, second, say=ask.say)

    if against is None or not method.of_a_class:
        return [heat(target)]
    return [heat(target), heat(against), heat(target, against)]


def _packed(heat: "Heatmap", numbers: bytearray) -> dict[str, Any]:
    """Where the map's numbers begin, in numbers, and what it shows."""
    rows, cols = heat.values.shape
    offset = len(numbers) // 4
    numbers.extend(heat.values.contiguous().numpy().astype("<f4").tobytes())
    return {"offset": offset, "rows": rows, "cols": cols, "caption": heat.caption, "signed": heat.signed}


def _check(ask: Ask, names: list[str], target: int | None) -> dict[str, Any]:
    """The truth check of these methods' maps, with progress; it ends where the visitor cancels."""
    ask.say("truth check: making the maps")
    return checked(
        ask.analysis.check(
            *(ask.image, ask.model, names, target), say=ask.say, progress=counted(ask.say), steps=STEPS, batch=BATCH
        )
    )

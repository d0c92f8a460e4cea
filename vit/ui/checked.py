"""A truth check made ready for the page: numbers and standings, which the page puts into its own words."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vit.line import Say

if TYPE_CHECKING:
    from vit.measures.curves import Curves, Faithfulness
    from vit.truth.check import Check

_BEFORE = 2.0  # seconds of which a rate is made: until then nothing is said of the time that is left


def counted(say: Say) -> Callable[[int, int], None]:
    """The progress of a check in words: which of its tests, and from the rate so far how long the others take."""
    first: tuple[int, float] | None = None

    def progress(done: int, total: int) -> None:
        nonlocal first
        now = time.monotonic()
        before, began = first = first or (done, now)
        rate = (now - began) / max(1, done - before)  # seconds a test
        say(
            f"test {done} of {total}" + (_left(rate * (total - done)) if done < total and now - began > _BEFORE else "")
        )

    return progress


def _left(seconds: float) -> str:
    if seconds < 45:
        return f", about {max(5, 5 * round(seconds / 5))} seconds left"
    return ", about a minute left" if seconds < 90 else f", about {round(seconds / 60)} minutes left"


def checked(check: "Check") -> dict[str, Any]:
    """The table, the most faithful method first, and the curves; shares and probabilities are 0 to 1.

    The random orders are the same for every method, so their band is said once for each test.
    """
    first = check.results[0]
    return {
        "target": check.target,
        "label": check.label,
        "probability": check.probability,
        "grid": [check.grid.rows, check.grid.cols],
        "shares": first.deletion.shares.tolist(),
        "chance": {curves.test: _chance(curves) for curves in first.tests},
        "methods": [_method(found) for found in check.results],
        "refused": [{"name": name, "why": why} for name, why in check.refused],
    }


def _method(found: "Faithfulness") -> dict[str, Any]:
    return {
        "name": found.method,
        "gain": found.gain,
        "words": found.words,
        "tied": found.tied,
        **{curves.test: _curves(curves) for curves in found.tests},
    }


def _curves(curves: "Curves") -> dict[str, Any]:
    return {
        "ordered": curves.ordered.tolist(),
        "backwards": None if curves.backwards is None else curves.backwards.tolist(),
        "area": curves.area,
        "backwards_area": curves.backwards_area,
        "standing": curves.standing,
        "as_good": curves.as_good,
        "p": curves.p,
    }


def _chance(curves: "Curves") -> dict[str, Any]:
    """What the random orders do at each point, and their areas."""
    return {
        "orders": len(curves.random),
        "least": curves.random.amin(0).tolist(),
        "mean": curves.random.mean(0).tolist(),
        "most": curves.random.amax(0).tolist(),
        "area": float(curves.random_areas.mean()),
        "spread": curves.spread,
    }

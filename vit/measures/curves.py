"""What the truth check finds: curves of a class's probability, their areas, and what these say in words."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.tokens import Grid

TESTS = ("deletion", "insertion")
LEVEL = 0.05  # how seldom chance alone may do as well, for "better than chance" to be said
ORDERS = 19  # the fewest random orders with which a map ahead of all of them reaches LEVEL: 1 / (19 + 1)
_SAME = 1e-6  # areas this close are equal: a batch rounds a little otherwise than another


@dataclass(frozen=True, eq=False)
class Curves:
    """One test of one map: the class's probability step by step. Areas are those under the curves, 0 to 1."""

    test: str  # "deletion": less area is better; "insertion": more is
    shares: Tensor  # (points,), float64, the share of patches exchanged so far, from 0 to 1
    ordered: Tensor  # (points,), float64: in the map's order, its highest patches first
    backwards: Tensor | None  # (points,): in the reversed order, if it was asked for
    random: Tensor  # (orders, points): in orders by chance

    @property
    def area(self) -> float:
        return float(torch.trapezoid(self.ordered, self.shares))

    @property
    def backwards_area(self) -> float | None:
        return None if self.backwards is None else float(torch.trapezoid(self.backwards, self.shares))

    @property
    def random_areas(self) -> Tensor:
        """``(orders,)``"""
        return torch.trapezoid(self.random, self.shares)

    @property
    def spread(self) -> float:
        """The standard deviation of the random orders' areas; 0 for a single one."""
        return float(self.random_areas.std()) if len(self.random) > 1 else 0.0

    @property
    def gain(self) -> float:
        """How far the area is from the random orders' mean, positive where it is better than theirs."""
        return self._better * (self.area - float(self.random_areas.mean()))

    @property
    def as_good(self) -> int:
        """How many random orders do at least as well as the map."""
        return int((self._better * (self.random_areas - self.area) >= -_SAME).sum())

    @property
    def as_bad(self) -> int:
        """How many random orders do at most as well as the map."""
        return int((self._better * (self.random_areas - self.area) <= _SAME).sum())

    @property
    def p(self) -> float:
        """How often an order by chance would do as well, if the map's were one: its rank among the random orders.

        (1 + those as good) / (1 + all), exact for any model, and never below 1 / (1 + all). One-sided.
        """
        return (1 + self.as_good) / (1 + len(self.random))

    @property
    def standing(self) -> str:
        """ "better", "worse", "ahead" (of all, but these are too few to say better) or "no better" than chance."""
        if self.p <= LEVEL:
            return "better"
        if (1 + self.as_bad) / (1 + len(self.random)) <= LEVEL:
            return "worse"
        return "no better" if self.as_good else "ahead"

    @property
    def words(self) -> str:
        """What the test found on this photo, in a sentence's part."""
        count = len(self.random)
        if self.standing == "ahead":
            return f"ahead of {_all(count)}, too few to tell from chance (p = {self.p:.2g}; it takes {ORDERS})"
        if self.standing == "worse":
            return f"worse than chance: {count - self.as_bad} of {count} random orders do better"
        done = f"{self.as_good or 'none'} of {count} random orders {'does' if self.as_good == 1 else 'do'} as well"
        said = "better than chance" if self.standing == "better" else "no better than chance on this photo"
        return f"{said}: {done} (p = {self.p:.2g})"

    @property
    def _better(self) -> int:
        return -1 if self.test == "deletion" else 1


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """What both tests found about one map on one picture."""

    method: str
    caption: str
    target: int  # the class whose probability was followed
    grid: Grid  # of the pieces that were exchanged
    tied: float  # the share of patches with a value that another one has too: their order is by chance
    deletion: Curves
    insertion: Curves

    @property
    def tests(self) -> tuple[Curves, Curves]:
        return self.deletion, self.insertion

    @property
    def gain(self) -> float:
        """How much better than random orders, the mean of both tests: what a table is ranked by."""
        return (self.deletion.gain + self.insertion.gain) / 2

    @property
    def words(self) -> str:
        """The verdict in few words; ``deletion.words`` and ``insertion.words`` have the numbers."""
        first, second = (curves.standing for curves in self.tests)
        if first == second:
            said = {"ahead": f"ahead of {_all(len(self.deletion.random))}, too few to tell from chance"}
            return said.get(first, f"{first} than chance" + (" on this photo" if first == "no better" else ""))
        found = [
            f"{standing} than chance in {curves.test}"
            for curves in self.tests
            if (standing := curves.standing) in ("better", "worse")
        ]
        if not found:
            return "no better than chance on this photo"
        return " but ".join(found) + (" only" if len(found) == 1 and found[0].startswith("better") else "")


def _all(count: int) -> str:
    return "the one random order" if count == 1 else f"all {count} random orders"

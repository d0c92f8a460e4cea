"""What a folder's checks say together: means with their confidence, and each method's test against chance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from vit.truth.folder import Row

TESTS = ("deletion", "insertion")
LEVEL = 0.01  # the p below which a difference from chance is called one


@dataclass(frozen=True)
class Summary:
    """One test of one method over many pictures. Areas are those under the curves; intervals are of 95%."""

    test: str
    pictures: int
    area: float  # the mean
    area_from: float
    area_to: float
    gain: float  # the mean of how much better than the same picture's random orders; below 0: worse
    gain_from: float
    gain_to: float
    p: float  # two-sided, of the gains: Wilcoxon's signed ranks
    ranks: float  # of all ranks, the share that gains above 0 have; half of them by chance

    @property
    def verdict(self) -> str:
        """A few large losses may outweigh many small gains: where mean and ranks disagree, neither is said."""
        if self.p >= LEVEL or (self.gain > 0) != (self.ranks > 0.5):
            return "as chance"
        return "better" if self.gain > 0 else "worse"


def summarise(rows: Sequence[Row]) -> dict[str, tuple[Summary, Summary]]:
    """For every method its deletion and insertion, the methods with the highest gain first.

    A method with one picture is left out (see ``lonely``): a mean with its confidence takes two.
    """
    found = {name: (_summary(rows, name, 0), _summary(rows, name, 1)) for name in testable(rows)}
    return dict(sorted(found.items(), key=lambda item: -sum(summary.gain for summary in item[1])))


def testable(rows: Sequence[Row]) -> list[str]:
    """The methods that gave a map of two pictures or more."""
    return [name for name, count in _counted(rows).items() if count > 1]


def lonely(rows: Sequence[Row]) -> list[str]:
    """The methods that gave a map of one picture only."""
    return [name for name, count in _counted(rows).items() if count == 1]


def _counted(rows: Sequence[Row]) -> Counter:
    return Counter(name for row in rows for name in row.methods or {})


def _summary(rows: Sequence[Row], name: str, test: int) -> Summary:
    having = [row for row in rows if name in (row.methods or {})]
    areas = np.array([row.methods[name][test] for row in having if row.methods])
    gains = (areas - np.array([row.chance[test] for row in having])) * (-1 if TESTS[test] == "deletion" else 1)
    p, ranks = 1.0, 0.5  # all pairs equal: nothing to rank, and no sign of a difference
    if different := int(np.count_nonzero(gains)):
        p = float(stats.wilcoxon(gains)[1])  # type: ignore[index]
        above = float(stats.wilcoxon(gains, alternative="greater")[0])  # type: ignore[index]
        ranks = above / (different * (different + 1) / 2)
    mean, gain = float(areas.mean()), float(gains.mean())
    return Summary(TESTS[test], len(having), mean, *interval(areas), gain, *interval(gains), p, ranks)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95% confidence interval of the mean, from 9,999 resamplings of the pictures (percentile bootstrap)."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    drawn = stats.bootstrap((values,), np.mean, n_resamples=9999, method="percentile", batch=1000, rng=0)
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


def refusals(rows: Sequence[Row]) -> dict[str, Counter]:
    """For each method that refused a picture, its sentences and how often each was said."""
    said: dict[str, Counter] = {}
    for row in rows:
        for name, why in (row.refused or {}).items():
            said.setdefault(name, Counter())[why] += 1
    return said

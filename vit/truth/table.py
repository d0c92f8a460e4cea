"""A check as text, Markdown, CSV or arrays: one line a method, the most faithful first."""

import csv
import io
import json

import numpy as np

from vit.measures.curves import Faithfulness
from vit.truth.check import Check

HEADS = ("method", "deletion", "insertion", "gain", "on this photo")


def as_text(check: Check) -> str:
    """For a terminal: what was checked, a line for each method, and how to read it."""
    rows = [HEADS, *(_row(found) for found in check.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS) - 1)]
    lines = [about(check), ""]
    lines += ["  ".join([*map(str.ljust, row[:-1], widths), row[-1]]) for row in rows]
    lines += ["", _chance(check), READING]
    lines += [f"{name}: not checked. {why}" for name, why in check.refused]
    return "\n".join(lines)


def as_markdown(check: Check) -> str:
    """The same as a page."""
    lines = [f"# {about(check)}", "", "| " + " | ".join(HEADS) + " |", "| --- | ---: | ---: | ---: | --- |"]
    lines += ["| " + " | ".join(_row(found)) + " |" for found in check.results]
    lines += [f"| {name} | | | | not checked: {why.replace('|', '/')} |" for name, why in check.refused]
    return "\n".join([*lines, "", _chance(check), "", READING, ""])


def as_csv(check: Check) -> str:
    """A line for each method, with every number that the text rounds."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n")
    tests = [f"{test}_{name}" for test in ("deletion", "insertion") for name in COLUMNS]
    write.writerow(["method", "gain", *tests, "verdict", "caption"])
    for found in check.results:
        numbers = [number for curves in found.tests for number in _numbers(curves)]
        write.writerow([found.method, f"{found.gain:.6f}", *numbers, found.words, found.caption])
    for name, why in check.refused:
        write.writerow([name, *[""] * (1 + len(tests)), f"not checked: {why}", ""])
    return file.getvalue()


def to_npz(check: Check) -> bytes:
    """The curves as a compressed ``.npz``, without pickles.

    For method number M and each test, "deletion" and "insertion": ``M_TEST_ordered`` and, if there is one,
    ``M_TEST_backwards``, float64 (points,). Of all methods together: ``TEST_random`` (orders, points), ``shares``
    (points,) of the patches exchanged, and ``about``: JSON with the model, the class, and each method's name and words.
    """
    first = check.results[0]
    arrays: dict[str, np.ndarray] = {"shares": first.deletion.shares.numpy()}
    for curves in first.tests:
        arrays[f"{curves.test}_random"] = curves.random.numpy()
    for number, found in enumerate(check.results):
        for curves in found.tests:
            arrays[f"{number}_{curves.test}_ordered"] = curves.ordered.numpy()
            if curves.backwards is not None:
                arrays[f"{number}_{curves.test}_backwards"] = curves.backwards.numpy()
    arrays["about"] = np.array(json.dumps(_about(check), ensure_ascii=False))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def about(check: Check) -> str:
    """What was checked, in a line."""
    weights = "untrained weights, so this says nothing about seeing" if check.untrained else check.provenance
    return f"Truth check of {check.model} ({weights}): {check.label}, {check.probability:.1%}"


READING = (
    "Area under the curve of the class's probability: of deletion less is better, of insertion more. Gain: how much "
    "better than the mean of the random orders, over both. A map that is no better than chance may still show what a "
    "head reads; it is no evidence of what the answer owes to it."
)
COLUMNS = ("area", "backwards_area", "random_mean", "random_spread", "p")


def _row(found: Faithfulness) -> tuple[str, ...]:
    areas = (f"{curves.area:.3f}" for curves in found.tests)
    return (found.method, *areas, f"{found.gain:+.3f}".replace("-", "−"), found.words)


def _chance(check: Check) -> str:
    """The band that all methods stand against."""
    deletion, insertion = check.results[0].tests
    return (
        f"{len(deletion.random)} random orders of {check.grid.rows} × {check.grid.cols} patches: "
        f"deletion {float(deletion.random_areas.mean()):.3f} ± {deletion.spread:.3f}, "
        f"insertion {float(insertion.random_areas.mean()):.3f} ± {insertion.spread:.3f} (mean ± standard deviation). "
        f"The mean colour alone gets {float(deletion.ordered[-1]):.1%}, the blurred photo "
        f"{float(insertion.ordered[0]):.1%}."
    )


def _numbers(curves) -> list[str]:
    numbers = (curves.area, curves.backwards_area, float(curves.random_areas.mean()), curves.spread, curves.p)
    return ["" if number is None else f"{number:.6f}" for number in numbers]


def _about(check: Check) -> dict:
    return {
        "model": check.model,
        "provenance": check.provenance,
        "target": check.target,
        "label": check.label,
        "probability": check.probability,
        "grid": [check.grid.rows, check.grid.cols],
        "methods": [
            {
                "method": found.method,
                "caption": found.caption,
                "verdict": found.words,
                **{curves.test: curves.words for curves in found.tests},
                "tied": found.tied,
            }
            for found in check.results
        ],
        "refused": [{"method": name, "why": why} for name, why in check.refused],
    }

"""The page about a folder's checks, and the same numbers as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from vit.errors import DataError
from vit.truth.folder import Row
from vit.truth.summary import LEVEL, Summary, lonely, refusals, summarise, testable

NUMBERS = ("pictures", "area", "area_from", "area_to", "gain", "gain_from", "gain_to", "p")


def as_markdown(found: Mapping[str, Sequence[Row]], data: str, command: str, settings: Mapping[str, int]) -> str:
    """The whole page: a section for each model. DataError if there is nothing to tell about any."""
    if not any(testable(rows) for rows in found.values()):
        unused = [f"{row.picture}: {row.error}" for rows in found.values() for row in rows if row.error]
        raise DataError(f"{data} has no two pictures that a method could be tested on. {' '.join(unused[:1])}".strip())
    lines = [
        f"# Which maps are faithful: {data}",
        "",
        "Patches of each picture are exchanged in the order of a method's map, its highest first, and the probability "
        "of the model's own likeliest class is followed. Deletion sets patches to the mean colour: less area under the "
        "curve is better. Insertion puts them back into a blurred picture: more is better. The gain is how much better "
        "that is than the mean of random orders on the same picture.",
        "",
    ]
    for model, rows in found.items():
        lines += _section(model, rows)
    lines += [
        "## How it was measured",
        "",
        f"{settings['steps']} steps; {settings['orders']} random orders for each picture, its own, seed "
        f"{settings['seed']}. Ranges are 95% confidence intervals of the mean over pictures (percentile bootstrap, "
        "9,999 resamplings). p is Wilcoxon's signed-rank test, two-sided, of the method against the mean of the random "
        "orders, paired by picture; it is not corrected for the number of tests, and a difference is called one below "
        f"{LEVEL}, if mean and ranks point the same way. Maps of finer grids are averaged onto the coarsest, so that "
        "every order moves pieces of one size. The definitions: `vit/measures/faithfulness.py`. The command:",
        "",
        "```sh",
        command,
        "```",
        "",
        "A picture with grey squares is one that no model learned from, so a fall may be surprise rather than "
        "evidence. That holds for random orders too, which is why they are the measure here.",
        "",
    ]
    return "\n".join(lines)


def _section(model: str, rows: Sequence[Row]) -> list[str]:
    used = [row for row in rows if row.methods]
    lines = [f"## {model}", "", f"{len(used)} pictures."]
    if table := summarise(used):
        chance = np.array([row.chance for row in used]).mean(0)
        lines[-1] += f" Random orders: deletion {chance[0]:.3f}, insertion {chance[1]:.3f}."
        lines += ["", "| method | deletion | gain | p | insertion | gain | p | against chance |"]
        lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
    for name, pair in table.items():
        cells = [cell for summary in pair for cell in _cells(summary)]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {_verdict(pair)} |")
    notes = [
        f"- {name} was left out: it has a map of 1 of {len(used)} pictures, and a mean with its confidence takes two."
        for name in lonely(used)
    ]
    notes += [
        f"- {name}: not on {count} of {len(used)} pictures. {why}"
        for name, said in refusals(used).items()
        for why, count in said.items()
    ]
    notes += [f"- {row.picture} was left out: {row.error}" for row in rows if row.error]
    return [*lines, "", *notes, *([""] if notes else [])]


def _cells(summary: Summary) -> tuple[str, str, str]:
    return (
        f"{summary.area:.3f} ({summary.area_from:.3f} to {summary.area_to:.3f})",
        f"{summary.gain:+.3f} ({summary.gain_from:+.3f} to {summary.gain_to:+.3f})".replace("-", "−"),
        f"{summary.p:.2g}",
    )


def _verdict(pair: Sequence[Summary]) -> str:
    first, second = (summary.verdict for summary in pair)
    return f"{first} in both" if first == second else f"{first} in deletion, {second} in insertion"


def as_csv(found: Mapping[str, Sequence[Row]]) -> str:
    """The page's table with every digit: a line for each model, method and test."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n")
    write.writerow(["model", "method", "test", *NUMBERS])
    for model, rows in found.items():
        for name, pair in summarise([row for row in rows if row.methods]).items():
            for summary in pair:
                numbers = (getattr(summary, number) for number in NUMBERS)
                write.writerow([model, name, summary.test, *(f"{number:.6g}" for number in numbers)])
    return file.getvalue()


def pictures_as_csv(found: Mapping[str, Sequence[Row]]) -> str:
    """Every picture's areas, so that anybody can test them in another way."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n")
    write.writerow(["model", "picture", "class", "probability", "method", "deletion", "insertion"])
    for model, rows in found.items():
        for row in rows:
            for name, areas in {"random orders, mean": row.chance, **(row.methods or {})}.items():
                if not row.error:
                    numbers = (f"{number:.5f}" for number in areas)
                    write.writerow([model, row.picture, row.label, f"{row.probability:.5f}", name, *numbers])
    return file.getvalue()

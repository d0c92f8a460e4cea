"""The table of families: what is kept of each of timm's variants, and how a person reads it.

``families.json`` holds one line for each variant, written by ``python -m vit models --trace``. Reading it needs neither
torch nor timm.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import wrap

DATA = Path(__file__).with_name("families.json")
HEADINGS = ("family", "maps", "mechanism", "prefix", "readout", "methods", "traced")
WIDTHS = (22, 9, 38, 14, 23, 20, 36)  # of the columns in a terminal, in letters; a longer cell takes more lines


@dataclass(frozen=True)
class Facts:
    """What a variant's traced run says. All but its name and size is found out (vit/families/derive.py)."""

    variant: str  # an architecture's name in timm
    size: int  # pixels of the side that it was traced at
    family: str  # the module of timm.models that its network is from
    maps: int  # attention layers with a map over picture tokens
    without: int  # attention layers without one
    mechanism: dict[str, int]  # in words, and how many layers work so
    convolutions: bool = False  # whether the first attention looks at what convolutions made
    prefix: str = ""  # the tokens that are no patch
    readout: str = ""  # who asks when no query is given
    refused: dict[str, str] = field(default_factory=dict)  # a method's name to the sentence that refuses it
    instead: str = ""  # what a network without any map does


def read_facts() -> list[Facts]:
    """Every variant's facts, as kept: families in order, and each one's variants."""
    return [Facts(**entry) for entry in json.loads(DATA.read_text(encoding="utf-8"))]


def write_facts(facts: list[Facts]) -> None:
    """Keeps the facts, one line for each variant."""
    ordered = sorted(facts, key=lambda each: (each.family, each.variant))
    lines = ",\n".join(json.dumps(asdict(each), ensure_ascii=False) for each in ordered)
    DATA.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def table(facts: list[Facts]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows as in HEADINGS, and the notes that their numbers in brackets point to.

    Variants of one family that work alike share a row, however many layers each has.
    """
    alike: dict[tuple, list[Facts]] = {}
    for each in facts:
        refused = tuple(each.refused.items())
        key = (each.family, *each.mechanism, each.convolutions, each.prefix, each.readout, refused, each.instead)
        alike.setdefault(key, []).append(each)
    notes: list[str] = []
    return [_row(group, notes) for group in alike.values()], notes


def as_text(facts: list[Facts]) -> str:
    """The table for a terminal, with its notes below."""
    rows, notes = table(facts)
    lines = [*_lines(HEADINGS), *_lines(tuple("─" * width for width in WIDTHS))]
    for row in rows:
        lines += _lines(row)
    return "\n".join([*lines, "", *(f"[{number}] {note}" for number, note in enumerate(notes, 1))])


def as_markdown(facts: list[Facts]) -> str:
    """The table for docs/models.md, with its notes below."""
    rows, notes = table(facts)
    lines = [f"| {' | '.join(HEADINGS)} |", f"| {' | '.join('---' for _ in HEADINGS)} |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))])


def _row(group: list[Facts], notes: list[str]) -> tuple[str, ...]:
    """One row of variants that work alike. New sentences go to the end of ``notes``."""
    first = group[0]
    variants = ", ".join(each.variant for each in group)
    mechanism = ", ".join(first.mechanism) + ("; after convolutions" if first.convolutions else "")
    if not first.maps:
        return first.family, "none", mechanism or "no map", "", "", f"none [{_note(first.instead, notes)}]", variants
    refused = [f"{name} [{_note(sentence, notes)}]" for name, sentence in first.refused.items()]
    methods = f"all but {', '.join(refused)}" if refused else "all"
    return first.family, _maps(group), mechanism, first.prefix or "none", first.readout, methods, variants


def _note(sentence: str, notes: list[str]) -> int:
    """The number of a sentence among the notes, counted from 1."""
    if sentence not in notes:
        notes.append(sentence)
    return notes.index(sentence) + 1


def _maps(group: list[Facts]) -> str:
    """How many attention layers have a map: "all 12", "all 6–32", or "6 of 12"."""
    if any(each.without for each in group):
        return ", ".join(dict.fromkeys(f"{each.maps} of {each.maps + each.without}" for each in group))
    least, most = (pick(each.maps for each in group) for pick in (min, max))
    return f"all {least}" if least == most else f"all {least}–{most}"


def _lines(row: tuple[str, ...]) -> list[str]:
    """A row of the terminal's table: as many lines as its longest cell takes."""
    cells = [wrap(cell, width, break_long_words=False) or [""] for cell, width in zip(row, WIDTHS, strict=True)]
    tall = max(map(len, cells))
    lines = [[cell[n] if n < len(cell) else "" for cell in cells] for n in range(tall)]
    return ["  ".join(f"{part:{width}}" for part, width in zip(line, WIDTHS, strict=True)).rstrip() for line in lines]

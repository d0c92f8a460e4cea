"""Lists the models that can be asked for; with --all, what can be done with each of timm's families."""

import argparse
from fnmatch import fnmatchcase
from pathlib import Path

from vit.commands.shared import check_folder_of
from vit.errors import ModelError
from vit.models import bundled_names, cached_timm_names, default_model, describe, list_models

PAGE = """# What works with which of timm's models

One row for the variants of a family (a module of `timm.models`) that work alike. Everything here was found out by
running one variant of each kind with random weights once; nothing is typed. Other variants of a family work the same.
Written by `python -m vit models --trace --write docs/models.md`; `python -m vit models --all` prints it.

- **maps**: how many of the attention layers have a map over picture tokens.
- **mechanism**: in words; *effective matrix* where what multiplies the values is no softmax, so its rows are not shares
  that sum to 1 and may be below zero.
- **prefix**: the tokens beside the patches. **readout**: who asks where no query is given.
- **methods**: what can be made of a whole record; a number in brackets points to the reason below.
- **traced**: the variants that were run.

"""

EXAMPLE = "python -m vit models --all 'swin*'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pattern", nargs="?", help="only names that match, such as 'deit*' (as in a shell); '*' for all of them"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="timm's models too, not only those at hand without a network; without a pattern, the table of families",
    )
    parser.add_argument(
        "--trace", action="store_true", help="for developers: find the table out anew, some minutes of work"
    )
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="write the table of families as a page")


def run(options: argparse.Namespace) -> None:
    if options.trace:
        trace(options.pattern or "*")
    if options.write:
        write(options.write)
    if options.trace or options.write:
        return
    if options.all and options.pattern is None:
        from vit.families.table import as_text, read_facts

        print(as_text(read_facts()))
        print("\npython -m vit models --all '*' lists all names, and --all 'swin*' those that match.")
        return
    list_names(options.pattern or "*", options.all)


def list_names(pattern: str, everything: bool) -> None:
    """Prints a line for each model whose name matches."""
    at_hand = set(cached_timm_names())
    names = list_models() if everything else [*bundled_names(), *sorted(at_hand)]
    chosen = [name for name in names if fnmatchcase(name, pattern)]
    bundled, first = set(bundled_names()), default_model() if names else None
    width = max((len(name) for name in chosen), default=0)
    if not chosen:
        raise ModelError(f"No model's name matches {pattern!r}; leave it out to see them, with --all '*' timm's too.")
    for name in chosen:
        about = describe(name) if name in bundled else "timm · at hand" if name in at_hand else "timm · from the hub"
        print(f"{name:{width}}  {about}{' · the default' if name == first else ''}")
    if not everything:
        print("python -m vit models --all tells what can be done with timm's; --all '*' lists their names.")


def trace(pattern: str) -> None:
    """Finds out anew what the matching variants of the table do, and keeps it."""
    from vit.families.derive import derive
    from vit.families.table import read_facts, write_facts

    facts = read_facts()
    chosen = [number for number, each in enumerate(facts) if fnmatchcase(each.variant, pattern)]
    if not chosen:
        raise ModelError(f"No variant in the table matches {pattern!r}; leave it out to trace all.")
    for done, number in enumerate(chosen, 1):
        facts[number] = derive(facts[number].variant, facts[number].size)
        print(f"{done} of {len(chosen)}  {facts[number].family}: {facts[number].variant}", flush=True)
        write_facts(facts)  # at once: a break leaves whole lines, and what was found


def write(page: Path) -> None:
    """Writes the page about all families."""
    from vit.families.table import as_markdown, read_facts

    check_folder_of(page)
    page.write_text(PAGE + as_markdown(read_facts()) + "\n", encoding="utf-8")
    print(f"{page} written")

"""Lists the models that can be asked for: the bundled ones, and with --all every timm model with published weights."""

import argparse
from fnmatch import fnmatchcase

from vit.errors import ModelError
from vit.models import bundled_names, cached_timm_names, default_model, describe, list_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pattern", nargs="?", default="*", help="only names that match, such as 'deit*' (as in a shell)"
    )
    parser.add_argument(
        "--all", action="store_true", help="timm's models too, not only those at hand without a network"
    )


def run(options: argparse.Namespace) -> None:
    at_hand = set(cached_timm_names())
    names = list_models() if options.all else [*bundled_names(), *sorted(at_hand)]
    chosen = [name for name in names if fnmatchcase(name, options.pattern)]
    bundled, first = set(bundled_names()), default_model() if names else None
    width = max((len(name) for name in chosen), default=0)
    if not chosen:
        raise ModelError(
            f"No model's name matches {options.pattern!r}; leave it out to see them, with --all timm's too."
        )
    for name in chosen:
        about = describe(name) if name in bundled else "timm · at hand" if name in at_hand else "timm · from the hub"
        print(f"{name:{width}}  {about}{' · the default' if name == first else ''}")
    if not options.all:
        print("python -m vit models --all lists timm's models too; their weights are fetched from the hub.")

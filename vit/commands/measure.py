"""Measures a model's attention and tokens on a photo. Layers, heads, rows and columns count from 0; −1 is the last."""

import argparse
from collections.abc import Sequence
from typing import Any

from vit.commands import shared
from vit.commands.classes import class_number
from vit.commands.work import working
from vit.errors import VitError

ENDINGS = (".png", ".svg", ".pdf", ".csv", ".npz")
EXAMPLE = "python -m vit measure photo.jpg --measure distance -o distance.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_photo(parser)
    parser.add_argument("--measure", required=True, help=shared.names_in("measures"))
    shared.add_model(parser)
    parser.add_argument("--layer", help="a layer's number; of head similarity also all")
    parser.add_argument("--patch", metavar="ROW,COL", help="the patch, or a token's name such as cls, for patches")
    shared.add_target(parser, "the class that the lens follows (default: the likeliest)")
    shared.add_options(parser, "one of the measure's own, such as k=6; more than once if need be")
    shared.add_size(parser)
    parser.add_argument("--theme", default="light", choices=("light", "dark"), help="of a plot (default: light)")
    shared.add_out(parser, ".png, .svg or .pdf: a plot; .csv: a table; .npz: every number")


def run(options: argparse.Namespace) -> None:
    shared.check_files([options.out], ENDINGS)
    shared.check_weights(options)
    given = own_options(options)
    size = shared.pair("--size", options.size) if options.size else None
    image = shared.open_photo(options.photo)
    with working(f"loading {shared.model_name(options)}") as work:
        from vit.capture import record_attention
        from vit.measures import get_measure, measure
        from vit.measures.registry import check_options
        from vit.models.parts import parts
        from vit.models.sizes import resized
        from vit.render import save_measure

        chosen = get_measure(options.measure)
        for name in (*chosen.parts, "others"):
            if name in given:
                raise VitError(f"--option {name} is none for a shell: it takes more than a number or a word.")
        check_options(chosen.name, given)
        model = shared.open_model(options, work)
        if size:
            model = resized(model, size)
        given = with_class(given, model.labels)
        record = record_attention(model, image, keep=chosen.keep)
        found = measure(record, chosen.name, **given, **parts(model, record, chosen.parts))
        save_measure(found, options.out, image, options.theme)
    print(f"{options.out} · {found.summary} Mind: {found.caveat}")


def own_options(options: argparse.Namespace) -> dict[str, Any]:
    """The measure's own options, as typed."""
    given: dict[str, Any] = dict(shared.own_option(words) for words in options.option)
    if options.layer is not None:
        number = options.layer.removeprefix("-")
        given["layer"] = int(options.layer) if number.isdecimal() else options.layer
    if options.patch is not None:
        given["patch"] = shared.token("--patch", options.patch)
    if options.target is not None:
        given["target"] = options.target
    return given


def with_class(given: dict[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """The same options, with the target's number where its name was typed."""
    target = given.get("target")
    return given | {"target": class_number(target, labels)} if isinstance(target, str) else given

"""Measures a model's attention and tokens on a photo. Layers, heads, rows and columns count from 0; −1 is the last."""

import argparse
from pathlib import Path
from typing import Any

from vit.commands.explain import own_option, pair
from vit.errors import VitError

KINDS = (".png", ".svg", ".pdf", ".csv", ".npz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a picture file")
    parser.add_argument("--measure", required=True, help="distance, entropy, prefix, sinks, norms, heads, lens, …")
    parser.add_argument("--model", help="a bundled name or a timm name (default: the best whose weights are at hand)")
    parser.add_argument("--weights", default="pretrained", help="pretrained (default), or a .safetensors file")
    parser.add_argument("--layer", help="a layer's number; of head similarity also all")
    parser.add_argument("--patch", metavar="ROW,COL", help="the patch, or a token's name such as cls, for patches")
    parser.add_argument("--target", type=int, metavar="CLASS", help="the class that the lens follows")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="one of the measure's own, such as k=6"
    )
    parser.add_argument("--size", metavar="HEIGHT,WIDTH", help="feed the model at another size than its own, in pixels")
    parser.add_argument("--theme", default="light", choices=("light", "dark"), help="of a plot (default: light)")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help=".png, .svg or .pdf: a plot; .csv: a table; .npz: every number",
    )


def run(options: argparse.Namespace) -> None:
    if options.out.suffix.lower() not in KINDS:
        raise VitError(f"{options.out.name} ends in none of: {', '.join(KINDS)}.")
    if not options.out.absolute().parent.is_dir():
        raise VitError(f"There is no folder {options.out.parent} to write into.")
    if options.weights == "random":
        raise VitError("Untrained weights show nothing; --weights takes pretrained or a .safetensors file.")
    from vit.image import load_image

    image = load_image(options.photo)  # before torch is imported: a wrong file is told at once
    from vit.capture import record_attention
    from vit.measures import get_measure, measure
    from vit.measures.registry import check_options
    from vit.models import default_model, load_model
    from vit.models.parts import parts
    from vit.models.sizes import resized
    from vit.render import save_measure

    chosen = get_measure(options.measure)
    given = own_options(options)
    check_options(chosen.name, given)
    model = load_model(options.model or default_model(), options.weights)
    if options.size:
        model = resized(model, pair("--size", options.size))
    record = record_attention(model, image, keep=chosen.keep)
    found = measure(record, chosen.name, **given, **parts(model, record, chosen.parts))
    save_measure(found, options.out, image, options.theme)
    print(f"{options.out.name} · {found.summary} Mind: {found.caveat}")


def own_options(options: argparse.Namespace) -> dict[str, Any]:
    """The measure's own options, as typed."""
    given: dict[str, Any] = dict(own_option(words) for words in options.option)
    if options.layer is not None:
        number = options.layer.removeprefix("-")
        given["layer"] = int(options.layer) if number.isdecimal() else options.layer
    if options.patch is not None:
        given["patch"] = pair("--patch", options.patch) if "," in options.patch else options.patch.lower()
    if options.target is not None:
        given["target"] = options.target
    return given

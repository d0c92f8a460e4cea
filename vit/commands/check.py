"""Checks on a photo whether the model's answer depends on what each method's map points at, against chance."""

import argparse
from pathlib import Path

from vit.commands import shared
from vit.commands.classes import class_number
from vit.commands.work import working

FIGURES = (".png", ".svg", ".pdf")
ENDINGS = (*FIGURES, ".md", ".csv", ".npz")
EXAMPLE = "python -m vit check photo.jpg --methods raw rollout relevance -o curves.png table.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_photo(parser)
    shared.add_model(parser)
    shared.add_target(parser, "the class to follow (default: the likeliest)")
    shared.add_check(parser, orders=19)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        nargs="+",
        default=[],
        metavar="OUT",
        help="also written: .png, .svg or .pdf the curves; .md or .csv the table; .npz every curve",
    )


def run(options: argparse.Namespace) -> None:
    shared.check_files(options.out, ENDINGS)
    shared.check_numbers(options)
    shared.check_weights(options)
    image = shared.open_photo(options.photo)
    settings = {name: getattr(options, name) for name in ("steps", "orders", "seed", "batch")}
    with working(f"loading {shared.model_name(options)}") as work:
        from vit.render.files import write_whole
        from vit.render.truth import truth_figure
        from vit.truth.check import check
        from vit.truth.table import about, as_csv, as_markdown, as_text, to_npz

        model = shared.open_model(options, work)
        target = class_number(options.target, model.labels)
        found = check(model, image, options.methods, target, progress=work.pictures, **settings)
    for path in options.out:
        kind = path.suffix.lower()
        if kind in FIGURES:
            truth_figure(found.results, about(found), path)
        elif kind == ".npz":
            write_whole(to_npz(found), path)
        else:
            write_whole((as_csv if kind == ".csv" else as_markdown)(found).encode(), path)
    print(as_text(found))

"""Checks on a photo whether the model's answer depends on what each method's map points at, against chance."""

import argparse
from pathlib import Path

from vit.errors import VitError

FIGURES = (".png", ".svg", ".pdf")
ENDINGS = (*FIGURES, ".md", ".csv", ".npz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a picture file")
    parser.add_argument("--model", help="a bundled name or a timm name (default: the best whose weights are at hand)")
    parser.add_argument("--weights", default="pretrained", help="pretrained (default), or a .safetensors file")
    parser.add_argument("--target", type=int, metavar="CLASS", help="the class to follow (default: the likeliest)")
    add_settings(parser, orders=19)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        nargs="+",
        default=[],
        metavar="OUT",
        help="also written: .png, .svg or .pdf the curves; .md or .csv the table; .npz every curve",
    )


def add_settings(parser: argparse.ArgumentParser, orders: int) -> None:
    """What one photo's check and a folder's have in common."""
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help="raw, rollout, … (default: all)")
    parser.add_argument("--steps", type=int, default=20, help="parts that patches go in (default: 20)")
    parser.add_argument("--orders", type=int, default=orders, help=f"random orders (default: {orders})")
    parser.add_argument("--seed", type=int, default=0, help="of the random orders (default: 0)")
    parser.add_argument("--batch", type=int, default=16, help="pictures that are predicted at once (default: 16)")


def run(options: argparse.Namespace) -> None:
    check_files(options.out, ENDINGS)
    if options.weights == "random":
        raise VitError("Untrained weights depend on nothing; --weights takes pretrained or a .safetensors file.")
    from vit.image import load_image

    image = load_image(options.photo)  # before torch is imported: a wrong file is told at once
    from tqdm import tqdm

    from vit.models import default_model, load_model
    from vit.render.files import write_whole
    from vit.render.truth import truth_figure
    from vit.truth.check import check
    from vit.truth.table import about, as_csv, as_markdown, as_text, to_npz

    model = load_model(options.model or default_model(), options.weights)
    settings = {name: getattr(options, name) for name in ("steps", "orders", "seed", "batch")}
    with tqdm(unit="picture", leave=False, disable=None) as bar:  # none where stderr is no terminal

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = check(model, image, options.methods, options.target, progress=progress, **settings)
    for path in options.out:
        kind = path.suffix.lower()
        if kind in FIGURES:
            truth_figure(found.results, about(found), path)
        elif kind == ".npz":
            write_whole(to_npz(found), path)
        else:
            write_whole((as_csv if kind == ".csv" else as_markdown)(found).encode(), path)
    print(as_text(found))


def check_files(paths: list[Path], endings: tuple[str, ...]) -> None:
    """Raises VitError for a file that couldn't be written in the end, before any work is done."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise VitError(f"{path.name} ends in none of: {', '.join(endings)}.")
        if not path.absolute().parent.is_dir():
            raise VitError(f"There is no folder {path.parent} to write into.")

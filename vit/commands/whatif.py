"""Hides patches of a photo or silences heads, and shows what becomes of the answer. Numbers count from 0."""

import argparse
from typing import TYPE_CHECKING

from vit.commands import shared
from vit.commands.explain import recorded
from vit.commands.work import working
from vit.errors import VitError

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLE = "python -m vit whatif photo.jpg --silence 8 --silence 4,2 --hide-top 0.3"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_photo(parser)
    shared.add_model(parser)
    parser.add_argument(
        "--hide", action="append", default=[], metavar="ROW,COL", help="a patch; more than once if need be"
    )
    parser.add_argument("--hide-top", type=float, metavar="SHARE", help="the highest share of a map's patches, 0 to 1")
    parser.add_argument("--method", default="rollout", help="the map of --hide-top (default: rollout)")
    parser.add_argument(
        "--silence",
        action="append",
        default=[],
        metavar="LAYER[,HEAD]",
        help="a head, or without HEAD a whole layer; more than once if need be",
    )


def run(options: argparse.Namespace) -> None:
    if not options.hide and options.hide_top is None and not options.silence:
        raise VitError("Nothing is changed: give --hide, --hide-top or --silence.")
    shared.check_weights(options)
    patches = [shared.pair("--hide", words) for words in options.hide]
    silence = [_head(words) for words in options.silence]
    image = shared.open_photo(options.photo)
    with working(f"loading {shared.model_name(options)}") as work:
        from vit.ablation import patches_hidden, top_share, what_if
        from vit.methods import explain

        model, hide = shared.open_model(options, work), None
        if patches or options.hide_top is not None:
            record = recorded(options.method, model, image)
            hide = patches_hidden(record, patches)
            if options.hide_top is not None:
                hide = _both(hide, top_share(explain(record, options.method), options.hide_top))
        found = what_if(model, image, hide, silence)
    width = max(len(label) for _, label, _, _ in found.shares())
    print(f"class  {'':{width}}  before   after")
    for number, label, before, after in found.shares():
        print(f"{number:5}  {label:{width}}  {before:6.1%}  {after:6.1%}")
    print(f"{model.name} · {found.words}")


def _both(one: "Tensor", other: "Tensor") -> "Tensor":
    """Two bool grids over one picture, as one that is as fine as the finer."""
    rows, cols = max(one.shape[0], other.shape[0]), max(one.shape[1], other.shape[1])
    if any(rows % grid.shape[0] or cols % grid.shape[1] for grid in (one, other)):
        raise VitError("--hide and --hide-top are on grids that don't fit each other; give one of them.")
    fine = [g.repeat_interleave(rows // g.shape[0], 0).repeat_interleave(cols // g.shape[1], 1) for g in (one, other)]
    return fine[0] | fine[1]


def _head(words: str) -> tuple[int, int | None]:
    """A layer, or a layer and a head, out of "8" or "8,3"."""
    parts = words.split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise VitError(f"--silence takes LAYER or LAYER,HEAD, such as 8,3; {words!r} is not that.")
    return int(parts[0]), int(parts[1]) if len(parts) == 2 else None

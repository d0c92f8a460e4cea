"""Shows what a model looks at in a photo. Layers, heads, rows and columns count from 0; −1 is the last layer."""

import argparse
from typing import TYPE_CHECKING

from vit.commands import shared
from vit.commands.classes import answer_words, class_number
from vit.commands.explained import ENDINGS, FIGURES, PICTURES, write, write_both
from vit.commands.work import working
from vit.errors import VitError

if TYPE_CHECKING:
    import numpy as np

    from vit.attention import AttentionRecord
    from vit.models.vision_model import VisionModel

EXAMPLE = "python -m vit explain photo.jpg --method raw --layer 8 --head 3 --query 3,8 -o out.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared.add_photo(parser)
    shared.add_model(parser)
    parser.add_argument("--method", default="rollout", help=f"{shared.names_in('methods')} (default: rollout)")
    parser.add_argument("--sheet", action="store_true", help="every head of every layer on one sheet, .png or .jpg")
    parser.add_argument("--layer", type=int, help="a layer's number (default: the last); of a rollout, its last")
    parser.add_argument("--head", help="a head's number, or mean, max or min over all heads (default: mean)")
    parser.add_argument(
        "--query",
        metavar="ROW,COL",
        help="the patch that asks, or a token's name such as cls (default: what the answer is read from)",
    )
    shared.add_options(parser, "one of the method's own, such as residual=0.3; more than once if need be")
    shared.add_target(
        parser, "the class that a gradient method explains (default: the likeliest); in .npz its gradients are kept"
    )
    shared.add_target(
        parser,
        "a second class: both maps side by side with their difference (with --bare, the difference alone)",
        "--against",
    )
    shared.add_size(parser)
    parser.add_argument("--alpha", type=float, default=0.6, help="opacity of the heat, 0 to 1 (default: 0.6)")
    parser.add_argument(
        "--colormap", default="inferno", help="inferno (default), viridis, magma, plasma, cividis, turbo"
    )
    parser.add_argument(
        "--bare", action="store_true", help="the overlay alone, in the photo's own size, without legend"
    )
    shared.add_out(
        parser,
        ".png or .jpg: the overlay; .gif: all layers in turn; .pdf or .svg: a figure; .html: the explorer as one "
        "file, which opens without a network; .npz: every raw weight",
    )


def run(options: argparse.Namespace) -> None:
    kind = options.out.suffix.lower()
    shared.check_files([options.out], ENDINGS)
    if options.sheet and (kind not in PICTURES or options.method != "raw" or options.layer is not None or options.head):
        raise VitError("--sheet shows all heads of all layers: give --method raw, no layer, no head, and .png or .jpg.")
    if options.sheet and options.bare:
        raise VitError("--sheet without its labels would not say which head is which: leave --bare out.")
    chosen = (options.layer, options.head, options.query, *options.option)
    if kind == ".npz" and (options.bare or any(choice is not None for choice in chosen)):
        raise VitError("An .npz holds every layer, head and token as it is: give no layer, head, query or option.")
    if options.against is not None and (kind not in (*PICTURES, *FIGURES) or options.sheet):
        raise VitError("--against writes two maps and their difference: as .png, .jpg, .pdf or .svg, without --sheet.")
    shared.check_weights(options)
    head = int(options.head) if options.head and options.head.isdecimal() else options.head
    query = shared.token("--query", options.query) if options.query else None
    own = dict(shared.own_option(words) for words in options.option)
    size = shared.pair("--size", options.size) if options.size else None
    image = shared.open_photo(options.photo)
    with working(f"loading {shared.model_name(options)}") as work:
        from vit.methods import check_options, get_method, options_for

        check_options(options.method, own)
        given = options_for(options.method, layer=options.layer, head=head, query=query) | own
        model = shared.open_model(options, work)
        target, against = (class_number(words, model.labels) for words in (options.target, options.against))
        ignored = target is not None and kind != ".npz" and not get_method(options.method).of_a_class
        record = recorded(options.method, model, image, size, None if ignored else target)
        if against is None:
            drawn = write(options, image, record, given)
        else:
            other = recorded(options.method, model, image, size, against)
            drawn = write_both(options, image, (record, other), given)
    weights = "untrained weights" if record.untrained else f"weights: {record.provenance}"
    same = f"{options.method} is the same for every class" if ignored else ""
    told = [str(options.out), drawn, same, model.name, weights, answer_words(record.top(3))]
    print(" · ".join(filter(None, told)))


def recorded(
    name: str,
    model: "VisionModel",
    image: "np.ndarray",
    size: tuple[int, int] | None = None,
    target: int | None = None,
) -> "AttentionRecord":
    """What a method needs of the picture: with gradients of ``target``, or where it needs some of the likeliest class.

    ``size`` is ``(height, width)`` in pixels, None for the model's own.
    """
    from vit.capture import record_attention
    from vit.methods import get_method
    from vit.methods.gradients import likeliest_class

    method = get_method(name)
    if method.of_a_class and target is None:
        target = likeliest_class(record_attention(model, image, image_size=size))
    return record_attention(model, image, image_size=size, target=target, keep=method.keep)

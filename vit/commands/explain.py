"""Shows what a model looks at in a photo. Layers, heads, rows and columns count from 0; −1 is the last layer."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import VitError

if TYPE_CHECKING:
    import numpy as np

    from vit.attention import AttentionRecord, Heatmap
    from vit.models.vision_model import VisionModel

PICTURES = (".png", ".jpg", ".jpeg")
FIGURES = (".pdf", ".svg")
ENDINGS = (*PICTURES, ".gif", *FIGURES, ".html", ".npz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a picture file")
    parser.add_argument("--model", help="a bundled name or a timm name (default: the best whose weights are at hand)")
    parser.add_argument("--weights", default="pretrained", help="pretrained (default), or a .safetensors file")
    parser.add_argument("--method", default="rollout", help="raw, received, rollout, … (default: rollout)")
    parser.add_argument("--sheet", action="store_true", help="every head of every layer on one sheet, .png or .jpg")
    parser.add_argument("--layer", type=int, help="a layer's number; of a rollout, its last")
    parser.add_argument("--head", help="a head's number, or mean, max or min over all heads")
    parser.add_argument("--query", metavar="ROW,COL", help="the patch that asks, or a token's name such as cls")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one of the method's own, such as residual=0.3",
    )
    parser.add_argument(
        "--target",
        type=int,
        metavar="CLASS",
        help="the class that a gradient method explains (default: the likeliest); in .npz its gradients are kept",
    )
    parser.add_argument(
        "--against",
        type=int,
        metavar="CLASS",
        help="a second class: both maps side by side with their difference (with --bare, the difference alone)",
    )
    parser.add_argument("--size", metavar="HEIGHT,WIDTH", help="feed the model at another size than its own, in pixels")
    parser.add_argument("--alpha", type=float, default=0.6, help="opacity of the heat, 0 to 1")
    parser.add_argument(
        "--colormap", default="inferno", help="inferno (default), viridis, magma, plasma, cividis, turbo"
    )
    parser.add_argument(
        "--bare", action="store_true", help="the overlay alone, in the photo's own size, without legend"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help=".png or .jpg: the overlay; .gif: all layers in turn; .pdf or .svg: a figure; .html: the explorer as one "
        "file, which opens without a network; .npz: every raw weight",
    )


def run(options: argparse.Namespace) -> None:
    kind = options.out.suffix.lower()
    if kind not in ENDINGS:
        raise VitError(f"{options.out.name} ends in none of: {', '.join(ENDINGS)}.")
    if options.sheet and (kind not in PICTURES or options.method != "raw" or options.layer is not None or options.head):
        raise VitError("--sheet shows all heads of all layers: give --method raw, no layer, no head, and .png or .jpg.")
    if options.against is not None and (kind not in (*PICTURES, *FIGURES) or options.sheet):
        raise VitError("--against writes two maps and their difference: as .png, .jpg, .pdf or .svg, without --sheet.")
    if not options.out.absolute().parent.is_dir():
        raise VitError(f"There is no folder {options.out.parent} to write into.")
    from vit.image import load_image

    image = load_image(options.photo)  # before torch is imported: a wrong file is told at once
    from vit.methods import options_for
    from vit.models import default_model, load_model

    if options.weights == "random":
        raise VitError("Untrained weights show nothing; --weights takes pretrained or a .safetensors file.")

    head = options.head if options.head is None or not options.head.isdecimal() else int(options.head)
    query = options.query and (pair("--query", options.query) if "," in options.query else options.query.lower())
    given = options_for(options.method, layer=options.layer, head=head, query=query)
    given |= dict(own_option(words) for words in options.option)
    model = load_model(options.model or default_model(), options.weights)
    size = pair("--size", options.size) if options.size else None
    record = recorded(options, kind, model, image, size)
    if options.against is None:
        write(options, kind, image, record, given)
    else:
        write_both(options, kind, image, (record, recorded(options, kind, model, image, size, options.against)), given)
    label = ", ".join(f"{label} {share:.1%}" for _, label, share in record.top(3))
    weights = "untrained weights" if record.untrained else f"weights: {record.provenance}"
    print(f"{options.out.name} · {model.name} · {weights}" + (f" · {label}" if label else ""))


def recorded(
    options: argparse.Namespace,
    kind: str,
    model: "VisionModel",
    image: "np.ndarray",
    size: tuple[int, int] | None,
    target: int | None = None,
) -> "AttentionRecord":
    """What the method needs of the picture, and no more: gradients of ``target``, ``--target`` or the likeliest."""
    from vit.capture import record_attention
    from vit.methods import get_method
    from vit.methods.gradients import likeliest_class

    method = get_method(options.method)
    target = options.target if target is None else target
    if kind != ".npz" and not method.of_a_class:
        target = None
    elif method.of_a_class and target is None:
        target = likeliest_class(record_attention(model, image, image_size=size))
    return record_attention(model, image, image_size=size, target=target, keep=method.keep)


def write_both(
    options: argparse.Namespace,
    kind: str,
    image: "np.ndarray",
    records: "tuple[AttentionRecord, AttentionRecord]",
    given: dict,
) -> None:
    """The maps of two classes on one scale, and the first minus the second on its own."""
    from vit.methods.difference import compare_classes
    from vit.render import figure, overlay, save, side_by_side, with_legend

    first, second, difference = compare_classes(*records, options.method, **given)
    if kind in FIGURES:
        names = [record.labels[record.target] for record in records if record.target is not None]
        titles = [*names, " minus ".join(names)]
        figure(image, [first, second, difference], titles, options.out, alpha=options.alpha, colormap=options.colormap)
        return
    if options.bare:
        save(overlay(image, difference, options.alpha), options.out)
        return
    peak = max(float(heat.values.max()) for heat in (first, second))
    pictures = []
    for heat, top in ((first, peak), (second, peak), (difference, None)):
        picture = overlay(image, heat, options.alpha, options.colormap, top)
        pictures.append(with_legend(picture, heat, options.colormap, top))
    save(side_by_side(pictures), options.out)


def write(options: argparse.Namespace, kind: str, image: "np.ndarray", record: "AttentionRecord", given: dict) -> None:
    """Writes what the file's ending asks for."""
    from vit.archive import to_npz
    from vit.methods import explain
    from vit.render import animation, figure, overlay, save, with_legend
    from vit.render.files import write_whole

    if kind == ".npz":
        write_whole(to_npz(record), options.out)
        return
    if kind == ".html":
        from vit.ui.standalone import self_contained

        write_whole(self_contained(image, record, options.method, **given).encode(), options.out)
        return
    if kind == ".gif":
        heats = every_layer(record, options.method, given)
        peak = max(float(heat.values.max()) for heat in heats)
        frames = [overlay(image, heat, options.alpha, options.colormap, peak=peak) for heat in heats]
        if not options.bare:
            frames = [with_legend(f, h, options.colormap, peak) for f, h in zip(frames, heats, strict=True)]
        animation(frames, options.out)
        return
    if options.sheet:
        save(every_head(record, image, given), options.out)
        return
    heat = explain(record, options.method, **given)
    if kind in FIGURES:
        figure(image, [heat], [heat.method], options.out, alpha=options.alpha, colormap=options.colormap)
        return
    picture = overlay(image, heat, options.alpha, options.colormap)
    save(picture if options.bare else with_legend(picture, heat, options.colormap), options.out)


def every_layer(record: "AttentionRecord", method: str, given: dict) -> "list[Heatmap]":
    """A map for each layer: that layer's own, or for a rollout the one that ends there."""
    from vit.errors import MethodError
    from vit.methods import explain, get_method

    known = get_method(method).options
    name = "layer" if "layer" in known else "last" if "last" in known else None
    if name is None:
        raise MethodError(f"{method} is one map for all layers: write it as .png.")
    return [explain(record, method, **{**given, name: number}) for number in range(len(record.layers))]


def every_head(record: "AttentionRecord", image: "np.ndarray", given: dict) -> "np.ndarray":
    """The contact sheet: a row a layer, a column a head, on one scale."""
    import torch

    from vit.methods import explain
    from vit.render import sheet

    maps = [
        torch.stack(
            [explain(record, "raw", **{**given, "layer": n, "head": head}).values for head in range(layer.heads)]
        )
        for n, layer in enumerate(record.layers)
    ]
    caption = explain(record, "raw", **given).caption.partition(", ")[2].partition(", ")[2].partition(" · ")[0]
    if any(not layer.sums_to_one and bool((layer.weights < 0).any()) for layer in record.layers):
        caption += f", {given.get('part', 'positive')} part"
    return sheet(maps, image, model=record.model, provenance=record.provenance, caption=f"attention {caption}")


def own_option(words: str) -> tuple[str, int | float | str]:
    """A method's own option out of "residual=0.3"."""
    name, equals, value = words.partition("=")
    if not equals:
        raise VitError(f"--option takes NAME=VALUE, such as residual=0.3; {words!r} is not that.")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def pair(name: str, words: str) -> tuple[int, int]:
    """Two whole numbers out of "3,8"."""
    parts = words.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise VitError(f"{name} takes two whole numbers with a comma between, such as 3,8; {words!r} is not that.")
    return int(parts[0]), int(parts[1])

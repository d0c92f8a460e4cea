"""What ``python -m vit explain`` writes: maps as pictures, animations and figures, the explorer, and raw numbers.

Each function here says in words what it drew.
"""

import argparse
from typing import TYPE_CHECKING

from vit.errors import MethodError

if TYPE_CHECKING:
    import numpy as np

    from vit.attention import AttentionRecord, Heatmap

PICTURES = (".png", ".jpg", ".jpeg")
FIGURES = (".pdf", ".svg")
ENDINGS = (*PICTURES, ".gif", *FIGURES, ".html", ".npz")


def write_both(
    options: argparse.Namespace,
    image: "np.ndarray",
    records: "tuple[AttentionRecord, AttentionRecord]",
    given: dict,
) -> str:
    """The maps of two classes on one scale, and the first minus the second on its own."""
    from vit.methods.difference import compare_classes
    from vit.render import figure, overlay, save, side_by_side, with_legend

    first, second, difference = compare_classes(*records, options.method, **given)
    if options.out.suffix.lower() in FIGURES:
        names = [record.labels[record.target] for record in records if record.target is not None]
        titles = [*names, " minus ".join(names)]
        figure(image, [first, second, difference], titles, options.out, alpha=options.alpha, colormap=options.colormap)
        return difference.caption
    if options.bare:
        save(overlay(image, difference, options.alpha), options.out)
        return difference.caption
    peak = max(float(heat.values.max()) for heat in (first, second))
    pictures = []
    for heat, top in ((first, peak), (second, peak), (difference, None)):
        picture = overlay(image, heat, options.alpha, options.colormap, top)
        pictures.append(with_legend(picture, heat, options.colormap, top))
    save(side_by_side(pictures), options.out)
    return difference.caption


def write(options: argparse.Namespace, image: "np.ndarray", record: "AttentionRecord", given: dict) -> str:
    """Writes what the file's ending asks for."""
    from vit.archive import to_npz
    from vit.methods import explain
    from vit.methods.gradients import class_words
    from vit.render import animation, figure, overlay, save, with_legend
    from vit.render.files import write_whole

    kind = options.out.suffix.lower()
    if kind == ".npz":
        write_whole(to_npz(record), options.out)
        return "every layer's weights" + (f" and gradients {class_words(record)}" if record.target is not None else "")
    if kind == ".html":
        from vit.ui.standalone import self_contained

        write_whole(self_contained(image, record, options.method, **given).encode(), options.out)
        return "the explorer as one file"
    if kind == ".gif":
        heats = every_layer(record, options.method, given)
        peak = max(float(heat.values.max()) for heat in heats)
        frames = [overlay(image, heat, options.alpha, options.colormap, peak=peak) for heat in heats]
        if not options.bare:
            frames = as_high([with_legend(f, h, options.colormap, peak) for f, h in zip(frames, heats, strict=True)])
        animation(frames, options.out)
        return f"{len(heats)} layers in turn, the last: {heats[-1].caption}"
    if options.sheet:
        sheet, caption = every_head(record, image, given, options.alpha, options.colormap)
        save(sheet, options.out)
        return f"every head of every layer, {caption}"
    heat = explain(record, options.method, **given)
    if kind in FIGURES:
        figure(image, [heat], [heat.method], options.out, alpha=options.alpha, colormap=options.colormap)
        return heat.caption
    picture = overlay(image, heat, options.alpha, options.colormap)
    save(picture if options.bare else with_legend(picture, heat, options.colormap), options.out)
    return heat.caption


def as_high(frames: "list[np.ndarray]") -> "list[np.ndarray]":
    """Pictures of one width, each as high as the highest: a longer caption may have taken one line more."""
    import numpy as np

    height = max(len(frame) for frame in frames)
    return [np.pad(frame, ((0, height - len(frame)), (0, 0), (0, 0)), mode="edge") for frame in frames]


def every_layer(record: "AttentionRecord", method: str, given: dict) -> "list[Heatmap]":
    """A map for each layer: that layer's own, or for a rollout the one that ends there."""
    from vit.methods import explain, get_method

    known = get_method(method).options
    name = "layer" if "layer" in known else "last" if "last" in known else None
    if name is None:
        raise MethodError(f"{method} is one map for all layers: write it as .png.")
    return [explain(record, method, **{**given, name: number}) for number in range(len(record.layers))]


def every_head(
    record: "AttentionRecord", image: "np.ndarray", given: dict, alpha: float, colormap: str
) -> "tuple[np.ndarray, str]":
    """The contact sheet, RGB uint8, and its caption: a row a layer, a column a head, on one scale."""
    import torch

    from vit.methods import explain
    from vit.render import sheet

    maps = [
        torch.stack(
            [explain(record, "raw", **{**given, "layer": n, "head": head}).values for head in range(layer.heads)]
        )
        for n, layer in enumerate(record.layers)
    ]
    # "attention of layer 9, mean of all heads, from CLS · …": a pool, or class attention, may ask otherwise than others
    captions = [explain(record, "raw", **{**given, "layer": n}).caption for n in range(len(record.layers))]
    asked = [words.partition(", ")[2].partition(", ")[2].partition(" · ")[0] for words in captions]
    others = [f"in layer {n} {words}" for n, words in enumerate(asked, 1) if words != asked[0]]
    caption = f"attention {'; '.join([asked[0], *others])}"
    if any(not layer.sums_to_one and bool((layer.weights < 0).any()) for layer in record.layers):
        caption += f", {given.get('part', 'positive')} part"
    drawn = sheet(
        maps,
        image,
        alpha=alpha,
        colormap=colormap,
        model=record.model,
        provenance=record.provenance,
        caption=caption,
    )
    return drawn, caption

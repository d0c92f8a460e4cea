"""What drawing costs beside matplotlib: ``python -m tests.bench.drawing`` prints ratios of CPU time.

Each pair draws the same content at the same size into a JPEG of quality 90, in turns within one run; the figure is
the ratio of the medians. To reach: 0.03 for an overlay at 1000 × 750, 0.05 for a sheet of 144 maps at 2688 × 2688.

matplotlib is not slowed down on purpose: its object interface, no pyplot, no margins to trim. The overlay is compared
in three ways: with the least that matplotlib can do (it interpolates the 14 × 14 map itself), in the way that most
notebooks do it (the map resized to the photo, the margins trimmed with ``bbox_inches="tight"``, which draws twice), and
finished, as the app gives it out: with colour bar, numbers and provenance line.
"""

import io
import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from vit.attention import Heatmap
from vit.render import colormap_table, encode, overlay, sheet, with_legend

ROUNDS = 9


def main() -> None:
    cv2.setNumThreads(1)  # matplotlib has one thread too, and process time adds up all
    rng = np.random.default_rng(0)
    # Soft noise compresses about as well as a photo does.
    photo = cv2.resize(rng.integers(0, 256, (150, 200, 3), dtype=np.uint8), (1000, 750), interpolation=cv2.INTER_CUBIC)
    heat = Heatmap(torch.from_numpy(rng.random((14, 14), dtype=np.float32)), "raw", "attention", "model", "bundled")
    values = heat.values.numpy()
    layers = [torch.from_numpy(rng.random((12, 14, 14), dtype=np.float32)) for _ in range(12)]
    maps = [layer.numpy() for layer in layers]
    square = photo[:, :750]

    def finished() -> bytes:
        return encode(with_legend(overlay(photo, heat), heat))

    compare("overlay, leanest matplotlib", lambda: encode(overlay(photo, heat)), lambda: lean(photo, values), 0.03)
    compare("overlay, as in notebooks", lambda: encode(overlay(photo, heat)), lambda: usual(photo, values), 0.03)
    compare("overlay with its legend", finished, lambda: with_bar(photo, values), 0.03)
    compare("sheet of 144 maps", lambda: encode(sheet(layers, cell=224)), lambda: grid(maps, None), 0.05)
    compare("sheet over a photo", lambda: encode(sheet(layers, square, cell=224)), lambda: grid(maps, square), 0.05)


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], goal: float) -> None:
    """Prints the ratio of the median CPU times; the first round of each goes unmeasured."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for draw, taken in zip((ours, theirs), seconds, strict=True):
            start = time.process_time()
            draw()
            if number:
                taken.append(time.process_time() - start)
    mine, other = median(seconds[0]), median(seconds[1])
    best = min(seconds[0]) / min(seconds[1])  # on a busy machine the medians suffer, the short ones most
    times = f"{1000 * mine:.1f} to {1000 * other:.0f} ms"
    print(f"{name:28} {mine / other:.3f} of matplotlib ({times}), best of {ROUNDS} {best:.3f}, to reach {goal}")


def lean(photo: np.ndarray, values: np.ndarray) -> bytes:
    page, axis = bare_page(photo)
    axis.imshow(photo, aspect="auto")
    extent = (0, photo.shape[1], photo.shape[0], 0)
    colours = see_through("turbo", 0.5)
    axis.imshow(values, cmap=colours, vmin=0, interpolation="bilinear", aspect="auto", extent=extent)
    return jpeg(page)


def usual(photo: np.ndarray, values: np.ndarray) -> bytes:
    page, axis = bare_page(photo)
    axis.imshow(photo)
    stretched = cv2.resize(values, (photo.shape[1], photo.shape[0]))
    axis.imshow(stretched, cmap="turbo", vmin=0, alpha=0.5 * np.minimum(1, 2 * stretched / stretched.max()))
    return jpeg(page, bbox_inches="tight", pad_inches=0)


def with_bar(photo: np.ndarray, values: np.ndarray) -> bytes:
    height, width = photo.shape[:2]
    page = Figure(figsize=(width / 100, height / 100 + 0.6), dpi=100)
    FigureCanvasAgg(page)
    axis = page.add_axes((0, 0.6 / (height / 100 + 0.6), 1, 1 - 0.6 / (height / 100 + 0.6)))
    axis.set_axis_off()
    axis.imshow(photo, aspect="auto")
    extent = (0, width, height, 0)
    shown = axis.imshow(
        values, cmap=see_through("turbo", 0.5), vmin=0, interpolation="bilinear", aspect="auto", extent=extent
    )
    bar = page.colorbar(shown, cax=page.add_axes((0.04, 0.05, 0.3, 0.01)), orientation="horizontal")
    bar.set_ticks([0, float(values.max())], labels=["0%", f"{100 * values.max():.1f}%"])
    page.text(0.01, 0.01, "model · weights: bundled · attention")
    return jpeg(page)


def bare_page(photo: np.ndarray):
    """A page of the photo's size with one frameless axis."""
    page = Figure(figsize=(photo.shape[1] / 100, photo.shape[0] / 100), dpi=100)
    FigureCanvasAgg(page)
    axis = page.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    return page, axis


def grid(layers: list[np.ndarray], photo: np.ndarray | None) -> bytes:
    """A grid of axes without ticks on one scale, with labels at its edges and one colour bar."""
    page = Figure(figsize=(26.88, 26.88), dpi=100)
    FigureCanvasAgg(page)
    peak = max(float(maps.max()) for maps in layers)
    colours = "turbo" if photo is None else see_through("turbo", 0.7)
    small = None if photo is None else photo[::4, ::4]
    axes = page.subplots(len(layers), len(layers[0]), gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    shown = None
    for layer, maps in enumerate(layers):
        for head, values in enumerate(maps):
            axis = axes[layer, head]
            axis.set_xticks([])
            axis.set_yticks([])
            if small is not None:
                axis.imshow(small, extent=(0, 1, 1, 0))
            shown = axis.imshow(values, cmap=colours, vmin=0, vmax=peak, interpolation="bilinear", extent=(0, 1, 1, 0))
            if layer == 0:
                axis.set_title(str(head + 1))
            if head == 0:
                axis.set_ylabel(str(layer + 1))
    assert shown is not None
    page.colorbar(shown, ax=axes, location="bottom", fraction=0.02)
    return jpeg(page)


def see_through(name: str, alpha: float):
    """Our table with the opacity of each colour, as matplotlib takes it."""
    opacity = alpha * np.minimum(1, 2 * np.arange(256) / 255)
    return ListedColormap(np.concatenate([colormap_table(name) / 255, opacity[:, None]], axis=1))


def jpeg(page: Figure, **trimming) -> bytes:
    content = io.BytesIO()
    page.savefig(content, format="jpeg", pil_kwargs={"quality": 90}, **trimming)
    return content.getvalue()


if __name__ == "__main__":
    main()

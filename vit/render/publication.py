"""The figure for a paper or a slide: matplotlib, with text and axes as vectors.

matplotlib's own objects are used, not pyplot, so there is no current figure that two requests could share. Two
settings can be had only through its global parameters (how letters go into a PDF, and what makes an SVG's names
repeatable); they hold while a file is being written, one at a time, and are put back.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from vit.errors import MethodError, VitError
from vit.render.colormaps import DEFAULT, DIVERGING, colormap_table
from vit.render.files import write_whole
from vit.render.heat import check_picture, colormap_for, highest, overlay
from vit.render.legend import SHARES, fit, number, provenance_line

if TYPE_CHECKING:
    from vit.attention import Heatmap

_ONE_FILE_AT_A_TIME = Lock()
_SETTINGS: dict[Any, Any] = {"pdf.fonttype": 42, "svg.hashsalt": "vit"}  # 42: letters stay letters, as journals ask
# No date and no version: the same figure gives the same file.
_METADATA = {
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}
_DESCRIPTION = {".pdf": "Subject", ".svg": "Description", ".png": "Description"}
_WIDTH = 7.0  # inches: a page's two columns
_PIXELS = 1200  # the longer side of an embedded picture at most


def figure(
    image: np.ndarray,
    heats: Sequence["Heatmap"],
    titles: Sequence[str],
    path: str | Path,
    *,
    alpha: float = 0.5,
    colormap: str = DEFAULT,
    own_scale: bool = False,
    columns: int = 4,
    dpi: int = 300,
) -> None:
    """Writes the photo and its maps side by side into a ``.pdf``, ``.svg`` or ``.png`` file.

    One scale and one colour bar hold for all maps, unless ``own_scale`` gives each its own (maps of different methods
    have different units). Signed maps, the differences of others, share a scale of their own. Below stands what each
    map shows. ``dpi`` is for ``.png``.
    """
    check_picture(image)
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _METADATA:
        raise VitError(f"A figure's file ends in {', '.join(_METADATA)}; {path.name} doesn't.")
    if not heats or len(heats) != len(titles):
        raise MethodError("A figure needs at least one map, and a title for each.")
    colormaps = [colormap_for(heat, colormap) for heat in heats]
    peaks = [highest(np.asarray(heat.values), each) for heat, each in zip(heats, colormaps, strict=True)]
    if not own_scale:
        peaks = [max(p for p, other in zip(peaks, colormaps, strict=True) if other == each) for each in colormaps]
    bars = own_scale or len(set(colormaps)) > 1  # one for each map

    photo = _embedded(image)
    across = min(columns, len(heats) + 1)
    down = -(-(len(heats) + 1) // across)
    panel = _WIDTH / across * image.shape[0] / image.shape[1]
    words = _caption(heats, titles)
    page = Figure(figsize=(_WIDTH, down * (panel + 0.65) + 0.14 * len(words) + 0.1), layout="constrained")
    FigureCanvasAgg(page)
    axes = page.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(photo)
    _title(axes[0], "photo")
    for axis, heat, title, peak, each in zip(axes[1:], heats, titles, peaks, colormaps, strict=False):
        axis.imshow(overlay(photo, heat, alpha, colormap, peak))
        _title(axis, title)
        if bars:
            _bar(page, [axis], each, peak, _is_share([heat]), own=True)
    if not bars:
        _bar(page, axes, colormaps[0], peaks[0], _is_share(heats), own=False)
    page.supxlabel("\n".join(words), fontsize=6, color="#70747a", x=0.01, ha="left", parse_math=False)
    write_whole(file_of(page, kind, dpi), path)


def _embedded(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    scale = min(1.0, _PIXELS / max(height, width))
    return fit(image, max(1, round(height * scale)), max(1, round(width * scale))) if scale < 1 else image


def _title(axis, words: str) -> None:
    axis.set_title(words, fontsize=8, color="#202124", pad=4, parse_math=False)


def _bar(page: Figure, axes, colormap: str, peak: float, share: bool, own: bool) -> None:
    """A colour bar from 0 (or minus the peak) to the peak, with numbers at its ends."""
    low = -peak if colormap == DIVERGING else 0.0
    colours = ListedColormap(colormap_table(colormap) / 255)
    scale = ScalarMappable(Normalize(low, peak if peak > low else low + 1), colours)
    if own:  # inside its panel's room, so that all panels keep one size
        bar = page.colorbar(scale, cax=axes[0].inset_axes((0.2, -0.09, 0.6, 0.035)), orientation="horizontal")
    else:
        bar = page.colorbar(scale, ax=list(axes), location="bottom", fraction=0.05, pad=0.03, aspect=40, shrink=0.5)
    ends = [low, peak] if peak > low else [low]
    bar.set_ticks(ends, labels=[number(value, share) for value in ends])
    bar.ax.tick_params(labelsize=7, length=0, colors="#202124")
    bar.outline.set_visible(False)


def _is_share(heats: Sequence["Heatmap"]) -> bool:
    return all(heat.method in SHARES for heat in heats)


def _caption(heats: Sequence["Heatmap"], titles: Sequence[str]) -> list[str]:
    """A line for each map, what it shows and by whom; lines that say the same stand once."""
    lines = [
        f"{title}: {provenance_line(heat.model, heat.provenance, heat.caption or heat.method)}"
        for title, heat in zip(titles, heats, strict=True)
    ]
    return [line if len(line) <= 150 else line[:149] + "…" for line in dict.fromkeys(lines)]


def file_of(page: Figure, kind: str, dpi: int, words: str = "") -> bytes:
    """A page of plots as the bytes of a .pdf, .svg or .png file; the same page gives the same bytes.

    ``words`` are written into the file as its description.
    """
    metadata = _METADATA[kind] | ({_DESCRIPTION[kind]: words} if words else {})
    content = io.BytesIO()
    with _ONE_FILE_AT_A_TIME, matplotlib.rc_context(_SETTINGS):
        page.savefig(content, format=kind[1:], dpi=dpi, bbox_inches="tight", pad_inches=0.04, metadata=metadata)
    return content.getvalue()

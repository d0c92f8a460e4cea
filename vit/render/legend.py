"""What stands below a picture: a colour bar with real numbers, and whose attention this is."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from vit.errors import MethodError
from vit.render.colormaps import DIVERGING, colormap_table
from vit.render.heat import check_picture, colormap_for, highest
from vit.render.text import BOLD, GREY, INK, REGULAR, blank, width_of, wrap, write
from vit.render.untrained import UNTRAINED

if TYPE_CHECKING:
    from vit.attention import Heatmap

SHARES = ("raw", "received", "rollout")  # methods whose values are shares of attention: 1 is all of it
NARROWEST = 176  # pixels: a narrower picture gets a margin, so that the words below it can be read
_MOST_LINES = 6
_FRAME = (214, 216, 219)  # around the bar, so that a light end is seen to end


def with_legend(
    picture: np.ndarray,
    heat: "Heatmap",
    colormap: str = "turbo",
    peak: float | None = None,
    share: bool | None = None,
) -> np.ndarray:
    """A finished overlay with the legend below it: RGB uint8 ``(height + legend, max(width, 176), 3)``.

    ``colormap`` and ``peak`` are those that the overlay was drawn with. Values of attention are written in percent;
    ``share`` says whether they are shares where the method's name doesn't tell.
    """
    check_picture(picture)
    values = np.asarray(heat.values.detach().cpu(), dtype=np.float32)
    colormap = colormap_for(heat, colormap)
    top = max(highest(values, colormap) if peak is None else peak, 0.0)
    share = heat.method in SHARES if share is None else share
    line = provenance_line(heat.model, heat.provenance, heat.caption or heat.method)
    strip = legend_strip(max(picture.shape[1], NARROWEST), colormap, bar_numbers(top, colormap, share), line)
    height, width = picture.shape[:2]
    page = blank(height + strip.shape[0], strip.shape[1])
    left = (page.shape[1] - width) // 2  # a narrow picture stands in the middle
    page[:height, left : left + width] = picture
    page[height:] = strip
    return page


def legend_strip(width: int, colormap: str, numbers: tuple[str, str], line: str, note: str = "") -> np.ndarray:
    """The legend itself: the bar between its two numbers, then who made this; RGB uint8 ``(rows, width, 3)``.

    ``note`` stands beside the bar where there is room, else in the lines below it.
    """
    size, gap = type_size(width), spacing(width)
    inner = width - 2 * gap * 3  # between the left and right margins
    bold = REGULAR if UNTRAINED not in line else BOLD
    low, high = (width_of(number, size) for number in numbers)
    bar = max(gap, min(inner - low - high - 4 * gap, 16 * size))  # the bar's width
    beside = inner - low - high - bar - 8 * gap
    if note and width_of(note, size) > beside:
        line, note = f"{line} · {note}", ""
    lines = wrap(line, size, inner, _MOST_LINES, bold)

    baseline = 3 * gap + size
    leading = size + 2 * gap
    strip = blank(baseline + leading * len(lines) + 3 * gap, width)
    x = 3 * gap
    write(strip, numbers[0], x, baseline, size, INK)
    x += low + 2 * gap
    thickness = max(8, size * 3 // 4)
    middle = baseline - size * 3 // 8
    top = middle - thickness // 2
    strip[top - 1 : top + thickness + 1, x - 1 : x + bar + 1] = _FRAME
    strip[top : top + thickness, x : x + bar] = colour_bar(bar, colormap)
    x += bar + 2 * gap
    write(strip, numbers[1], x, baseline, size, INK)
    if note:
        write(strip, note, x + high + 4 * gap, baseline, size, GREY)
    for number, words in enumerate(lines, start=1):
        write(strip, words, 3 * gap, baseline + leading * number, size, INK if bold == BOLD else GREY, bold)
    return strip


def colour_bar(width: int, colormap: str) -> np.ndarray:
    """One row of the table stretched to a width, its first colour on the left and its last on the right."""
    codes = np.rint(np.linspace(0, 255, width)).astype(np.intp)
    return colormap_table(colormap)[codes]


def bar_numbers(peak: float, colormap: str, share: bool) -> tuple[str, str]:
    """What stands at the two ends of the colour bar."""
    if colormap == DIVERGING:
        return f"−{number(peak, share)}", f"+{number(peak, share)}"
    return number(0.0, share), number(peak, share)


def number(value: float, share: bool = False) -> str:
    """A value with three digits; a share (1 is all of it) in percent: 0.04126 is "4.13%"."""
    if not np.isfinite(value):
        raise MethodError(f"{value} is no value of a map.")
    shown = 100 * value if share else value
    if shown == 0:
        words = "0"
    elif 0.001 <= abs(float(f"{shown:.2e}")) < 1000:
        digits, exponent = f"{shown:.2e}".split("e")  # rounds first: 99.96 has the digits 1.00 and not 99.96's place
        words = f"{float(f'{digits}e{exponent}'):.{2 - int(exponent)}f}"
    else:
        words = f"{shown:.2e}"
    return words.replace("-", "−") + ("%" if share else "")


def provenance_line(model: str, provenance: str, shown: str) -> str:
    """Whose map this is: model · weights · what is shown. Weights that learnt nothing are called so."""
    weights = UNTRAINED if provenance == "random" else f"weights: {provenance}" if provenance else ""
    return " · ".join(part for part in (model, weights, shown) if part)


def type_size(width: int) -> int:
    """The height of type for a picture so many pixels wide, in pixels."""
    return max(12, round(width / 64))


def spacing(width: int) -> int:
    """The step of all distances, in pixels: 4, or a multiple of 4 on a large picture."""
    return 4 * max(1, round(type_size(width) / 16))


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture at another size: averaged where it shrinks, interpolated where it grows."""
    smaller = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)

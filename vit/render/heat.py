"""The overlay: a map over a photo, so that the photo stays readable.

How a pixel gets its colour (the page draws with the same formula):

1.  The map's values are interpolated bilinearly between the patches' centres, flat beyond the outermost centres:
    pixel x lies at column ``(x + 0.5) · cols / width − 0.5``. With ``smooth=False`` a pixel takes its patch's value.
2.  ``t = value / peak``, held in 0 … 1, becomes a code: ``round(255 · t)``. The code picks the colour from the table.
3.  The opacity grows with the value and is full from half the peak on: ``alpha · min(1, 2 · t)``. Zero is transparent.
4.  ``photo · (1 − opacity) + colour · opacity``, the opacity rounded to 255ths.

A diverging map takes t in −1 … 1, the code ``round(127.5 + 127.5 · t)`` and the opacity of |t|. A signed map, the
difference of two, is always drawn so.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from vit.errors import ImageError, MethodError
from vit.render.colormaps import DIVERGING, colormap_table
from vit.render.untrained import stamp_untrained

if TYPE_CHECKING:
    from vit.attention import Heatmap

_STRIP = 128 * 1024  # pixels drawn at a time: what fits in the processor's cache, whatever the picture's size


def overlay(
    image: np.ndarray,
    heat: "Heatmap",
    alpha: float = 0.5,
    colormap: str = "turbo",
    peak: float | None = None,
    smooth: bool = True,
) -> np.ndarray:
    """The map over the photo: RGB uint8 of the photo's own size, ``(height, width, 3)``.

    ``alpha`` is the opacity of a hot place, 0 (the photo itself) to 1. ``peak`` is the value that gets the last colour:
    the map's own maximum, unless maps are compared on a shared scale. ``smooth=False`` shows the patches as blocks.
    A model without trained weights is named on the picture, whatever alpha is. A signed map takes the diverging
    colours, with zero in their middle, whatever ``colormap`` is.

    Raises ImageError if the picture isn't RGB uint8, MethodError for an impossible alpha, peak or colour map.
    """
    check_picture(image)
    values = np.asarray(heat.values.detach().cpu(), dtype=np.float32)
    colormap = colormap_for(heat, colormap)
    picture = blend(image, values, highest(values, colormap) if peak is None else peak, alpha, colormap, smooth)
    return stamp_untrained(picture, in_place=True) if heat.untrained else picture


def check_picture(image: np.ndarray) -> None:
    """Raises ImageError unless the picture is RGB uint8 with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ImageError("A picture to draw on is an RGB uint8 array (height, width, 3); load it with load_image.")
    if not image.size:
        raise ImageError("The picture has no pixels.")


def colormap_for(heat: "Heatmap", colormap: str) -> str:
    """The colour map that was asked for; for a signed map the diverging one, since no other has a zero inside."""
    return DIVERGING if heat.signed else colormap


def highest(values: np.ndarray, colormap: str) -> float:
    """A map's own peak: its maximum, or for a diverging colour map its largest distance from zero."""
    return float(np.abs(values).max() if colormap == DIVERGING else values.max())


def blend(
    image: np.ndarray, values: np.ndarray, peak: float, alpha: float, colormap: str, smooth: bool = True
) -> np.ndarray:
    """The overlay of bare values ``(rows, cols)`` by the formula above; a new array of the picture's shape."""
    if not 0 <= alpha <= 1:
        raise MethodError(f"Opacity goes from 0 to 1; {alpha} doesn't.")
    if not np.isfinite(peak):
        raise MethodError(f"The peak of a colour scale is a finite number; {peak} isn't.")
    table = colormap_table(colormap)
    if peak <= 0 or alpha == 0:
        return image.copy()
    # In 255ths, by code: how much of the photo stays, and the colour that is added to it.
    opacity = np.rint(255 * alpha * _ramp(colormap))
    photo_share = (255 - opacity).astype(np.uint8)
    added = np.rint(table * (opacity[:, None] / 255)).astype(np.uint8).reshape(256, 1, 3)

    height, width = image.shape[:2]
    place = _Placement(values, peak, colormap, height, width, smooth)
    picture = np.empty(image.shape, dtype=np.uint8)
    step = max(1, _STRIP // width)
    # Each strip is written over the last one's memory: fresh memory would cost as much as the arithmetic.
    codes = stays = three = dimmed = colour = None
    for top in range(0, height, step):
        bottom = min(height, top + step)
        codes = place.codes(top, bottom)  # (strip's rows, width)
        stays = cv2.LUT(codes, photo_share, dst=stays)
        three = cv2.merge([stays] * 3, dst=three)
        dimmed = cv2.multiply(np.ascontiguousarray(image[top:bottom]), three, dst=dimmed, scale=1 / 255)
        colour = cv2.applyColorMap(codes, added, dst=colour)
        cv2.add(dimmed, colour, dst=picture[top:bottom])
    return picture


def colours(values: np.ndarray, peak: float, colormap: str, height: int, width: int, smooth: bool = True) -> np.ndarray:
    """The bare map in full colour, without a photo: RGB uint8 ``(height, width, 3)``."""
    codes = _Placement(values, peak if peak > 0 else 1.0, colormap, height, width, smooth).codes(0, height)
    return cv2.applyColorMap(codes, colormap_table(colormap).reshape(256, 1, 3))


def _ramp(colormap: str) -> np.ndarray:
    """The opacity of each of the 256 codes, 0 … 1, before alpha."""
    codes = np.arange(256)
    if colormap == DIVERGING:
        size = np.abs(2 * codes - 255)
        size[127:129] = 0  # zero lies between these two
        return np.minimum(1, 2 * size / 255)
    return np.minimum(1, 2 * codes / 255)


class _Placement:
    """A map laid out at a picture's size, its pixel rows made into codes when they are asked for."""

    def __init__(self, values: np.ndarray, peak: float, colormap: str, height: int, width: int, smooth: bool):
        # In float64, and held in bounds: against a tiny peak a value must not turn into infinity. What is above the
        # peak is cut off only after the interpolation, as the formula says.
        relative = (values.astype(np.float64) / peak).clip(-1e6, 1e6).astype(np.float32)  # (rows, cols)
        rows, cols = relative.shape
        if smooth:
            # Along the rows it is done here, on few columns; along the columns OpenCV does it, strip by strip.
            place = ((np.arange(height) + 0.5) * rows / height - 0.5).clip(0, rows - 1)
            above = place.astype(np.intp)
            weight = (place - above).astype(np.float32)[:, None]
            tall = relative[above] * (1 - weight) + relative[np.minimum(above + 1, rows - 1)] * weight
        else:
            tall = relative[((np.arange(height) + 0.5) * rows / height).astype(np.intp)]
            self.column = ((np.arange(width) + 0.5) * cols / width).astype(np.intp)
        # On the scale of the codes, of which the last step only has to round.
        self.tall = (tall + 1) * 127.5 if colormap == DIVERGING else tall * 255  # (height, cols)
        self.below_zero = bool(self.tall.min() < 0)
        self.smooth, self.width, self.wide, self.rounded = smooth, width, None, None

    def codes(self, top: int, bottom: int) -> np.ndarray:
        """Pixel rows top … bottom − 1 as codes, uint8 ``(bottom − top, width)``; the next call writes over them."""
        strip = self.tall[top:bottom]
        if self.smooth:
            self.wide = cv2.resize(strip, (self.width, bottom - top), dst=self.wide, interpolation=cv2.INTER_LINEAR)
            strip = self.wide
        else:
            strip = strip[:, self.column]
        if self.below_zero:
            strip = np.maximum(strip, 0)
        self.rounded = cv2.convertScaleAbs(strip, dst=self.rounded)
        return self.rounded

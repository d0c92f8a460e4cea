"""Maps in motion: one frame after the other, as a GIF, which plays everywhere."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vit.errors import MethodError
from vit.render.files import write_whole
from vit.render.heat import check_picture
from vit.render.legend import fit

_SAMPLE = 160  # pixels: the longer side of the small copies that the palette is made from
_BAYER = np.array([[0, 2], [3, 1]])
for _ in range(2):
    _BAYER = np.block([[4 * _BAYER, 4 * _BAYER + 2], [4 * _BAYER + 3, 4 * _BAYER + 1]])
_THRESHOLDS = ((_BAYER + 0.5) / 64 - 0.5).astype(np.float32)  # (8, 8), −½ … ½: evenly spread at every scale


def animation(
    frames: Sequence[np.ndarray], path: str | Path | None = None, fps: float = 4.0, longest: int = 640
) -> bytes:
    """Pictures of one size as the bytes of an endless GIF, also written to ``path`` if there is one.

    A longer side of more than ``longest`` pixels is scaled down. All frames share one palette, made from all of them,
    and each pixel has its own fixed threshold between two of its colours: soft slopes stay soft, and what doesn't move
    doesn't flicker, as it would with error diffusion.
    """
    if not frames:
        raise MethodError("An animation needs at least one picture.")
    for frame in frames:
        check_picture(frame)
    if any(frame.shape != frames[0].shape for frame in frames):
        raise MethodError("The pictures of an animation all have one size.")
    if not 0.1 <= fps <= 50:
        raise MethodError(f"An animation shows 0.1 to 50 pictures a second; {fps} can't be shown.")
    small = [_at_most(frame, longest) for frame in frames]
    palette, step = _palette(small)
    indexed = [_nearest(_wavering(frame, step), palette) for frame in small]
    file = io.BytesIO()
    duration = max(20, round(1000 / fps / 10) * 10)  # milliseconds; a GIF counts hundredths of a second
    indexed[0].save(
        file, format="GIF", save_all=True, append_images=indexed[1:], duration=duration, loop=0, optimize=False
    )
    content = file.getvalue()
    if path is not None:
        write_whole(content, path)
    return content


def _at_most(frame: np.ndarray, longest: int) -> np.ndarray:
    height, width = frame.shape[:2]
    if max(height, width) <= longest:
        return frame
    scale = longest / max(height, width)
    return fit(frame, max(1, round(height * scale)), max(1, round(width * scale)))


def _wavering(frame: np.ndarray, step: float) -> np.ndarray:
    """The frame with each pixel moved by its threshold, at most half a step of the palette."""
    height, width = frame.shape[:2]
    tiles = np.tile(_THRESHOLDS, (-(-height // 8), -(-width // 8)))[:height, :width, None]
    return np.rint((frame + step * tiles).clip(0, 255)).astype(np.uint8)


def _nearest(frame: np.ndarray, palette: Image.Image) -> Image.Image:
    return Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)


def _palette(frames: Sequence[np.ndarray]) -> tuple[Image.Image, float]:
    """256 colours that serve all frames, from small copies of them, and how far one is from the next, in grey levels.

    A colour counts by the root of how often it occurs: the few saturated pixels of the heat and of its colour bar
    then get their share of the palette beside the many of the photo.
    """
    pixels = np.concatenate([_at_most(frame, _SAMPLE).reshape(-1, 3) for frame in frames])  # (pixels, 3)
    red, green, blue = (pixels >> 2).astype(np.intp).T
    _, first, count = np.unique(red << 12 | green << 6 | blue, return_index=True, return_counts=True)
    sample = pixels[first].repeat(np.ceil(np.sqrt(count)).astype(np.intp), axis=0)
    palette = Image.fromarray(sample[None]).quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3)
    missed = np.abs(np.asarray(_nearest(sample[None], palette).convert("RGB")).astype(int) - sample).mean()
    return palette, 4 * float(missed)  # colours an even step apart miss by a quarter of it on average

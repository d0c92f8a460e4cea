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


def animation(
    frames: Sequence[np.ndarray], path: str | Path | None = None, fps: float = 4.0, longest: int = 640
) -> bytes:
    """Pictures of one size as the bytes of an endless GIF, also written to ``path`` if there is one.

    A longer side of more than ``longest`` pixels is scaled down. All frames share one palette, made from all of them,
    so that what doesn't move doesn't flicker, and the file stays small.
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
    palette = _palette(small)
    # Error diffusion would boil from frame to frame; 256 colours for one photo and one map do without.
    indexed = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in small]
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


def _palette(frames: Sequence[np.ndarray]) -> Image.Image:
    """256 colours that serve all frames, from small copies of them.

    A colour counts by the root of how often it occurs: the few saturated pixels of the heat and of its colour bar
    then get their share of the palette beside the many of the photo.
    """
    pixels = np.concatenate([_at_most(frame, _SAMPLE).reshape(-1, 3) for frame in frames])  # (pixels, 3)
    red, green, blue = (pixels >> 2).astype(np.intp).T
    _, first, count = np.unique(red << 12 | green << 6 | blue, return_index=True, return_counts=True)
    sample = pixels[first].repeat(np.ceil(np.sqrt(count)).astype(np.intp), axis=0)
    return Image.fromarray(sample[None]).quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3)

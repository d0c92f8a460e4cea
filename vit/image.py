"""A picture in: a file, bytes or an array becomes one upright RGB picture, or a sentence that says what to do.

People upload what they have: photos stored on their side, 16-bit scans, print files in CMYK, animations, text
renamed to ``.png``, and now and then a file made to exhaust the server. So nothing is decoded before its kind is
known from its first bytes (never from its name) and its pixels are counted.
"""

import hashlib
import io
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from vit.errors import ImageError
from vit.image_kind import SAVE_AS, opener

Source = str | Path | bytes | BinaryIO | Image.Image | np.ndarray

MAX_PIXELS = 64 * 2**20  # so that a camera's "64 megapixels" (64.1 million) still fit
MAX_BYTES = 512 * 2**20
START_OF_SCAN, MAX_SCANS = b"\xff\xda", 16  # a progressive JPEG has about ten scans; a bomb has thousands

# EXIF orientation -> what turns the stored picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(source: Source, max_pixels: int | None = None) -> np.ndarray:
    """Any picture as RGB uint8 ``(height, width, 3)``, upright, in its own size, on white where it is transparent.

    ``source``: a path, the bytes of a file, a binary file object, a PIL image, or an array ``(height, width)`` or
    ``(height, width, 1 | 2 | 3 | 4)`` (grey, grey and alpha, RGB, RGBA) of integers or floats.

    - Of an animation, the first frame. EXIF orientation is applied; EXIF itself never leaves this function.
    - Colours come to sRGB through the embedded ICC profile, where there is a sound one.
    - More than 8 bits are scaled by their range, never clipped. Whole numbers from 0: the full scale of the
      smallest of 8, 10, 12, 14 and 16 bits that holds the largest value becomes 255 (scanners keep 12 bits in
      16-bit files). 16-bit colour files: their full scale. Floats from 0 to 1: 1 becomes 255; floats that are
      whole numbers from 0 to 255 stay. All else (negative, larger): its lowest value becomes 0, its highest 255.
      Alpha is a share of 1 (floats), 255 or 65535.
    - ``max_pixels``: no more are decoded; by default ``VIT_MAX_PIXELS`` of the environment, else 64 Mi. The one
      picture that does not keep its size: a baseline JPEG above that, and at most four times it, comes at half
      its width and height, which the decoder does without holding the rest (a 200-megapixel phone photo works).

    Raises ImageError, with a sentence that says what to do, for everything that is no whole picture: a file cut
    off, another format, too many pixels, an array with NaN. Safe from many threads; no global switch is used.
    """
    limit = pixel_limit(max_pixels)
    try:
        if isinstance(source, np.ndarray):
            return _finish(_picture_of_array(source, limit))
        if isinstance(source, Image.Image):
            _check_size(source.size, limit)
            source.load()
            return _finish(source)
        return _finish(_decode(_read(source), limit))
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("There is not enough memory for this picture: make it smaller and try again.") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds, and more in the next version
        raise ImageError(f"This picture is damaged or cut off: get the file once more, or {SAVE_AS}") from error


def fingerprint(image: np.ndarray) -> str:
    """The same 64 hexadecimal digits for the same pixels in the same shape: SHA-256 of both, a name for caches."""
    digest = hashlib.sha256(f"{image.shape} {image.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def pixel_limit(max_pixels: int | None = None) -> int:
    """How many pixels may be decoded; ImageError if VIT_MAX_PIXELS is no number."""
    try:
        return int(max_pixels if max_pixels is not None else os.environ.get("VIT_MAX_PIXELS") or MAX_PIXELS)
    except ValueError as error:
        raise ImageError("VIT_MAX_PIXELS must be a whole number of pixels, such as 64000000.") from error


def _check_size(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"This picture is empty, it has no pixels: choose another, or {SAVE_AS}")
    if width * height > limit:
        raise ImageError(
            f"This picture has {width} × {height} pixels, {width * height / 1e6:,.1f} megapixels, and the limit "
            f"is {limit / 1e6:,.1f}: make it smaller and try again."
        )


def _read(source: str | Path | bytes | BinaryIO) -> bytes:
    """The bytes of a file. No message names the file: a visitor must not learn the server's folders."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, Path)):
        if str(source).startswith(("http://", "https://")):
            raise ImageError("This is a web address: download the picture first and give the file.")
        try:
            # Only a plain file: a pipe or a device could keep us reading for ever.
            if not Path(source).is_file():
                raise ImageError("There is no such picture file: check its name and folder.")
            with open(source, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise ImageError("This file can't be opened: check its name, and that it may be read.") from error
    elif hasattr(source, "read"):
        if getattr(source, "seekable", lambda: False)():
            source.seek(0)
        data = source.read(MAX_BYTES + 1)
        if not isinstance(data, bytes):
            raise ImageError('This file was opened as text: open it with mode "rb".')
    else:
        raise ImageError("A picture is a path, bytes, a binary file, a PIL image or a numpy array: give one of these.")
    if not data:
        raise ImageError("This file is empty, it has 0 bytes: get it once more, or choose another.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"This file is larger than {MAX_BYTES // 2**20} MB: {SAVE_AS}")
    return data


def _decode(data: bytes, limit: int) -> Image.Image:
    """The first frame, decoded whole. Pixels are counted before, so a small file can't unpack to a huge picture."""
    picture = opener(data)(io.BytesIO(data), "")
    if isinstance(picture, JpegImageFile):
        # A progressive one is held whole inside the decoder, whatever size comes out, and decoded once for each scan.
        if picture.info.get("progressive"):
            if data.count(START_OF_SCAN) * picture.width * picture.height > MAX_SCANS * limit:
                raise ImageError(f"This JPEG takes far more passes than its pixels need: {SAVE_AS}")
        elif limit < picture.width * picture.height <= 4 * limit:
            picture.draft(picture.mode, (picture.width // 2, picture.height // 2))
    _check_size(picture.size, limit)
    picture.load()
    return picture


def _finish(picture: Image.Image) -> np.ndarray:
    """A loaded picture of any mode -> RGB uint8 ``(height, width, 3)``, upright."""
    orientation = _orientation(picture)
    mode = picture.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        grey = _eight_bits(np.asarray(picture))
        if getattr(picture, "tag_v2", {}).get(262) == 0:  # a TIFF in which 0 is white; Pillow inverts only 8 bits
            grey = 255 - grey
        picture = Image.fromarray(grey)
    if picture.has_transparency_data:
        with_alpha = picture.convert("RGBA")
        colours = _to_srgb(with_alpha.convert("RGB"))
        picture = Image.new("RGB", picture.size, "white")
        picture.paste(colours, mask=with_alpha.getchannel("A"))
    else:
        picture = _to_srgb(picture)
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    return np.array(picture)


def _orientation(picture: Image.Image) -> int:
    """EXIF's word for how the picture is stored, 1…8. Read after loading: a TIFF has turned itself by then."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF is no reason to refuse a sound picture
        return 1


def _to_srgb(picture: Image.Image) -> Image.Image:
    """RGB as a screen shows it: through the embedded profile if it is sound, else by Pillow's plain conversion."""
    profile = picture.info.get("icc_profile")
    if picture.mode == "CMYK" and isinstance(picture, JpegImageFile) and "adobe" not in picture.info:
        picture = ImageChops.invert(picture)  # Pillow takes every CMYK JPEG for Adobe's, which store ink inverted
    if picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")  # 1, P, YCbCr, HSV; a palette's profile is about its RGB colours
    try:
        if picture.mode == "LAB":
            own = ImageCms.createProfile("LAB")
        elif not profile:
            return picture.convert("RGB")
        else:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(own).lower():
                return picture.convert("RGB")
        screen = ImageCms.createProfile("sRGB")
        # NOCACHE: remembering the last pixel costs a photo a quarter more time than it saves.
        transform = ImageCms.buildTransform(own, screen, picture.mode, "RGB", flags=ImageCms.Flags.NOCACHE)
        return transform.apply(picture)
    except (ImageCms.PyCMSError, OSError, TypeError):  # a damaged profile, or one for another mode
        return picture.convert("RGB")


def _picture_of_array(array: np.ndarray, limit: int) -> Image.Image:
    """An array as a PIL image of 8 bits a channel: L, RGB or RGBA."""
    channels = 1 if array.ndim == 2 else array.shape[-1] if array.ndim == 3 else 0
    if channels not in (1, 2, 3, 4):
        shape = " × ".join(map(str, array.shape))
        raise ImageError(f"An array of shape {shape} is no picture: give (height, width) or (height, width, 3 or 4).")
    if array.dtype.kind not in "buif":
        raise ImageError(f"An array of {array.dtype} is no picture: give whole numbers or floats.")
    _check_size((array.shape[1], array.shape[0]), limit)
    array = array.reshape(*array.shape[:2], channels)  # (height, width, channels)
    colours = _eight_bits(array[..., : 3 if channels > 2 else 1])
    if channels in (1, 3):
        return Image.fromarray(colours[..., 0] if channels == 1 else np.ascontiguousarray(colours))
    colours = np.broadcast_to(colours, (*array.shape[:2], 3))
    return Image.fromarray(np.concatenate([colours, _eight_bits(array[..., -1:], alpha=True)], axis=-1))


def _eight_bits(values: np.ndarray, alpha: bool = False) -> np.ndarray:
    """Numbers of any type as uint8, by the rule that ``load_image`` tells."""
    if values.dtype == np.uint8:
        return values
    kind, lowest, highest = values.dtype.kind, float(values.min()), float(values.max())
    if not np.isfinite(highest - lowest):
        raise ImageError("This picture holds NaN, infinity or numbers beyond all measure: fill those pixels first.")
    floor, span = lowest, highest - lowest or 1.0
    if kind == "b" or (kind == "f" and lowest >= 0 and highest <= 1):
        floor, span = 0.0, 1.0
    elif alpha:
        floor, span = 0.0, 255.0 if highest <= 255 else 65535.0
    elif kind in "ui" and lowest >= 0 and highest <= 65535:
        floor, span = 0.0, next(2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if highest < 2**bits)
    elif kind == "f" and lowest >= 0 and highest <= 255 and (values == np.rint(values)).all():
        floor, span = 0.0, 255.0
    scaled = (values.astype(np.result_type(values.dtype, np.float32)) - floor) * (255.0 / span)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)

"""What a file is, told from its first bytes and never from its name: the seven kinds of picture that are read here.

A closed list. Pillow by itself would also open EPS (it starts Ghostscript), PSD, FITS and thirty more, whatever the
file is called. What isn't on the list gets a sentence that names it, where its first bytes give it away.
"""

import io
from collections.abc import Callable

from PIL import AvifImagePlugin as AvifImagePlugin  # importing a plugin registers its format in Image.OPEN
from PIL import BmpImagePlugin as BmpImagePlugin
from PIL import GifImagePlugin as GifImagePlugin
from PIL import Image
from PIL import JpegImagePlugin as JpegImagePlugin
from PIL import PngImagePlugin as PngImagePlugin
from PIL import TiffImagePlugin as TiffImagePlugin
from PIL import WebPImagePlugin as WebPImagePlugin

from vit.errors import ImageError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")  # JPEG brings MPO
SAVE_AS = "save it as JPEG or PNG and try again."

# What people try instead, by its first bytes, so that the sentence can name it.
_OTHER_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (b"8BPS", "a Photoshop file"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\0\0\1\0", "an icon file"),
    (b"gimp xcf", "a GIMP file"),
    (b"PK\3\4", "a ZIP archive or an office document"),
    (b"\x1a\x45\xdf\xa3", "a video"),
)


def opener(data: bytes) -> Callable[[io.BytesIO, str], Image.Image]:
    """What opens a file that begins like this one, or an ImageError that names what it is instead.

    Not ``Image.open``: that warns and refuses by ``Image.MAX_IMAGE_PIXELS``, which is one switch for the process.
    """
    start = data[:16]
    brands = data[8:64] if start[4:8] == b"ftyp" else b""  # of an ISO container: AVIF, HEIC, MP4, …
    for name in FORMATS:
        factory, accepts = Image.OPEN[name]
        if accepts and accepts(start) is True and (name != "AVIF" or b"avif" in brands or b"avis" in brands):
            return factory
    kind = next((kind for magic, kind in _OTHER_KINDS if data.startswith(magic)), "")
    beginning = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(brand in brands for brand in (b"hei", b"hev", b"mif1", b"msf1")):
        kind = "an HEIC or HEIF photo"
    elif brands:
        kind = "a video"
    elif b"<svg" in beginning:
        kind = "an SVG drawing"
    elif beginning.startswith((b"<!doctype html", b"<html")):
        raise ImageError("This is a web page, not a picture: open it in a browser and save the picture itself.")
    if kind:
        raise ImageError(f"This is {kind}, which can't be read here: {SAVE_AS}")
    raise ImageError(f"This file is no JPEG, PNG, GIF, WebP, BMP, TIFF or AVIF picture: choose another, or {SAVE_AS}")

"""More of what people's programs write: the variants of a format that Pillow can make, and more ways to hurt one.

``tests/pictures.py`` takes them in.
"""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from tests.pictures import BLUE, CORNERS, GREEN, RED, WHITE, Picture, chunk, corners, encoded, noise, png

_SHAPE = (32, 48, 3)
_SCRIPT = '<script>alert("attention")</script>'


def variants() -> Iterator[Picture]:
    """The same four corners in every dialect."""
    yield from _jpegs()
    yield from _pngs()
    yield from _others()
    yield from _wrong_names()


def _jpegs() -> Iterator[Picture]:
    for way in ("baseline", "progressive", "optimize"):
        for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:1:1"):
            options = {} if way == "baseline" else {way: True}
            data = encoded(corners(), "JPEG", quality=95, subsampling=subsampling, **options)
            yield Picture(f"{way}-{subsampling.replace(':', '')}.jpg", data, _SHAPE, CORNERS, 12)
    sure = {"quality": 95, "subsampling": 0}
    yield Picture("stored-as-rgb.jpg", encoded(corners(), "JPEG", keep_rgb=True, **sure), _SHAPE, CORNERS, 8)
    yield Picture("restarts.jpg", encoded(corners(), "JPEG", restart_marker_blocks=1, **sure), _SHAPE, CORNERS, 8)
    yield Picture("comment.jpg", encoded(corners(), "JPEG", comment=_SCRIPT, **sure), _SHAPE, CORNERS, 8)
    yield Picture("trailing.jpg", encoded(corners(), "JPEG", **sure) + b"\0" * 5000, _SHAPE, CORNERS, 8)
    grey = Image.fromarray(np.full((32, 48), 77, np.uint8))
    yield Picture("grey.jpg", encoded(grey, "JPEG", quality=95), _SHAPE, {(9, 9): (77, 77, 77)}, 2)


def _pngs() -> Iterator[Picture]:
    palette = Image.fromarray(corners()).quantize(4)
    for bits in (2, 4, 8):
        yield Picture(f"palette-{bits}-bit.png", encoded(palette, "PNG", bits=bits), _SHAPE, CORNERS)
    for level in (0, 9):
        yield Picture(f"level-{level}.png", encoded(corners(), "PNG", compress_level=level), _SHAPE, CORNERS)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Title", _SCRIPT, zip=True)
    notes.add_itxt("Comment", _SCRIPT, "en", "Kommentar")
    yield Picture("notes.png", encoded(corners(), "PNG", pnginfo=notes), _SHAPE, CORNERS)
    extra = {
        "gamma": chunk(b"gAMA", struct.pack(">I", 45455)),
        "private-chunk": chunk(b"viTx", b"\0" * 100),
        "resolution": chunk(b"pHYs", struct.pack(">IIB", 1, 2**31, 1)),
        "time-without-sense": chunk(b"tIME", b"\xff" * 7),
    }
    for name, more in extra.items():
        yield Picture(f"{name}.png", png(corners(), more), _SHAPE, CORNERS)
    checks = bytearray(encoded(corners(), "PNG"))
    checks[29] ^= 255  # the checksum of the header
    yield Picture("wrong-checksum.png", bytes(checks), sentence="damaged")
    yield Picture("no-pixels.png", png(corners(), size=(0, 5)), sentence="damaged|empty")


def _others() -> Iterator[Picture]:
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
        yield Picture(f"{compression}.tif", encoded(corners(), "TIFF", compression=compression), _SHAPE, CORNERS)
    line = Image.fromarray(corners()).convert("L").point([0] * 201 + [255] * 55).convert("1")
    for compression in ("group3", "group4"):
        yield Picture(f"{compression}.tif", encoded(line, "TIFF", compression=compression), _SHAPE, {(27, 43): WHITE})
    for mode in ("L", "P", "RGB"):
        picture = Image.fromarray(corners()).quantize(4) if mode == "P" else Image.fromarray(corners()).convert(mode)
        yield Picture(f"mode-{mode}.bmp", encoded(picture, "BMP"), _SHAPE, {(27, 43): WHITE}, 1)
    upside = bytearray(encoded(corners()[::-1], "BMP"))
    upside[22:26] = struct.pack("<i", -32)  # rows from the top, which a negative height says
    yield Picture("rows-from-the-top.bmp", bytes(upside), _SHAPE, CORNERS)
    palette = Image.fromarray(corners()).quantize(4)
    for interlace in (0, 1):
        yield Picture(f"interlace-{interlace}.gif", encoded(palette, "GIF", interlace=interlace), _SHAPE, CORNERS)
    commented = encoded(palette, "GIF", comment=_SCRIPT.encode())
    yield Picture("comment.gif", commented, _SHAPE, CORNERS)
    for quality, method in ((80, 0), (80, 6), (100, 4)):
        data = encoded(corners(), "WEBP", quality=quality, method=method)
        yield Picture(f"lossy-{quality}-{method}.webp", data, _SHAPE, CORNERS, 24)
    for subsampling in ("4:2:0", "4:2:2"):
        data = encoded(corners(), "AVIF", quality=90, subsampling=subsampling)
        yield Picture(f"{subsampling.replace(':', '')}.avif", data, _SHAPE, CORNERS, 24)
    dot = np.full((1, 1, 3), RED, np.uint8)
    yield Picture("1x1.webp", encoded(dot, "WEBP", lossless=True), (1, 1, 3), {(0, 0): RED})
    yield Picture("1x1.avif", encoded(dot, "AVIF", quality=100), (1, 1, 3), {(0, 0): RED}, 8)
    strip = np.full((1, 16383, 3), GREEN, np.uint8)
    yield Picture("16383x1.webp", encoded(strip, "WEBP", lossless=True), (1, 16383, 3), {(0, 16382): GREEN})
    tall = np.full((60000, 1, 3), BLUE, np.uint8)
    yield Picture("1x60000.bmp", encoded(tall, "BMP"), (60000, 1, 3), {(59999, 0): BLUE})


def _wrong_names() -> Iterator[Picture]:
    """What a file is called says nothing."""
    for kind, name in (("PNG", "gif"), ("GIF", "jpg"), ("BMP", "png"), ("TIFF", "webp"), ("WEBP", "avif")):
        options = {"lossless": True} if kind == "WEBP" else {}
        picture = Image.fromarray(corners()).quantize(4) if kind == "GIF" else corners()
        yield Picture(f"really-a-{kind.lower()}.{name}", encoded(picture, kind, **options), _SHAPE, CORNERS)
    for name in ("../../etc/passwd.png", "a\0b.png", "x" * 300 + ".png", "CON.png", "%2e%2e%2fphoto.png"):
        yield Picture(name, encoded(corners(), "PNG"), _SHAPE, CORNERS)


def hurt() -> Iterator[Picture]:
    """Cut off at more places, and with a header that lies."""
    for kind, options in (
        ("JPEG", {}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("AVIF", {"quality": 90}),
    ):
        whole = encoded(noise(seed=5), kind, **options)
        for percent in (25, 75, 97):
            yield Picture(
                f"cut-{percent}-again.{kind.lower()}", whole[: len(whole) * percent // 100], sentence="cut off"
            )
    jpeg = encoded(noise(), "JPEG")
    tables = jpeg.index(b"\xff\xc4")
    frame = jpeg[:tables] + jpeg[jpeg.index(b"\xff\xda") :]  # as cameras for film leave the standard tables out
    yield Picture("standard-tables-left-out.jpg", frame, (120, 160, 3))
    yield Picture("two-signatures.jpg", b"\xff\xd8\xff\xe0" + jpeg[:200], sentence="cut off")
    loop = bytearray(encoded(corners(), "TIFF"))
    loop[4:8] = struct.pack("<I", 2**32 - 2)  # the table of its entries lies beyond the file
    yield Picture("table-beyond-the-end.tif", bytes(loop), sentence="damaged")

"""Odd and hostile picture files, made on the spot: each with its name, its bytes, and what must come of it.

``pictures()`` is a generator, so that a test, the page's test or a load test takes as many as it wants; to add a
file, yield one more. Small writers of PNG and TIFF are here because Pillow can't write 16-bit colour.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 40), (30, 40, 220), (255, 255, 255)


@dataclass(frozen=True)
class Picture:
    """A file and its fate: a picture of ``shape`` with these ``pixels``, or a ``sentence`` with these words in it."""

    name: str
    data: bytes
    shape: tuple[int, int, int] | None = None
    pixels: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)  # (row, column) -> RGB
    tolerance: int = 0
    sentence: str = ""

    def __post_init__(self):
        assert (self.shape is None) == bool(self.sentence), f"{self.name} must be a picture or an error, and one only"


def pictures() -> Iterator[Picture]:
    """All of them, small ones only: none takes more than a moment to make."""
    yield from turned()
    yield from transparent()
    yield from deep()
    yield from printed()
    yield from moving()
    yield from shaped()
    yield from cut_off()
    yield from too_large()
    yield from no_pictures()
    from tests.odd_pictures import hurt, variants  # which is made with what stands below

    yield from variants()
    yield from hurt()


def corners(height: int = 32, width: int = 48) -> np.ndarray:
    """Red top left, green top right, blue bottom left, white bottom right: RGB uint8 ``(height, width, 3)``."""
    image = np.empty((height, width, 3), np.uint8)
    rows, cols = height // 2, width // 2
    image[:rows, :cols], image[:rows, cols:], image[rows:, :cols], image[rows:, cols:] = RED, GREEN, BLUE, WHITE
    return image


CORNERS = {(4, 4): RED, (4, 43): GREEN, (27, 4): BLUE, (27, 43): WHITE}


def noise(height: int = 120, width: int = 160, seed: int = 0) -> np.ndarray:
    """RGB uint8 noise, which no format makes small."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a file as Pillow writes it."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def png(values: np.ndarray, chunks: bytes = b"", size: tuple[int, int] | None = None) -> bytes:
    """A PNG of uint8 or uint16 ``(height, width, channels)``; ``size`` (width, height) lets its header lie."""
    height, width, channels = values.shape
    bits, colour_type = 8 * values.dtype.itemsize, {1: 0, 3: 2, 2: 4, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(values.dtype.newbyteorder(">")).tobytes() for row in values)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(name: bytes, data: bytes) -> bytes:
    """One block of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(values: np.ndarray, photometric: int, size: tuple[int, int] | None = None) -> bytes:
    """A plain TIFF of uint8, uint16 or float32 ``(height, width, channels)``; 0: white is zero, 1: black is, 2: RGB."""
    height, width, channels = values.shape
    width, height = size or (width, height)
    pixels = values.astype(values.dtype.newbyteorder("<")).tobytes()
    bits, sample_format = 8 * values.dtype.itemsize, 3 if values.dtype.kind == "f" else 1
    extra = 8 + len(pixels)  # where the lists of one number a channel stand, after header and pixels
    lists = struct.pack(f"<{2 * channels}H", *[bits] * channels, *[sample_format] * channels)
    several = channels > 2  # a list of up to two numbers stands in the entry itself
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, extra if several else bits)]
    entries += [(259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, channels)]
    entries += [(278, 4, 1, height), (279, 4, 1, len(pixels))]
    entries += [(339, 3, channels, extra + 2 * channels if several else sample_format)]
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", extra + len(lists)) + pixels + lists + table


def without_adobe_marker(jpeg: bytes) -> bytes:
    """A JPEG without its APP14 segment, which tells that CMYK is stored inverted."""
    place = jpeg.index(b"\xff\xee")
    (length,) = struct.unpack(">H", jpeg[place + 2 : place + 4])
    assert jpeg[place + 4 : place + 9] == b"Adobe"
    return jpeg[:place] + jpeg[place + 2 + length :]


def wide_gamut_profile() -> bytes:
    """An ICC profile like sRGB's, with the primaries of Display P3 and another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2920, 0.6922, 0.0419),
        b"bXYZ": (0.1571, 0.0666, 0.7841),
    }
    for entry in range(struct.unpack(">I", profile[128:132])[0]):
        name, start, _ = struct.unpack(">4sII", profile[132 + 12 * entry : 144 + 12 * entry])
        if name in primaries:
            profile[start + 8 : start + 20] = struct.pack(">3i", *[round(65536 * part) for part in primaries[name]])
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


# EXIF's own definition: which side of the upright picture the stored row 0 is, and which the stored column 0.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera stores this picture under an EXIF orientation, by the definition above."""
    first_row, first_column = SIDES[orientation]
    image = upright if first_row in ("top", "bottom") else upright.swapaxes(0, 1)
    image = image[::-1] if first_row in ("bottom", "right") else image
    return np.ascontiguousarray(image[:, ::-1] if first_column in ("bottom", "right") else image)


def turned() -> Iterator[Picture]:
    """Every EXIF orientation, in every format that has EXIF: all must come out as the same upright picture."""
    for orientation in SIDES:
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind, options in (
            ("JPEG", {"quality": 95, "subsampling": 0}),
            ("PNG", {}),
            ("WEBP", {"lossless": True}),
            ("TIFF", {}),
            ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
        ):
            data = encoded(stored(corners(), orientation), kind, exif=exif, **options)
            yield Picture(f"turned-{orientation}.{kind.lower()}", data, (32, 48, 3), CORNERS, tolerance=8)
    wrong = Image.Exif()
    wrong[0x0112] = 99
    yield Picture(
        "turned-99.jpg", encoded(corners(), "JPEG", exif=wrong, quality=95, subsampling=0), (32, 48, 3), CORNERS, 8
    )
    broken = encoded(corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + bytes(40), quality=95, subsampling=0)
    yield Picture("broken-exif.jpg", broken, (32, 48, 3), CORNERS, 8)
    huge = Image.Exif()
    huge[0x9286] = b"x" * 65000  # the user's comment, as long as a JPEG segment can be
    yield Picture(
        "huge-exif.jpg", encoded(corners(), "JPEG", exif=huge, quality=95, subsampling=0), (32, 48, 3), CORNERS, 8
    )
    long = Image.Exif()
    long[0x9286] = b"x" * 5_000_000
    yield Picture("huge-exif.png", encoded(corners(), "PNG", exif=long), (32, 48, 3), CORNERS)


def transparent() -> Iterator[Picture]:
    """Alpha of every kind stands on white."""
    colours = np.zeros((8, 12, 4), np.uint8)
    colours[..., 0], colours[:, 4:8, 3], colours[:, 8:, 3] = 200, 128, 255  # clear, half, solid
    expected = {(2, 1): WHITE, (2, 5): (227, 127, 127), (2, 10): (200, 0, 0)}
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        yield Picture(f"alpha.{kind.lower()}", encoded(colours, kind, **options), (8, 12, 3), expected, tolerance=1)
    yield Picture("alpha.avif", encoded(colours, "AVIF", quality=100), (8, 12, 3), expected, tolerance=6)
    grey = np.zeros((8, 12, 2), np.uint8)
    grey[:, 6:, 1] = 255
    yield Picture("grey-alpha.png", png(grey), (8, 12, 3), {(1, 1): WHITE, (1, 9): (0, 0, 0)})
    deep = np.zeros((8, 12, 4), np.uint16)
    deep[..., 1], deep[:, 6:, 3] = 65535, 65535
    yield Picture("alpha-16-bit.png", png(deep), (8, 12, 3), {(1, 1): WHITE, (1, 9): (0, 255, 0)})
    palette = Image.fromarray(corners()).quantize(4)
    by_colour = {tuple(palette.getpalette()[3 * i : 3 * i + 3]): i for i in range(4)}  # pyright: ignore[reportOptionalSubscript]
    blue = by_colour[BLUE]
    shares = bytes(0 if number == blue else 255 for number in range(4))
    kept = {place: WHITE if colour == BLUE else colour for place, colour in CORNERS.items()}
    yield Picture("palette-one-clear.png", encoded(palette, "PNG", transparency=blue), (32, 48, 3), kept)
    yield Picture("palette-alpha.png", encoded(palette, "PNG", transparency=shares), (32, 48, 3), kept)
    yield Picture("palette-clear.gif", encoded(palette, "GIF", transparency=blue), (32, 48, 3), kept)
    key = png(corners(), chunk(b"tRNS", struct.pack(">3H", *BLUE)))
    yield Picture("colour-key.png", key, (32, 48, 3), kept)
    yield Picture("palette.png", encoded(palette, "PNG"), (32, 48, 3), CORNERS)


def deep() -> Iterator[Picture]:
    """More than 8 bits: the whole range must still be told apart."""
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, 256, 1).repeat(4, axis=0)  # (rows, cols, 1)
    spread = {(0, 0): (0, 0, 0), (0, 64): (64, 64, 64), (0, 128): (128, 128, 128), (0, 255): (255, 255, 255)}
    yield Picture("grey-16-bit.png", png(ramp), (4, 256, 3), spread, tolerance=1)
    yield Picture("grey-16-bit.tif", tiff(ramp, 1), (4, 256, 3), spread, tolerance=1)
    upside = {place: tuple(255 - part for part in colour) for place, colour in spread.items()}
    yield Picture("white-is-zero-16-bit.tif", tiff(ramp, 0), (4, 256, 3), upside, tolerance=1)  # pyright: ignore[reportArgumentType]
    yield Picture("white-is-zero.tif", tiff((ramp >> 8).astype(np.uint8), 0), (4, 256, 3), upside, tolerance=1)  # pyright: ignore[reportArgumentType]
    yield Picture("12-bits-in-16.png", png(ramp >> 4), (4, 256, 3), spread, tolerance=1)
    colour = np.concatenate([ramp, ramp[:, ::-1], ramp // 2], axis=-1)
    colours = {(0, 0): (0, 255, 0), (0, 128): (128, 127, 64), (0, 255): (255, 0, 127)}
    yield Picture("rgb-16-bit.png", png(colour), (4, 256, 3), colours, tolerance=1)
    yield Picture("rgb-16-bit.tif", tiff(colour, 2), (4, 256, 3), colours, tolerance=1)
    share = ramp.astype(np.float32) / 65535
    yield Picture("float-0-to-1.tif", tiff(share, 1), (4, 256, 3), spread, tolerance=1)
    yield Picture("float-by-range.tif", tiff(share * 4000 - 1000, 1), (4, 256, 3), spread, tolerance=1)
    hole = share.copy()
    hole[2, 2] = np.nan
    yield Picture("float-nan.tif", tiff(hole, 1), sentence="NaN")
    yield Picture(
        "one-bit.png", encoded(Image.fromarray(corners()).convert("1"), "PNG"), (32, 48, 3), {(27, 43): WHITE}
    )


def printed() -> Iterator[Picture]:
    """CMYK, and colours that are not sRGB."""
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow: red
    red = {(8, 8): (255, 0, 0)}
    adobe = encoded(ink, "JPEG", quality=95)
    assert b"Adobe" in adobe[:64]
    yield Picture("cmyk-adobe.jpg", adobe, (16, 16, 3), red, tolerance=4)
    plain = without_adobe_marker(encoded(ImageChops.invert(ink), "JPEG", quality=95))
    yield Picture("cmyk-no-marker.jpg", plain, (16, 16, 3), red, tolerance=4)
    yield Picture("cmyk.tif", encoded(ink, "TIFF"), (16, 16, 3), red)
    damaged = encoded(ink, "TIFF", icc_profile=b"no profile at all" * 20)
    yield Picture("cmyk-damaged-profile.tif", damaged, (16, 16, 3), red)
    flat = np.full((16, 16, 3), (128, 180, 128), np.uint8)
    wide = encoded(flat, "PNG", icc_profile=wide_gamut_profile())
    # The same colour in sRGB, by hand: linear light, the matrix from P3 to sRGB, and the curve back.
    yield Picture("wide-gamut.png", wide, (16, 16, 3), {(8, 8): (112, 182, 123)}, tolerance=2)
    plain_srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield Picture(
        "srgb-profile.png", encoded(flat, "PNG", icc_profile=plain_srgb), (16, 16, 3), {(8, 8): (128, 180, 128)}
    )
    wrong_mode = encoded(flat[..., 1], "PNG", icc_profile=plain_srgb)
    yield Picture("rgb-profile-on-grey.png", wrong_mode, (16, 16, 3), {(8, 8): (180, 180, 180)})
    lab = encoded(Image.new("LAB", (16, 16), (255, 128, 128)), "TIFF")
    yield Picture("lab.tif", lab, (16, 16, 3), {(8, 8): WHITE}, tolerance=2)


def moving() -> Iterator[Picture]:
    """Animations: the first frame."""
    frames = [Image.new("RGB", (24, 16), colour) for colour in (RED, GREEN, BLUE)]
    for kind, options in (
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
        ("AVIF", {"quality": 100}),
        ("TIFF", {}),
    ):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        yield Picture(f"moving.{kind.lower()}", data, (16, 24, 3), {(8, 12): RED}, tolerance=6)
    stereo = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    yield Picture("stereo.mpo", stereo, (16, 24, 3), {(8, 12): RED}, tolerance=4)


def shaped() -> Iterator[Picture]:
    """The smallest and the longest."""
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        yield Picture(f"1x1.{kind.lower()}", encoded(np.full((1, 1, 3), RED, np.uint8), kind), (1, 1, 3), {(0, 0): RED})
    yield Picture("1x1.jpg", encoded(np.full((1, 1, 3), RED, np.uint8), "JPEG"), (1, 1, 3), {(0, 0): RED}, tolerance=3)
    yield Picture("5000x1.png", encoded(np.full((1, 5000, 3), BLUE, np.uint8), "PNG"), (1, 5000, 3), {(0, 4999): BLUE})
    yield Picture("1x5000.png", encoded(np.full((5000, 1, 3), BLUE, np.uint8), "PNG"), (5000, 1, 3), {(4999, 0): BLUE})
    yield Picture(
        "progressive.jpg",
        encoded(corners(), "JPEG", progressive=True, quality=95, subsampling=0),
        (32, 48, 3),
        CORNERS,
        8,
    )
    yield Picture("jpeg-named.png", encoded(corners(), "JPEG", quality=95, subsampling=0), (32, 48, 3), CORNERS, 8)
    yield Picture("no-extension", encoded(corners(), "PNG"), (32, 48, 3), CORNERS)
    yield Picture("trailing-rubbish.png", encoded(corners(), "PNG") + b"\0" * 5000, (32, 48, 3), CORNERS)


def cut_off() -> Iterator[Picture]:
    """Half a file is an error, never half a picture."""
    for kind, options in (
        ("JPEG", {}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("AVIF", {"quality": 90}),
    ):
        whole = encoded(noise(), kind, **options)
        for percent in (10, 50, 90):
            yield Picture(f"cut-{percent}.{kind.lower()}", whole[: len(whole) * percent // 100], sentence="cut off")
    for name, options in (("progressive", {"progressive": True}), ("tiff", {"compression": "tiff_lzw"})):
        whole = encoded(noise(), "TIFF" if name == "tiff" else "JPEG", **options)
        yield Picture(f"cut-{name}", whole[: len(whole) // 2], sentence="cut off")
    flipped = bytearray(encoded(noise(), "PNG"))
    flipped[len(flipped) // 2] ^= 255
    yield Picture("one-bad-byte.png", bytes(flipped), sentence="damaged")


def too_large() -> Iterator[Picture]:
    """Headers that claim a continent, and a small file that really holds 100 megapixels."""
    tiny = np.zeros((1, 1, 3), np.uint8)
    yield Picture("claims-100000x100000.png", png(tiny, size=(100_000, 100_000)), sentence="megapixels")
    yield Picture("claims-4-billion.png", png(tiny, size=(2**31 - 1, 2**31 - 1)), sentence="megapixels")
    yield Picture("claims-100000x100000.tif", tiff(tiny, 2, size=(100_000, 100_000)), sentence="megapixels")
    jpeg = bytearray(encoded(corners(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    yield Picture("claims-65500x65500.jpg", bytes(jpeg), sentence="megapixels")
    gif = bytearray(encoded(corners(), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    yield Picture("claims-65535x65535.gif", bytes(gif), sentence="megapixels")
    bmp = bytearray(encoded(corners(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 100_000, 100_000)
    yield Picture("claims-100000x100000.bmp", bytes(bmp), sentence="megapixels")
    yield Picture(
        "100-megapixels.png", encoded(Image.new("1", (10_000, 10_000)), "PNG", optimize=True), sentence="megapixels"
    )
    whole = encoded(Image.new("RGB", (2000, 2000)), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    yield Picture("400-passes.jpg", whole[:-2] + whole[last:-2] * 400 + whole[-2:], sentence="passes")
    text = encoded(corners(), "PNG")
    bomb = chunk(b"zTXt", b"note\0\0" + zlib.compress(b" " * 80_000_000))
    yield Picture("text-bomb.png", text[:33] + bomb + text[33:], sentence="damaged")


def no_pictures() -> Iterator[Picture]:
    """Other things under a picture's name: the sentence names them, and nothing else is started."""
    other = "save it as JPEG or PNG"
    yield Picture("text.png", b"I am a text file.\n" * 20, sentence=other)
    yield Picture(
        "postscript.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n", sentence="PostScript"
    )
    yield Picture("binary-eps.jpg", b"\xc5\xd0\xd3\xc6" + bytes(60), sentence="PostScript")
    yield Picture("document.jpg", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", sentence="PDF")
    yield Picture("photoshop.jpg", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3), sentence="Photoshop")
    yield Picture("phone.heic", struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(100), sentence="HEIC")
    yield Picture("phone.jpg", struct.pack(">I", 28) + b"ftypmif1\0\0\0\0mif1heicmiaf" + bytes(100), sentence="HEIC")
    yield Picture("film.png", struct.pack(">I", 24) + b"ftypisom\0\0\2\0isomiso2" + bytes(100), sentence="video")
    yield Picture("drawing.png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', sentence="SVG")
    yield Picture("page.jpg", b"<!DOCTYPE html><html><body>404</body></html>", sentence="web page")
    yield Picture("icon.png", encoded(corners(), "ICO"), sentence="icon")
    yield Picture("jpeg-2000.jpg", encoded(corners(), "JPEG2000"), sentence="JPEG 2000")
    yield Picture("office.jpg", b"PK\3\4" + bytes(100), sentence="ZIP")
    yield Picture("fits.jpg", b"SIMPLE  =                    T" + bytes(2850), sentence="FITS")
    yield Picture("netpbm.jpg", b"P6 1 1 255\n\0\0\0", sentence=other)
    yield Picture("empty.png", b"", sentence="empty")
    yield Picture("one-byte.png", b"\x89", sentence=other)
    yield Picture("zeros.jpg", bytes(5000), sentence=other)
    yield Picture("noise.jpg", noise(8, 8, seed=3).tobytes(), sentence=other)
    yield Picture("only-a-signature.png", b"\x89PNG\r\n\x1a\n", sentence="cut off")
    yield Picture("only-a-signature.jpg", b"\xff\xd8\xff\xe0", sentence="cut off")

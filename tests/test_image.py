"""Whatever a person uploads comes in as an upright RGB picture, or as a sentence."""

import io
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import CORNERS, GREEN, RED, WHITE, corners, encoded, noise, pictures, png, stored, turned
from vit import ImageError, image, load_image
from vit.image import fingerprint

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of broken EXIF; the picture is sound
@pytest.mark.parametrize("picture", pictures(), ids=lambda picture: picture.name)
def test_every_odd_file_is_a_right_picture_or_a_sentence(picture):
    if picture.sentence:
        with pytest.raises(ImageError, match=picture.sentence) as caught:
            load_image(picture.data)
        says_what_to_do(str(caught.value))
        return
    loaded = load_image(picture.data)
    assert loaded.shape == picture.shape
    assert loaded.dtype == np.uint8
    for (row, column), colour in picture.pixels.items():
        np.testing.assert_allclose(loaded[row, column].astype(int), colour, atol=picture.tolerance)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_there_are_odd_files_enough_and_reading_one_takes_no_time():
    files = list(pictures())
    assert len({picture.name for picture in files}) == len(files) >= 200
    seconds = []
    for picture in files:
        start = time.thread_time()
        with suppress(ImageError):
            load_image(picture.data)
        seconds.append(time.thread_time() - start)
    assert sorted(seconds)[len(seconds) * 95 // 100] <= 0.3


def says_what_to_do(sentence: str) -> None:
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "/" not in sentence, "no path of the server"
    assert re.search(r"save|choose|get|make|check|give|open|fill|download", sentence), sentence


def test_every_orientation_is_told_from_every_other():
    """Otherwise the eight tests above could pass with a picture that looks the same both ways."""
    assert len({stored(corners(), number).tobytes() for number in range(1, 9)}) == 8
    assert len(list(turned())) >= 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_keeps_every_pixel(orientation):
    upright = noise(6, 9)
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(load_image(encoded(stored(upright, orientation), "PNG", exif=exif)), upright)


def test_every_kind_of_source_gives_the_same_pixels(tmp_path):
    pixels = noise(20, 30)
    data = encoded(pixels, "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    half_read = io.BytesIO(data)
    half_read.read(100)
    with open(path, "rb") as opened:
        sources = [
            path,
            str(path),
            data,
            bytearray(data),
            memoryview(data),
            half_read,
            opened,
            pixels,
            Image.open(path),
        ]
        for source in sources:
            np.testing.assert_array_equal(load_image(source), pixels, err_msg=str(type(source)))
    assert load_image(pixels) is not pixels, "the caller's array is never handed on"


def test_a_pil_image_is_turned_and_not_changed():
    exif = Image.Exif()
    exif[0x0112] = 6
    given = Image.open(io.BytesIO(encoded(stored(corners(), 6), "PNG", exif=exif)))
    np.testing.assert_array_equal(load_image(given), corners())
    assert given.size == (32, 48)
    assert given.getexif()[0x0112] == 6


def test_a_stream_that_cannot_go_back_is_read():
    class Stream(io.RawIOBase):
        def __init__(self, data):
            self.inner = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.inner.readinto(buffer)

    np.testing.assert_array_equal(load_image(io.BufferedReader(Stream(encoded(corners(), "PNG")))), corners())  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 128, 255]], np.uint8), [0, 128, 255]),
        (np.array([[0, 32768, 65535]], np.uint16), [0, 128, 255]),
        (np.array([[0, 2048, 4095]], np.uint16), [0, 128, 255]),  # 12 bits
        (np.array([[0, 128, 255]], np.uint16), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.int64), [0, 128, 255]),
        (np.array([[-1000, 0, 1000]], np.int32), [0, 128, 255]),
        (np.array([[2**31, 2**31 + 500, 2**31 + 1000]], np.int64), [0, 128, 255]),
        (np.array([[False, True, True]]), [0, 255, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.1, 0.5, 0.2]], np.float64), [26, 128, 51]),
        (np.array([[0.0, 0.5, 1.0]], np.float16), [0, 128, 255]),
        (np.array([[0.0, 128.0, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[10.0, 20.0, 7.0]], np.float32), [10, 20, 7]),
        (np.array([[-2.0, 0.0, 2.0]], np.float32), [0, 128, 255]),
        (np.array([[0.5, 1000.5, 2000.5]], np.float32), [0, 128, 255]),
    ],
)
def test_numbers_are_scaled_by_their_range(array, expected):
    loaded = load_image(array)
    assert loaded.shape == (1, 3, 3)
    np.testing.assert_allclose(loaded[0, :, 0].astype(int), expected, atol=1)
    np.testing.assert_array_equal(loaded[..., 0], loaded[..., 2])


def test_array_shapes():
    grey = np.full((4, 5), 7, np.uint8)
    for given in (grey, grey[..., None], np.stack([grey] * 3, -1), np.stack([grey] * 3 + [grey * 0 + 255], -1)):
        np.testing.assert_array_equal(load_image(given), np.full((4, 5, 3), 7))
    clear = np.zeros((4, 5, 4), np.float32)
    np.testing.assert_array_equal(load_image(clear), np.full((4, 5, 3), 255), err_msg="clear is white")
    grey_and_clear = np.stack([grey, grey * 0], -1)
    np.testing.assert_array_equal(load_image(grey_and_clear), np.full((4, 5, 3), 255))
    half = np.zeros((1, 1, 4), np.uint16)
    half[..., 3] = 32768
    np.testing.assert_allclose(load_image(half)[0, 0].astype(int), [127, 127, 127], atol=1)


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((3, 8, 8)),  # channels first
        np.zeros((2, 8, 8, 3)),
        np.zeros(8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 8), complex),
        np.array([["a", "b"]]),
        np.full((4, 4, 3), np.nan),
        np.full((4, 4, 3), np.inf),
        None,
        42,
        pytest.param(io.StringIO("text"), id="text"),
        "no/such/file.png",
        "https://example.org/a.png",
        "nul\0byte.png",
        "",
    ],
    ids=repr,
)
def test_what_is_no_picture_gets_a_sentence(source):
    with pytest.raises(ImageError) as caught:
        load_image(source)
    says_what_to_do(str(caught.value))


def test_no_message_tells_a_path(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir()
    bad = folder / "private.png"
    bad.write_bytes(b"text")
    for source in (bad, folder, folder / "missing.png"):
        with pytest.raises(ImageError) as caught:
            load_image(source)
        assert "secret" not in str(caught.value)
        assert "private" not in str(caught.value)


def test_pixels_are_counted_by_the_limit_that_holds(monkeypatch):
    data = encoded(noise(30, 40), "PNG")
    assert load_image(data, max_pixels=1200).shape == (30, 40, 3)
    for source in (data, noise(30, 40), Image.fromarray(noise(30, 40))):
        with pytest.raises(ImageError, match=r"40 × 30 pixels"):
            load_image(source, max_pixels=1199)
    monkeypatch.setenv("VIT_MAX_PIXELS", "1199")
    with pytest.raises(ImageError, match="megapixels"):
        load_image(data)
    monkeypatch.setenv("VIT_MAX_PIXELS", "many")
    with pytest.raises(ImageError, match="VIT_MAX_PIXELS"):
        load_image(data)
    monkeypatch.setenv("VIT_MAX_PIXELS", "")
    assert load_image(data).shape == (30, 40, 3)


def test_nothing_is_decoded_before_the_pixels_are_counted(monkeypatch):
    """A 100-megapixel PNG of 12 kB must be refused from its header alone."""
    bomb = encoded(Image.new("1", (10_000, 10_000)), "PNG")
    assert len(bomb) < 20_000
    from PIL.PngImagePlugin import PngImageFile

    monkeypatch.setattr(PngImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ImageError, match=r"100\.0 megapixels"):
        load_image(bomb)


def test_a_limit_above_pillows_own_is_obeyed_without_its_switch():
    """Pillow refuses 179 megapixels by a switch for the whole process; ours is an argument."""
    before = Image.MAX_IMAGE_PIXELS
    wide = png(np.zeros((1, 1, 1), np.uint8), size=(20_000, 10_000))
    with pytest.raises(ImageError, match="cut off"):  # it got past the count, to the missing pixels
        load_image(wide, max_pixels=200_000_000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_large_jpeg_comes_at_half_its_size_and_a_progressive_one_is_refused():
    large = np.asarray(Image.fromarray(corners()).resize((121, 80)))
    loaded = load_image(encoded(large, "JPEG", quality=95), max_pixels=80 * 121 - 1)
    assert loaded.shape == (40, 61, 3)
    np.testing.assert_allclose(loaded[5, 5].astype(int), RED, atol=6)
    np.testing.assert_allclose(loaded[35, 55].astype(int), WHITE, atol=6)
    assert load_image(encoded(large, "JPEG"), max_pixels=80 * 121).shape == (80, 121, 3)
    with pytest.raises(ImageError, match="megapixels"):
        load_image(encoded(large, "JPEG"), max_pixels=80 * 121 // 4 - 1)
    with pytest.raises(ImageError, match="megapixels"):
        load_image(encoded(large, "JPEG", progressive=True), max_pixels=80 * 121 - 1)


def test_a_file_too_long_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(image, "MAX_BYTES", 1000)
    path = tmp_path / "long.png"
    path.write_bytes(encoded(noise(), "PNG"))
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        with pytest.raises(ImageError, match="larger than"):
            load_image(source)


def test_every_cut_of_a_jpeg_and_a_png_is_whole_or_an_error():
    for kind in ("JPEG", "PNG"):
        data = encoded(noise(40, 40), kind)
        whole = load_image(data)
        refused = 0
        for length in range(0, len(data), 7):
            try:
                np.testing.assert_array_equal(load_image(data[:length]), whole)
            except ImageError:
                refused += 1
        assert refused >= len(data) // 7 - 3


def test_many_threads_get_each_their_own():
    colours = [tuple(int(part) for part in noise(1, 1, seed)[0, 0]) for seed in range(24)]
    files = [
        encoded(np.full((50, 60, 3), colour, np.uint8), kind)
        for colour, kind in zip(colours, ["PNG", "TIFF"] * 12, strict=True)
    ]
    together = threading.Barrier(8)

    def read(number: int) -> np.ndarray:
        together.wait(timeout=20)
        return load_image(files[number])

    with ThreadPoolExecutor(8) as pool:
        for loaded, colour in zip(pool.map(read, range(24)), colours, strict=True):
            assert (loaded == colour).all()


def test_damaged_files_never_raise_anything_else():
    """A hundred random bytes changed in each of many files: a picture or an ImageError, nothing else."""
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        data = np.frombuffer(encoded(corners(), kind), np.uint8)
        for _ in range(40):
            hurt = data.copy()
            hurt[random.integers(0, len(data), 6)] = random.integers(0, 256, 6)
            try:
                assert load_image(hurt.tobytes(), max_pixels=10**6).shape[2] == 3
            except ImageError as error:
                says_what_to_do(str(error))


def test_the_fingerprint_knows_pixels_and_shape():
    pixels = noise(4, 6)
    assert fingerprint(pixels) == fingerprint(pixels.copy())
    assert fingerprint(pixels) == fingerprint(np.asfortranarray(pixels))
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert len({fingerprint(each) for each in (pixels, changed, pixels.reshape(6, 4, 3))}) == 3


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.jpg")), ids=lambda path: path.name)
def test_every_example_is_a_clean_photograph_with_its_credit(path):
    assert path.stat().st_size < 300_000
    height, width, _ = load_image(path).shape
    assert 200 < min(height, width) <= max(height, width) <= 1024
    with Image.open(path) as opened:
        assert not opened.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment", "photoshop"} & set(opened.info)
    credits = (EXAMPLES / "CREDITS.md").read_text(encoding="utf-8")
    row = [cell.strip() for cell in next(line for line in credits.splitlines() if f"`{path.name}`" in line).split("|")]
    _, _, shows, author, licence, source, *_ = row
    assert shows
    assert author
    assert licence in {"CC0 1.0", "public domain", "CC BY 2.0"}
    assert source.startswith("https://")


def test_there_are_examples_enough():
    assert len(list(EXAMPLES.glob("*.jpg"))) >= 6
    assert {path.suffix for path in EXAMPLES.iterdir()} == {".jpg", ".md"}


def test_corners_are_where_the_other_tests_believe():
    assert tuple(corners()[4, 43]) == GREEN == CORNERS[4, 43]

"""The photo component: our reader behind gr.Image, and its sentence on the page."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import ImageData
from PIL import Image

from tests.pictures import BLUE, GREEN, RED, corners, encoded, noise, stored
from vit.ui import photo
from vit.ui.photo import Photo

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def given(path: Path, data: bytes) -> ImageData:
    path.write_bytes(data)
    return ImageData(path=str(path), orig_name=path.name)


def turned_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(stored(corners(320, 480), 6), "JPEG", exif=exif, quality=95)


def test_listeners_get_the_files_own_pixels_on_white_and_upright(tmp_path):
    component = Photo()
    assert component.preprocess(None) is None
    exact = component.preprocess(given(tmp_path / "noise.png", encoded(noise(), "PNG")))
    np.testing.assert_array_equal(exact, noise())
    clear = component.preprocess(given(tmp_path / "clear.png", encoded(np.zeros((4, 4, 4), np.uint8), "PNG")))
    np.testing.assert_array_equal(clear, np.full((4, 4, 3), 255))
    upright = component.preprocess(given(tmp_path / "turned.jpg", turned_jpeg()))
    assert upright is not None
    assert upright.shape == (320, 480, 3)
    np.testing.assert_allclose(upright[10, 470].astype(int), GREEN, atol=6)


def test_a_picture_inside_the_request_is_read_too():
    address = "data:image/png;base64," + base64.b64encode(encoded(noise(), "PNG")).decode()
    np.testing.assert_array_equal(Photo().preprocess(ImageData(url=address)), noise())


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"text", "save it as JPEG or PNG"), (encoded(Image.new("1", (10_000, 10_000)), "PNG"), "megapixels")],
    ids=["text", "bomb"],
)
def test_what_is_no_picture_is_a_sentence_without_trace_or_path(tmp_path, data, words):
    with pytest.raises(gr.Error) as caught:
        Photo().preprocess(given(tmp_path / "private.png", data))
    assert words in caught.value.message
    assert "private" not in caught.value.message
    assert not caught.value.print_exception


def test_no_file_and_a_broken_address_are_sentences():
    for payload in (ImageData(), ImageData(url="data:image/png;base64,A"), ImageData(path="gone.png")):
        with pytest.raises(gr.Error, match=r"\.'$"):
            Photo().preprocess(payload)


def test_even_a_fault_of_ours_is_a_sentence(tmp_path, monkeypatch):
    def fails(source):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(photo, "load_image", fails)
    with pytest.raises(gr.Error) as caught:
        Photo().preprocess(given(tmp_path / "fine.png", encoded(noise(), "PNG")))
    assert caught.value.message == photo.UNEXPECTED


def test_every_value_is_shown_as_something_a_browser_can_show(tmp_path):
    component = Photo()
    component.GRADIO_CACHE = str(tmp_path)
    assert component.postprocess(None) is None
    tiff = tmp_path / "scan.tiff"
    tiff.write_bytes(encoded(noise(), "TIFF"))
    for value in (noise(), Image.fromarray(noise()), tiff, str(tiff)):
        shown = component.postprocess(value)
        assert Path(shown.path).read_bytes()[:3] == b"\xff\xd8\xff"
        with Image.open(shown.path) as opened:
            assert opened.size == (160, 120)
    png = tmp_path / "example.png"
    png.write_bytes(encoded(noise(), "PNG"))
    assert component.postprocess(str(png)).path == str(png)
    assert not list(tmp_path.rglob("*.part"))


def test_it_is_drawn_as_an_image_with_all_three_sources():
    component = Photo(label="Photo", height=240)
    assert component.get_block_name() == "image"
    config = component.get_config()
    assert config["sources"] == ["upload", "webcam", "clipboard"]
    assert (config["height"], config["label"]) == (240, "Photo")


def test_importing_it_brings_no_torch():
    heavy = {"torch", "timm", "torchvision", "matplotlib.pyplot"}
    code = f"import sys, vit.ui.photo; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def address():
    """A page with one Photo and a line that tells what its listener got."""
    with gr.Blocks() as page:
        component = Photo(elem_id="photo", height=240)
        told = gr.Textbox(elem_id="told")

        def tell(image):
            return f"{image.shape} {image[10, 10].tolist()} {image[10, -10].tolist()} {image[-10, 10].tolist()}"

        component.upload(tell, component, told)
    _, local, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield local
    page.close()


@pytest.fixture
def page(chromium, address):
    page = chromium.new_page()
    page.set_default_timeout(15_000)
    page.goto(address)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    yield page
    page.close()


def upload(page, name: str, kind: str, data: bytes) -> None:
    page.set_input_files("#photo input[type=file]", {"name": name, "mimeType": kind, "buffer": data})


def numbers(page) -> list[int]:
    page.wait_for_function("document.querySelector('#told textarea').value != ''")
    line = page.input_value("#told textarea")
    return [
        int(part)
        for part in line.replace("(", " ")
        .replace(")", " ")
        .replace("[", " ")
        .replace("]", " ")
        .replace(",", " ")
        .split()
    ]


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_page_a_photo_arrives(page, kind):
    upload(page, f"photo.{kind.lower()}", f"image/{kind.lower()}", encoded(corners(320, 480), kind))
    height, width, channels, *colours = numbers(page)
    assert (height, width, channels) == (320, 480, 3)
    np.testing.assert_allclose(colours, [*RED, *GREEN, *BLUE], atol=6)


@pytest.mark.browser
def test_page_a_turned_jpeg_comes_upright(page):
    upload(page, "turned.jpg", "image/jpeg", turned_jpeg())
    height, width, channels, *colours = numbers(page)
    assert (height, width, channels) == (320, 480, 3)
    np.testing.assert_allclose(colours, [*RED, *GREEN, *BLUE], atol=6)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"I am a text file.", "This file is no JPEG, PNG,"),
        (encoded(Image.new("1", (10_000, 10_000)), "PNG"), "10000 × 10000 pixels"),
        (encoded(noise(), "PNG")[:20_000], "damaged or cut off"),
    ],
    ids=["text", "bomb", "cut"],
)
def test_page_what_is_no_picture_gets_its_sentence(page, data, words):
    upload(page, "private-name.png", "image/png", data)
    toast = page.wait_for_selector("[data-testid=toast-text]").inner_text()
    assert words in toast
    assert toast.strip().endswith("try again.")
    assert "private-name" not in toast
    assert "tmp" not in toast
    assert page.input_value("#told textarea") == ""

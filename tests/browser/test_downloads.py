"""What can be taken along: pictures, the animation, the raw weights, the address, and the explorer in one file."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import HOSTILE, LABELS, Visit
from vit.image import load_image

pytestmark = pytest.mark.browser


def saved(page, kind: str) -> tuple[str, bytes]:
    """The name and the content of a download."""
    with page.expect_download() as download:
        page.click(f'[data-save="{kind}"]')
    return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.fixture
def record(photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model, record_attention

    return record_attention(load_model("standin_vit"), load_image(photos[0]))


@pytest.fixture
def offline(chromium):
    """Opens a file from the disk with the network off; nothing may go wrong, and nothing be asked for."""
    contexts, visits = [], []

    def open_file(path, **options) -> Visit:
        contexts.append(chromium.new_context(offline=True, viewport={"width": 1280, "height": 800}, **options))
        visits.append(Visit(contexts[-1].new_page()))
        page = visits[-1].page
        page.on("request", lambda request: visits[-1].requests.append(request.url))
        page.on("pageerror", lambda error: visits[-1].errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and visits[-1].errors.append(line.text))
        page.goto(path.as_uri())
        return visits[-1]

    yield open_file
    for one in visits:
        assert not one.errors
        assert all(url.startswith(("file:", "data:", "blob:")) for url in one.requests)
    for context in contexts:
        context.close()


def test_the_view_as_a_picture_with_bar_and_words(visit, photos):
    page = visit("?layer=1&head=2").shown()
    page.give(photos[0])
    page.shown("ready")
    name, content = saved(page, "png")
    assert name == "mine-cat-standin_vit-attention-of-layer-2-head-3-from-CLS.png"
    with Image.open(photos[0]) as photo, Image.open(io.BytesIO(content)) as picture:
        assert picture.width == photo.width and picture.height > photo.height
        drawn, given = (np.asarray(p.convert("RGB")).astype(int) for p in (picture, photo))
    assert np.abs(drawn[: given.shape[0]] - given).mean() > 5  # the heat is on it
    legend = drawn[given.shape[0] :]
    assert (legend.max(-1) - legend.min(-1)).max() > 150  # the bar's colours
    assert (legend < 80).all(-1).sum() > 200  # and words


def test_the_photo_is_quiet_under_heat_and_whole_without_it_in_the_file_too(visit, photos):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    with Image.open(photos[0]) as photo:
        given = np.asarray(photo.convert("RGB")).astype(int)
    looks, colourful = {}, {}
    for opacity in (0.8, 0):
        page.slide("opacity", opacity)
        page.page.wait_for_timeout(200)  # what fades has faded
        looks[opacity] = page.evaluate("getComputedStyle(document.querySelector('.photo')).filter")
        with Image.open(io.BytesIO(saved(page, "png")[1])) as picture:
            drawn = np.asarray(picture.convert("RGB")).astype(int)[: given.shape[0]]
        colourful[opacity] = drawn
    assert looks == {0.8: "saturate(0.35) brightness(0.82)", 0: "saturate(1) brightness(1)"}
    assert np.abs(colourful[0] - given).mean() < 2  # as it was, but for the JPEG between
    assert colourful[0.8].mean() < 0.9 * colourful[0].mean()


def test_all_layers_as_an_animation_and_all_heads_as_a_sheet(visit):
    page = visit("?head=0&colours=viridis&query=1,1").shown()
    assert page.evaluate("document.querySelector('.photo').naturalWidth") == 640
    name, content = saved(page, "gif")
    assert name == "temple-standin_vit-Attention-all-layers.gif"
    with Image.open(io.BytesIO(content)) as gif:
        assert getattr(gif, "n_frames", 1) == 3 and gif.info["loop"] == 0 and gif.width == 640
        frames = []
        for number in range(3):
            gif.seek(number)
            frames.append(np.asarray(gif.convert("RGB")).astype(int))
    top = round(page.evaluate("document.querySelector('.photo').naturalHeight") / 8)
    for frame in frames:  # of 8 × 8 patches the one in row 2, column 2 is outlined in white
        edge = frame[top - 3 : top + 4, round(1.2 * 640 / 8) : round(1.8 * 640 / 8)].min(-1)
        assert (edge.max(0) > 200).all()
    assert np.abs(frames[0] - frames[1]).mean() > 0.3 and np.abs(frames[1] - frames[2]).mean() > 0.3
    name, content = saved(page, "sheet")
    with Image.open(io.BytesIO(content)) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    viridis_zero = np.abs(pixels - [68, 1, 84]).max(-1) < 60
    assert viridis_zero.mean() > 0.1 and (pixels > 250).all(-1).mean() > 0.1


def test_no_file_mixes_two_photos(visit):
    """A file that is under way when another photo is chosen isn't written."""
    page = visit().shown()
    files: list = []
    page.page.on("download", lambda file: files.append(file))
    for kind in ("gif", "html"):
        page.evaluate(f"""() => {{
            document.querySelector('[data-save={kind}]').click();
            document.querySelectorAll('[data-example]')[{1 if kind == "gif" else 2}].click();
        }}""")
        page.shown("ready")
        page.page.wait_for_timeout(800)
    assert not files and page.inner_text(".told-save") == ""


def test_the_raw_weights_are_the_records(visit, photos, record):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    name, content = saved(page, "npz")
    assert name == f"{photos[0].stem}-standin_vit-attention.npz"
    with np.load(io.BytesIO(content)) as file:
        for number, layer in enumerate(record.layers):
            assert np.array_equal(file[f"layer_{number}_weights"], layer.weights.numpy())
        assert json.loads(str(file["about"]))["model"] == "standin_vit"
    page.hover(0.4, 0.4)  # the page goes on as before
    assert page.locator(".tooltip").is_visible()


def test_the_address_can_be_copied(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"]).shown()
    page.slide("layer", 1)
    page.click('[data-save="link"]')
    page.wait_for_function("document.querySelector('.told-save').textContent === 'address copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "layer=0" in copied and "model=standin_vit" in copied


def test_the_downloaded_explorer_opens_from_disk_without_a_network(visit, offline, photos, record, tmp_path):
    page = visit("?colours=cividis").shown()
    page.give(photos[0])
    page.shown("ready")
    page.slide("layer", 2)
    page.pick("head", "1")
    name, content = saved(page, "html")
    assert name == "mine-cat-standin_vit-explorer.html"
    (tmp_path / "stick.html").write_bytes(content)
    alone = offline(tmp_path / "stick.html").shown("ready")
    assert "attention of layer 2, head 2, from CLS" in alone.inner_text(".legend .words")
    assert alone.input_value("[data-set=colours]") == "cividis"
    assert_follows_the_pointer(alone, record)
    assert HOSTILE in alone.locator(".answer .label").all_inner_texts()
    assert alone.evaluate("window.hacked") is None
    assert not alone.locator(".door").is_visible()
    assert saved(alone, "gif")[1][:6] == b"GIF89a"


def test_the_browser_and_python_fill_the_page_alike(visit, photos, record):
    from vit.ui.standalone import self_contained

    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    ours, theirs = (
        _inside(text) for text in (self_contained(load_image(photos[0]), record), saved(page, "html")[1].decode())
    )
    assert theirs[1] == ours[1]  # the maps, byte by byte
    assert {**theirs[0], "view": {}} == ours[0]


def _inside(page: str) -> tuple[dict, bytes]:
    value, maps = re.findall(r'<script [^>]*id="explorer-\w+">(.*?)</script>', page, re.DOTALL)
    return json.loads(value), base64.b64decode(maps)


def test_a_notebooks_cell_shows_the_explorer_and_keeps_its_looks_to_itself(offline, photos, record, tmp_path):
    from vit.ui.standalone import Exploration, self_contained

    cell = Exploration(self_contained(load_image(photos[0]), record, "raw", layer=1, head=0))._repr_html_()
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><style>button {{ color: red }}</style><button>cell</button>{cell}")
    page = offline(notebook)
    frame = page.frame_locator("iframe")
    frame.locator('.explorer[data-state="ready"][data-loaded="all"]').wait_for()
    assert "attention of layer 2, head 1" in frame.locator(".legend .words").inner_text()
    box = frame.locator(".marks").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    frame.locator(".tooltip b").wait_for()
    assert re.match(r"[\d.]+% · row 5, column 5", frame.locator(".tooltip b").inner_text())
    assert page.evaluate("getComputedStyle(document.querySelector('button')).color") == "rgb(255, 0, 0)"
    assert frame.locator(".play").evaluate("(e) => getComputedStyle(e).color") != "rgb(255, 0, 0)"


def test_python_s_page_opens_on_a_phone_and_in_the_dark(offline, photos, record, tmp_path):
    from vit.ui.standalone import self_contained

    (tmp_path / "page.html").write_text(self_contained(load_image(photos[0]), record), encoding="utf-8")
    page = offline(tmp_path / "page.html", color_scheme="dark").shown("ready")
    page.page.set_viewport_size({"width": 390, "height": 844})
    page.frame()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 200
    assert_follows_the_pointer(page, record, layer=2, head=None)


def assert_follows_the_pointer(page, record, layer: int = 1, head: int | None = 1) -> None:
    before = page.heat()
    for row, col in ((0, 0), (6, 3)):
        page.hover((row + 0.5) / 8, (col + 0.5) / 8)
        found = re.match(r"([\d.]+)% · row (\d+), column (\d+)", page.inner_text(".tooltip b"))
        rows = record.layers[layer].rows(1 + row * 8 + col)
        shares = rows.mean(0) if head is None else rows[head]
        assert found and (int(found[2]), int(found[3])) == (row + 1, col + 1)
        share = float(shares[1 + row * 8 + col])
        assert float(found[1]) / 100 == pytest.approx(share, abs=0.01 * float(shares.max()))
    assert page.heat() != before
    assert len(LABELS) == page.locator(".answer li").count()

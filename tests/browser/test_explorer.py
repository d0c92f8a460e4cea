"""The page in a real browser: what a person sees and does in Explore."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import HOSTILE, LABELS
from vit.image import load_image

pytestmark = pytest.mark.browser


def test_the_page_opens_with_an_example_that_can_be_explored(visit):
    page = visit().shown("example")
    assert page.locator(".invite").is_visible()
    before = page.heat()
    page.hover(0.2, 0.2)
    assert page.heat() != before
    assert page.locator(".tooltip").is_visible()


def test_a_photo_brings_classes_and_a_map_that_follows_layer_and_head(visit, photos):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    shares = [float(text.rstrip("%")) for text in page.locator(".answer .number").all_inner_texts()]
    assert len(shares) == len(LABELS) and shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.5)
    seen = [page.heat()]
    page.slide("layer", 1)
    seen.append(page.heat())
    page.pick("head", "1")
    seen.append(page.heat())
    page.pick("head", "max")
    seen.append(page.heat())
    page.pick("method", "received")
    seen.append(page.heat())
    page.pick("method", "rollout")
    seen.append(page.heat())
    page.slide("first", 2)
    seen.append(page.heat())
    assert len(set(seen)) == len(seen)
    assert "rollout of layers 2 to 3" in page.inner_text(".origin .words")
    assert "top-1 50.0%" in page.inner_text(".origin .words")


def test_the_stage_has_the_photos_own_shape(visit, photos):
    page = visit().shown()
    for path in photos:
        page.give(path)
        page.shown("ready")
        with Image.open(path) as photo:
            width, height = photo.size
        box = page.locator(".stage").bounding_box()
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)


def test_the_tooltip_gives_the_records_own_weights(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model, record_attention

    record = record_attention(load_model("standin_vit"), load_image(photos[0]))
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    for layer, head in ((0, 0), (1, 2), (2, 1)):
        page.slide("layer", layer + 1)
        page.pick("head", str(head))
        for row, col in ((0, 0), (3, 5), (7, 7), (6, 2)):
            page.hover((row + 0.5) / 8, (col + 0.5) / 8)
            weight, place, rank = _tooltip(page)
            shares = record.layers[layer].rows(1 + row * 8 + col)[head]
            assert place == (row + 1, col + 1)
            assert weight == pytest.approx(float(shares[1 + row * 8 + col]), abs=0.01 * float(shares.max()))
            assert rank <= 64


def test_a_pin_holds_the_query_while_the_pointer_reads(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model, record_attention

    page = visit("?layer=1&head=0").shown()
    page.give(photos[0])
    page.shown("ready")
    page.hover(2.5 / 8, 3.5 / 8)
    followed = page.heat()
    page.mouse.down()
    page.mouse.up()
    page.hover(6.5 / 8, 1.5 / 8)
    assert page.heat() == followed
    weight, place, _ = _tooltip(page)
    record = record_attention(load_model("standin_vit"), load_image(photos[0]))
    shares = record.layers[1].rows(1 + 2 * 8 + 3)[0]
    assert place == (7, 2)
    assert weight == pytest.approx(float(shares[1 + 6 * 8 + 1]), abs=0.01 * float(shares.max()))
    page.keyboard.press("Escape")
    page.frame()
    assert page.heat() != followed
    page.pick("direction", "by")
    page.pick("query", "cls")
    page.hover(6.5 / 8, 1.5 / 8)
    expected, most = record.layers[1].columns(0)[0, 1 + 6 * 8 + 1], record.layers[1].weights.max()
    assert _tooltip(page)[0] == pytest.approx(float(expected), abs=0.01 * float(most))


def test_a_click_on_the_sheet_opens_that_head(visit):
    page = visit().shown()
    before = page.heat()
    box = page.locator(".sheet canvas").bounding_box()
    x, y, across, down = box["x"], box["y"], (box["width"] - 30) / 3, (box["height"] - 18) / 3
    page.mouse.move(x + 30 + 1.5 * across, y + 18 + 0.5 * down)
    assert re.match(r"layer 1, head 2 · most [\d.]+%", page.inner_text(".told"))
    page.mouse.click(x + 30 + 1.5 * across, y + 18 + 0.5 * down)
    page.frame()
    assert "attention of layer 1, head 2" in page.inner_text(".legend .words")
    assert page.heat() != before


def test_looking_asks_the_server_for_nothing(visit, photos):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    page.wait_for_timeout(500)
    page.requests.clear()
    for place in np.linspace(0.05, 0.95, 10):
        page.hover(place, 1 - place)
    page.slide("layer", 1)
    page.pick("head", "2")
    page.slide("opacity", 0.3)
    page.page.select_option("[data-set=colours]", "viridis")
    for choice in ("smooth=false", "scale=shared", "direction=by", "query=cls", "method=received"):
        page.pick(*choice.split("="))
    page.pick("method", "rollout")
    page.slide("residual", 0.2)
    page.slide("discard", 0.5)
    page.wait_for_timeout(300)
    assert page.requests == []


def test_each_layer_is_brought_once_by_its_own_range(visit):
    page = visit("?layer=1").shown()
    asked = [url for url in page.requests if url.endswith("attention.bin")]
    assert len(asked) == 3


def test_opacity_colours_and_blocks_change_the_pixels(visit):
    page = visit().shown()
    seen = [page.heat()]
    page.slide("opacity", 0.2)
    seen.append(page.heat())
    page.page.select_option("[data-set=colours]", "turbo")
    page.frame()
    seen.append(page.heat())
    page.pick("smooth", "false")
    seen.append(page.heat())
    assert len(set(seen)) == 4
    assert page.evaluate("[document.querySelector('.heat').width, document.querySelector('.heat').height]") == [8, 8]
    page.slide("opacity", 0)
    assert not page.pixels(8, 8)[..., 3].any()


def test_a_file_that_is_no_picture_is_answered_where_the_person_looks(visit, photos, tmp_path):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    bad = tmp_path / "holiday.png"
    bad.write_text("not a picture at all")
    page.give(bad)
    page.wait_for_selector('.explorer[data-state="error"]')
    sentence = page.inner_text(".message")
    assert "JPEG" in sentence and "/" not in sentence
    assert page.locator(".answer li").count() == 0
    assert not page.pixels(99, 99).any()
    page.give(photos[1])
    page.shown("ready")
    assert not page.locator(".message").is_visible()


def test_labels_stay_text(visit):
    page = visit().shown()
    assert HOSTILE in page.locator(".answer .label").all_inner_texts()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".answer img").count() == 0


def test_an_example_is_one_click(visit):
    page = visit().shown()
    page.locator("[data-example]").nth(2).click()
    page.shown("ready")
    assert page.locator("[data-example]").nth(2).get_attribute("aria-current") == "true"
    assert not page.locator(".invite").is_visible()


def test_another_model_for_the_same_photo(visit, photos):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    before = page.heat()
    _choose_model(page, "standin_deit")
    page.wait_for_function("document.querySelector('.origin .words').textContent.includes('standin_deit')")
    page.shown("ready")
    assert page.heat() != before
    assert page.locator('[data-pick="query"] [data-value="dist"]').is_visible()
    assert "from the mean of CLS and DIST" in page.inner_text(".legend .words")
    page.pick("query", "dist")
    assert "from DIST" in page.inner_text(".legend .words")


def test_windows_follow_the_layer(visit, photos):
    page = visit("?model=standin_swin&layer=0&head=0").shown()
    assert "from the mean of all patches" in page.inner_text(".legend .words")
    page.hover(0.3, 0.3)
    weight, place, _ = _tooltip(page)
    assert place == (5, 5) and 0 < weight <= 1
    page.slide("layer", 3)
    page.hover(0.3, 0.3)
    assert _tooltip(page)[1] == (3, 3)
    page.pick("smooth", "false")
    page.slide("layer", 1)
    page.hover(0.3, 0.3)
    alpha = page.pixels(16, 16)[..., 3]
    inside = alpha[4:8, 4:8].astype(bool)
    assert inside.any() and not alpha[8:].any() and not alpha[:, 8:].any() and not alpha[:4].any()


def test_the_address_holds_the_view_and_opens_to_it(visit):
    page = visit().shown()
    page.slide("layer", 2)
    page.pick("head", "2")
    page.hover(2.5 / 8, 6.5 / 8)
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(2, 2)
    page.frame()
    page.wait_for_function("location.search.includes('query')")
    address = page.evaluate("decodeURIComponent(location.search)")
    assert {"model=standin_vit", "layer=1", "head=2", "query=2,6", "method=raw"} <= set(address.lstrip("?").split("&"))
    again = visit(address).shown()
    assert again.heat() == page.heat()
    assert "attention of layer 2, head 3, from row 3, column 7" in again.inner_text(".legend .words")


def test_nonsense_in_the_address_is_ignored(visit):
    page = visit("?layer=99&head=-3&query=%3Cimg%3E&method=${1}").shown()
    assert "attention of layer 3, mean of all heads, from CLS" in page.inner_text(".legend .words")


def test_an_unknown_model_in_the_address_is_a_sentence(visit):
    page = visit("?model=no_such_model")
    page.wait_for_selector('.explorer[data-state="error"]', timeout=30_000)
    assert "no_such_model" in page.inner_text(".message")


def test_keys_alone_are_enough(visit):
    page = visit().shown()
    page.page.focus(".marks")
    page.keyboard.press("ArrowRight")
    page.frame()
    assert _tooltip(page)[1] == (5, 5)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.frame()
    assert "from row 4, column 4" in page.inner_text(".legend .words")
    page.wait_for_function("/^row 4, column 4: [0-9.]+%, rank/.test(document.querySelector('.spoken').textContent)")
    page.keyboard.press("[")
    page.keyboard.press(".")
    page.frame()
    assert "attention of layer 2, max of all heads" in page.inner_text(".legend .words")
    page.keyboard.press("?")
    assert page.locator("dialog.help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog.help").is_visible()


def test_play_goes_through_the_layers(visit):
    page = visit().shown()
    page.click("[data-act=play]")
    page.wait_for_function("document.querySelector('[data-show=layer]').textContent === '2 of 3'")
    page.click("[data-act=play]")
    assert page.get_attribute("[data-act=play]", "aria-pressed") == "false"


def test_a_pasted_and_a_dropped_photo(visit, photos):
    page = visit().shown()
    code = """([name, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "shot.jpg", {type: "image/jpeg"}));
        const event = name === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
                                       : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event);
    }"""
    for name, path in zip(("paste", "drop"), photos, strict=True):
        page.evaluate(code, [name, list(path.read_bytes())])
        page.wait_for_selector('.explorer[data-state="busy"]')
        page.shown("ready")
        with Image.open(path) as photo:
            width, height = photo.size
        box = page.locator(".stage").bounding_box()
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)


def test_two_visitors_never_see_each_others_photo(visit, photos):
    pages = [visit().shown(), visit().shown()]
    for page, path in zip(pages, photos, strict=True):
        page.give(path)
    for page, path in zip(pages, photos, strict=True):
        page.shown("ready")
        shown = page.evaluate("((e) => [e.naturalWidth, e.naturalHeight])(document.querySelector('.photo'))")
        with Image.open(path) as photo:
            assert tuple(shown) == photo.size


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(visit, scheme):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True, color_scheme=scheme).shown()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    before = page.heat()
    page.page.tap(".marks")
    page.frame()
    assert page.heat() != before and page.locator(".tooltip").is_visible()
    assert not page.locator('[data-pick="query"] [data-value="patch"]').count()
    page.page.tap(".marks")  # a second tap on the same patch pins it
    page.frame()
    assert page.get_attribute('[data-pick="query"] [data-value="patch"]', "aria-checked") == "true"


def test_every_control_has_a_name(visit):
    page = visit().shown()
    nameless = page.evaluate("""() => {
        const words = (e) => [e.getAttribute("aria-label"), e.innerText, e.labels?.[0]?.innerText];
        const named = (e) => words(e).some((text) => text?.trim());
        return [...document.querySelectorAll("button, input, select, canvas[tabindex], [role=img]")]
            .filter((e) => e.offsetParent && !named(e)).map((e) => e.outerHTML.slice(0, 120));
    }""")
    assert nameless == []


def test_text_stands_out_from_its_ground(visit):
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme).shown()
        for pair in (
            "ink ground",
            "quiet ground",
            "quiet sunken",
            "press ground",
            "on-press press",
            "on-chosen chosen",
        ):
            assert _contrast(page, *pair.split()) >= 4.5, (scheme, pair)


def _contrast(page, *names: str) -> float:
    """The ratio of WCAG 2: relative luminances, lighter over darker."""
    lights = []
    for name in names:
        colour = page.evaluate(f"getComputedStyle(document.body).getPropertyValue('--{name}').trim()")
        parts = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def _tooltip(page) -> tuple[float, tuple[int, int], int]:
    """The weight, (row, col) from 1, and the rank that the tooltip names."""
    text = page.inner_text(".tooltip b")
    found = re.fullmatch(r"(?:< )?([\d.]+)% · row (\d+), col (\d+) \(rank (\d+)\)", text)
    assert found, text
    return float(found[1]) / 100, (int(found[2]), int(found[3])), int(found[4])


def _choose_model(page, name: str) -> None:
    page.click("#model input")
    whole = "(field) => field.selectionStart === 0 && field.selectionEnd === field.value.length"
    page.wait_for_function(f"({whole})(document.querySelector('#model input'))")  # what is typed replaces the name
    page.keyboard.type(name)
    page.locator("#model [role=option]").first.filter(has_text=name).wait_for()
    page.keyboard.press("Enter")

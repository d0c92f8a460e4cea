"""The page in a real browser: what a person sees and does in Explore."""

import re

import numpy as np
import pytest

from tests.browser.conftest import HOSTILE, LABELS, by_rank
from vit.capture import record_attention
from vit.image import load_image
from vit.models import load_model

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
    assert "top-1 50.00%" in page.inner_text(".origin .words")


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


def test_the_tooltip_does_not_cover_the_patch_that_it_names(visit, photos):
    page = visit("?layer=1&head=0").shown()
    page.give(photos[0])
    page.shown("ready")
    stage = page.locator(".stage").bounding_box()
    named = set()
    for row, col in ((0, 0), (1, 6), (2, 3), (4, 4), (5, 1), (7, 7)):
        page.hover((row + 0.5) / 8, (col + 0.5) / 8)
        found = re.match(r"looks most at row (\d+), column (\d+)", page.inner_text(".tooltip span"))
        assert found
        named.add(found.groups())
        across, down = ((int(number) - 0.5) / 8 for number in (found[2], found[1]))
        x, y = stage["x"] + across * stage["width"], stage["y"] + down * stage["height"]
        tip = page.locator(".tooltip").bounding_box()
        assert not (tip["x"] < x < tip["x"] + tip["width"] and tip["y"] < y < tip["y"] + tip["height"])
    assert len(named) > 1


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


def test_each_cell_of_the_sheet_is_its_layers_and_heads_map(visit, photos, weights, monkeypatch):
    """The brighter a patch of a cell, the more CLS looks at it in that head of that layer."""
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    record = record_attention(load_model("standin_vit"), load_image(photos[0]))
    page = visit("?model=standin_vit").shown()
    page.give(photos[0])
    page.shown("ready")
    code = "(e) => [[...e.getContext('2d').getImageData(0, 0, e.width, e.height).data], e.width]"
    flat, width = page.locator(".sheet canvas").evaluate(code)
    bright = np.array(flat).reshape(-1, width, 4)[..., :3].sum(-1)
    across, down = (width - 30) / 3, (len(bright) - 18) / 3  # a cell and the gap of 2 pixels behind it
    for layer, entry in enumerate(record.layers):
        for head in range(3):
            ys, xs = ((np.arange(8) + 0.5) / 8 * (side - 2) for side in (down, across))
            cell = bright[np.ix_((18 + layer * down + ys).astype(int), (30 + head * across + xs).astype(int))]
            alike = [by_rank(cell, each[0, 1:]) for each in entry.weights[0].numpy()]
            assert alike[head] > 0.95 and alike[head] == max(alike), (layer, head, alike)
            assert by_rank(cell.T, entry.weights[0, head, 0, 1:].numpy()) < alike[head]


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


def test_labels_stay_text(visit):
    page = visit().shown()
    assert HOSTILE in page.locator(".answer .label").all_inner_texts()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".answer img").count() == 0


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
    page.hover(0.3, 0.8)
    alpha = page.pixels(16, 16)[..., 3]
    assert _tooltip(page)[1][0] != _tooltip(page)[1][1]  # off the diagonal: nothing is turned round
    rows, cols = (slice(place // 4 * 4, place // 4 * 4 + 4) for place in (int(0.3 * 16), int(0.8 * 16)))
    assert alpha[rows, cols].any()
    alpha[rows, cols] = 0
    assert not alpha.any()


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
    assert "attention of layer 2, head 1" in page.inner_text(".legend .words")
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


def _tooltip(page) -> tuple[float, tuple[int, int], int]:
    """The weight, (row, col) from 1, and the rank that the tooltip names."""
    text = page.inner_text(".tooltip b")
    found = re.fullmatch(r"(?:< )?([\d.]+)% · row (\d+), column (\d+) \(rank (\d+)\)", text)
    assert found, text
    return float(found[1]) / 100, (int(found[2]), int(found[3])), int(found[4])


def test_brackets_step_through_layers_on_keyboards_that_write_them_with_another_key(visit):
    page = visit().shown()
    layer = page.locator('[data-set="layer"]')
    press = """(how) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...how }))"""
    for how, step in (
        ({"key": "["}, -1),
        ({"key": "]", "altKey": True}, 1),  # a Mac
        ({"key": "[", "altKey": True, "ctrlKey": True}, -1),  # AltGr
        ({"key": "[", "metaKey": True}, 0),  # the browser's own Back
        ({"key": "[", "ctrlKey": True}, 0),
    ):
        before = int(layer.input_value())
        page.evaluate(press, how)
        assert int(layer.input_value()) - before == step, how

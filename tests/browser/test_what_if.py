"""The What if view in a browser: painting and switching change the answer, and another photo begins anew."""

import re

import pytest
import torch

from vit.image import load_image

pytestmark = pytest.mark.browser
ROWS = ".view-what_if tbody tr"
TOLD = ".view-what_if .told"


def _open(page) -> None:
    page.click("#tab-what_if")
    page.wait_for_selector("#view-what_if[data-state=ready]")


def _changed(page) -> bool:
    """Whether some class has another share after than before, once the answer fits what is chosen."""
    page.wait_for_function("document.querySelector('.view-what_if tbody').dataset.old === undefined")
    if page.get_attribute(".view-what_if table", "data-changed") is None:  # one column alone
        assert not page.locator(".view-what_if .changed").first.is_visible()
        assert page.inner_text(".view-what_if .verdict").startswith("Nothing is changed")
        return False
    cells = page.evaluate(
        f"[...document.querySelectorAll('{ROWS}')].map((row) => [...row.cells].map((c) => c.innerText))"
    )
    return any(before != after for _, before, after in cells)


def test_painting_hides_patches_and_moves_the_answer(visit):
    page = visit().shown()
    _open(page)
    assert page.locator(ROWS).count() == 4
    assert not _changed(page)
    box = page.locator(".view-what_if .paint").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5, steps=20)
    page.mouse.up()
    assert page.inner_text(".view-what_if .doing") or page.inner_text(".view-what_if .verdict")
    assert page.inner_text(TOLD).startswith("8 of 64")
    assert _changed(page)
    page.click(".view-what_if [data-act=none]")
    assert page.inner_text(TOLD).startswith("0 of 64")
    assert not _changed(page)


def test_it_answers_without_the_very_patch_and_head_that_were_clicked(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model
    from vit.ablation import what_if

    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    _open(page)
    box = page.locator(".view-what_if .paint").bounding_box()
    hide = torch.zeros(8, 8, dtype=torch.bool)
    for row, col in ((1, 4), (2, 4), (2, 5)):  # other ones when turned, mirrored or transposed
        hide[row, col] = True
        page.mouse.click(box["x"] + box["width"] * (col + 0.5) / 8, box["y"] + box["height"] * (row + 0.5) / 8)
    page.click("[data-head='1,0']")
    assert page.inner_text(TOLD).startswith("3 of 64")
    assert _changed(page)
    shares = what_if(load_model("standin_vit"), load_image(photos[0]), hide, [(1, 0)]).shares()
    shown = {}
    for row in page.locator(ROWS).all():
        label, *percents = row.locator("td, th").all_inner_texts()
        shown[label] = [float(words.rstrip("%")) for words in percents]
    expected = {label: [100 * before, 100 * after] for _, label, before, after in shares}
    assert list(shown) == list(expected)
    for label, numbers in expected.items():
        assert shown[label] == pytest.approx(numbers, abs=0.06)


def test_it_says_at_once_that_it_works_and_then_what_became_of_the_answer(visit):
    page = visit().shown()
    _open(page)
    assert page.inner_text(".view-what_if th.number") == "share"
    ask = "attentionLinks.what_if.ask"
    page.evaluate(f"window.later = {ask}; {ask} = () => {{}}")  # held back
    page.click("[data-head='0']")
    assert page.inner_text(".view-what_if .doing") == "working it out"
    assert not page.locator(".view-what_if .verdict").is_visible()
    page.wait_for_timeout(500)
    page.evaluate("window.later()")
    assert _changed(page)
    first, then = page.locator(f"{ROWS} >> nth=0").locator("td").all_inner_texts()[:2]
    said = page.inner_text(".view-what_if .verdict")
    assert not page.locator(".view-what_if .doing").is_visible()
    assert then in said and (said.startswith("Still ") or " becomes " in said) and first in said


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_nothing_moves_when_a_head_is_switched_off(visit, width, height):
    page = visit(width=width, height=height).shown()
    _open(page)
    head = page.locator("[data-head='1,2']")
    head.scroll_into_view_if_needed()
    before = head.bounding_box()
    head.click()
    assert head.bounding_box() == before
    assert _changed(page) and head.bounding_box() == before


def test_where_the_keys_are_is_shown_to_who_uses_them(visit):
    page = visit().shown()
    _open(page)
    middle = """(canvas) => {
        const [x, y] = [canvas.width * 0.5625, canvas.height * 0.5625].map(Math.round); // of the patch where keys begin
        const edge = canvas.getContext("2d").getImageData(x, Math.round(canvas.height / 2) - 3, 1, 7).data;
        return edge.some((byte) => byte);
    }"""
    box = page.locator(".view-what_if .paint").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1)
    assert not page.locator(".view-what_if .paint").evaluate(middle)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.locator(".view-what_if .paint").evaluate(middle)


def test_the_keyboard_paints_too(visit):
    page = visit().shown()
    _open(page)
    page.page.focus(".view-what_if .paint")
    for key in ("ArrowLeft", "Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert page.inner_text(TOLD).startswith("2 of 64")
    assert _changed(page)
    page.keyboard.press("Space")
    assert page.inner_text(TOLD).startswith("1 of 64")


def test_heads_and_layers_are_switched_off_and_on(visit):
    page = visit().shown()
    _open(page)
    page.click("[data-head='1,2']")
    assert _changed(page)
    page.click("[data-head='1']")
    assert page.locator(".view-what_if [aria-pressed=true]").count() == 4  # the layer and its three heads
    page.click("[data-head='1,0']")  # one of them speaks again
    assert page.locator(".view-what_if [aria-pressed=true]").count() == 2
    page.click(".view-what_if [data-act=loud]")
    assert page.locator(".view-what_if [aria-pressed=true]").count() == 0
    assert not _changed(page)


def test_the_top_of_a_map_is_hidden_and_another_photo_begins_anew(visit):
    page = visit().shown()
    page.wait_for_function("document.querySelector('.origin .loading').textContent === ''")
    _open(page)
    page.click(".view-what_if [data-act=top]")
    assert page.inner_text(TOLD).startswith("13 of 64")
    assert _changed(page)
    page.locator("[data-example]").nth(1).click()
    page.wait_for_function(f"document.querySelector('{TOLD}').innerText.startsWith('0 of 64')")
    page.wait_for_selector("#view-what_if[data-state=ready]")
    assert not _changed(page)


def test_a_head_that_is_switched_by_a_key_keeps_the_focus(visit):
    page = visit().shown()
    _open(page)
    page.focus('.view-what_if [data-head="1,0"]')
    for off in (True, False):
        page.keyboard.press("Space")
        assert _changed(page) == off
        assert page.evaluate("document.activeElement.dataset.head") == "1,0"


def test_a_map_that_can_not_be_is_a_sentence_and_hides_nothing(visit, unseen):
    page = visit()
    said = "Rollout is not defined here."

    def refused(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'("no_rollout": ?)""', rf'\1"{said}"', answer.text()))

    page.shown()
    page.page.route("**/queue/data*", refused)
    page.give(unseen)
    page.shown("ready")
    page.page.unroute("**/queue/data*")
    _open(page)
    page.click(".view-what_if [data-act=top]")
    assert page.inner_text(".view-what_if .refused") == said and page.inner_text(TOLD).startswith("0 of 64")
    page.select_option(".view-what_if [data-set=of]", "received")
    page.click(".view-what_if [data-act=top]")
    assert not page.is_visible(".view-what_if .refused") and page.inner_text(TOLD).startswith("13 of 64")

"""The navigation line: views open by pointer, keys and address, share the photo, and are computed when opened."""

import pytest
from PIL import Image

from tests.browser.conftest import VIEWS
from vit.ui.examples import examples

pytestmark = pytest.mark.browser
with Image.open(examples()[0].path) as opening:
    OPENED = f"3 layers, {opening.width} {opening.height}"
TOLD = "#view-standin .told"


def test_a_view_is_computed_when_it_is_opened_and_not_again(visit, photos):
    page = visit().shown()
    assert page.get_attribute("#view-standin", "data-state") == "empty"
    assert page.inner_html("#view-standin .content") == "" and _fetched(page) == 1  # the page's words
    page.click("#tab-standin")
    assert _told(page) == OPENED and _fetched(page) == 2
    assert not page.locator(".view-explore").is_visible()
    page.requests.clear()
    page.click("#tab-explore")
    page.click("#tab-standin")
    assert page.inner_text(TOLD) == OPENED
    assert page.requests == []


def test_another_photo_or_model_clears_what_a_view_shows_and_asks_anew(visit, unseen):
    page = visit("?view=standin").shown()
    _told(page)
    page.give(unseen)
    page.wait_for_function(f"document.querySelector('{TOLD}').textContent === ''")
    with Image.open(unseen) as photo:
        assert _told(page) == f"3 layers, {photo.width} {photo.height}"
    page.locator("[data-example]").nth(0).click()  # which is known: the view is empty for a moment only
    page.wait_for_function(f"document.querySelector('{TOLD}').textContent === '{OPENED}'")


def test_the_arrow_keys_go_through_the_views_and_the_address_keeps_the_one_in_sight(visit):
    page = visit().shown()
    page.page.focus("#tab-explore")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-standin"
    assert page.get_attribute("#tab-standin", "aria-selected") == "true"
    assert page.get_attribute("#tab-explore", "tabindex") == "-1"
    page.wait_for_function("location.search.includes('view=standin')")
    page.keyboard.press("Home")
    assert page.locator(".view-explore").is_visible()
    page.wait_for_function("!location.search.includes('view=')")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement === document.querySelector('[role=tab]:last-child')")


def test_what_explore_shows_is_kept_while_another_view_is_open(visit):
    page = visit().shown()
    page.slide("layer", 1)
    page.pick("head", "2")
    before, width = page.heat(), page.locator(".stage").bounding_box()["width"]
    page.click("#tab-standin")
    _told(page)
    page.keyboard.press("]")  # the keys of Explore do nothing here
    page.click("#tab-explore")
    page.frame()
    assert page.heat() == before
    assert page.locator(".stage").bounding_box()["width"] == width


def test_work_can_be_cancelled_and_begun_again(visit):
    page = visit("?view=standin&lines=8").shown()
    page.wait_for_function("document.querySelector('#view-standin .wait span').textContent.startsWith('line ')")
    page.click("#view-standin [data-act=stop]")
    assert "Stopped" in page.inner_text("#view-standin .sorry")
    page.wait_for_timeout(2500)  # longer than it would have taken
    assert page.get_attribute("#view-standin", "data-state") == "stopped"
    page.click("#view-standin .sorry button")
    assert _told(page) == OPENED


def test_a_view_left_while_it_works_stops_and_begins_again_when_one_comes_back(visit):
    page = visit("?view=standin&lines=12").shown()
    page.wait_for_function("document.querySelector('#view-standin .wait span').textContent.startsWith('line ')")
    page.click("#tab-explore")
    page.wait_for_timeout(3500)  # longer than it would have taken
    assert page.get_attribute("#view-standin", "data-state") == "empty"
    page.click("#tab-standin")
    assert _told(page) == OPENED


def test_while_the_first_answer_is_awaited_the_photo_and_the_headings_stand(visit):
    page = visit().shown()
    page.evaluate("for (const link of Object.values(attentionLinks)) link.ask = () => {}")  # no answer ever comes
    photo = page.evaluate("document.querySelector('.photo').src")
    for name in VIEWS[1:]:
        page.click(f"#tab-{name}")
        page.wait_for_selector(f"#view-{name}[data-state=busy]")
        heading, picture = (page.locator(f"#view-{name} {part}").first for part in ("h2", f'img[src="{photo}"]'))
        heading.wait_for(state="visible")
        assert heading.inner_text().strip() and picture.is_visible(), name
        box = picture.bounding_box()
        assert box["width"] > 100 and box["height"] > 60, name
        held = f"document.querySelector('#view-{name} .content :is(input, button):not([data-stays] *)')"
        assert page.evaluate(f"{held}.closest('[inert]') !== null"), name


def test_an_error_is_a_sentence_in_the_view(visit):
    page = visit("?view=standin&wrong=1").shown()
    page.wait_for_selector("#view-standin[data-state=error]")
    assert "This can’t be worked out." in page.inner_text("#view-standin .sorry")


def test_a_file_that_is_no_picture_is_told_in_the_view_that_is_open(visit, tmp_path):
    page = visit("?view=standin").shown()
    _told(page)
    bad = tmp_path / "holiday.png"
    bad.write_text("not a picture at all")
    page.give(bad)
    page.wait_for_selector("#view-standin[data-state=refused]")
    assert "JPEG" in page.inner_text("#view-standin .sorry")
    assert not page.locator("#view-standin .sorry button").is_visible()


def test_a_photo_that_the_server_has_cleaned_up_is_sent_again_for_a_view(visit, unseen, uploads):
    page = visit().shown()
    page.give(unseen)
    page.shown("ready")
    kept = [*uploads.rglob(unseen.name)]
    assert kept
    for path in kept:
        path.unlink()
    page.click("#tab-standin")
    with Image.open(unseen) as photo:
        assert _told(page) == f"3 layers, {photo.width} {photo.height}"


def test_a_projector_gets_larger_type(visit):
    sizes = [
        visit(query).shown().evaluate("getComputedStyle(document.querySelector('.answer h2')).fontSize")
        for query in ("", "?present=1")
    ]
    assert [int(size.removesuffix("px")) for size in sizes] == [14, 20]


def _told(page) -> str:
    page.wait_for_function(f"document.querySelector('{TOLD}')?.textContent")
    return page.inner_text(TOLD)


def _fetched(page) -> int:
    """How often words or a view's parts were asked for."""
    return sum("component_server" in url for url in page.requests)

"""The page's looks: its own shapes and widths, its colours, and names for all controls."""

import re

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def test_the_stage_has_the_photos_own_shape(visit, photos):
    page = visit().shown()
    for path in photos:
        page.give(path)
        page.shown("ready")
        with Image.open(path) as photo:
            width, height = photo.size
        box = page.locator(".stage").bounding_box()
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(visit, scheme):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True, color_scheme=scheme).shown()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    assert "drop" not in page.locator(".invite").inner_text() and "Touch" in page.locator(".invite").inner_text()
    page.page.tap("[data-tool=help]")
    assert page.locator(".fingers").is_visible() and not page.locator("dl.keys").is_visible()
    page.page.tap("[data-act=close-help]")
    before = page.heat()
    page.page.tap(".marks")
    page.frame()
    assert page.heat() != before and page.locator(".tooltip").is_visible()
    assert not page.locator('[data-pick="query"] [data-value="patch"]').count()
    page.page.tap(".marks")  # a second tap on the same patch pins it
    page.frame()
    assert page.get_attribute('[data-pick="query"] [data-value="patch"]', "aria-checked") == "true"


@pytest.mark.parametrize("width", [1280, 390, 640, 820, 1024, 1920])
def test_nothing_sticks_out_to_the_right(visit, width):
    page = visit("?model=standin_swin&layer=0", width=width, height=844).shown()
    code = """() => {
        const root = document.querySelector(".explorer");
        const limit = Math.min(root.getBoundingClientRect().right, document.documentElement.clientWidth) + 0.5;
        const scrolled = (e) => e !== root && (["auto", "scroll"].includes(getComputedStyle(e).overflowX)
            || (e.parentElement && scrolled(e.parentElement)));
        return [...root.querySelectorAll("*")]
            .filter((e) => e.checkVisibility({visibilityProperty: true}) && !scrolled(e.parentElement))
            .filter((e) => e.getBoundingClientRect().right > limit)
            .map((e) => `${e.tagName} ${e.className} to ${e.getBoundingClientRect().right} of ${limit}`);
    }"""
    for method in ("raw", "received", "rollout"):
        page.pick("method", method)
        assert page.evaluate(code) == [], method
    strip = "document.querySelector('.examples')"
    assert page.evaluate(f"{strip}.scrollWidth - {strip}.clientWidth") <= 0  # every example is in sight
    page.evaluate("document.querySelector('.door').style.minWidth = '3000px'")
    assert page.evaluate(code) != []  # the measure sees what does stick out


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


def test_a_person_s_choice_stops_the_play(visit):
    page = visit("?model=standin_vit&layer=0").shown()
    page.click("[data-act=play]")
    page.wait_for_function("document.querySelector('[data-show=layer]').textContent.startsWith('2')")
    page.pick("head", "1")
    before = page.inner_text("[data-show=layer]")
    page.wait_for_timeout(1000)
    assert page.inner_text("[data-show=layer]") == before
    assert page.get_attribute(".play", "aria-pressed") == "false"


def test_the_opening_photo_shows_by_itself_how_it_works_until_somebody_moves(visit):
    page = visit(reduced_motion="no-preference").shown()
    page.wait_for_function("document.querySelector('.legend .words').textContent.includes('from row')")
    assert page.locator(".invite").is_visible() and not page.locator(".tooltip").is_visible()
    assert page.inner_text(".spoken") == ""
    page.mouse.move(2, 2)
    page.frame()
    assert "from CLS, until you point" in page.inner_text(".legend .words")
    page.page.wait_for_timeout(1200)  # longer than it stays at a place
    assert "from CLS, until you point" in page.inner_text(".legend .words")
    still = visit().shown()
    still.page.wait_for_timeout(3000)
    assert "from CLS, until you point" in still.inner_text(".legend .words")


def test_the_invitation_goes_when_it_was_understood(visit):
    page = visit().shown()
    assert page.is_visible(".invite")
    page.hover(0.5, 0.5)
    page.mouse.move(2, 2)
    page.frame()
    assert not page.is_visible(".invite")


def test_a_model_of_few_classes_says_which(visit):
    page = visit().shown()
    assert page.inner_text(".knows").startswith("It knows 4 classes only: ")
    assert "church, parachute, golf ball" in page.inner_text(".knows")


def test_numbers_are_written_as_the_visitor_s_language_writes_them(visit):
    for locale, point in (("de-DE", ","), ("en-GB", ".")):
        page = visit(locale=locale).shown()
        shares = page.locator(".answer .number").all_inner_texts()
        assert shares and all(re.fullmatch(rf"\d+\{point}\d+%", share) for share in shares), shares
        assert re.fullmatch(rf"\d+\{point}\d+%", page.inner_text(".legend .most"))

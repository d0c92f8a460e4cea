"""The lesson: a prediction before each answer, the model's own numbers, by keys alone."""

import math
import re
from decimal import Decimal

import pytest

from vit.image import load_image

pytestmark = pytest.mark.browser
STEPS = 8


def test_a_step_shows_its_answer_only_after_a_prediction(visit):
    page = _lesson(visit)
    assert page.get_attribute(".view-lesson .path li:nth-child(1) button", "aria-current") == "step"
    assert not page.locator(".view-lesson .shown").is_visible()
    assert page.locator(".view-lesson .guess > button").is_disabled()
    page.page.check('.view-lesson .options input[value="64"]')
    page.click(".view-lesson .guess > button")
    assert page.inner_text(".view-lesson .verdict") == "Right."
    assert "8 rows × 8 columns = 64 patches" in page.inner_text(".view-lesson .after")
    page.click(".view-lesson .path li:nth-child(2) button")
    page.page.check(".view-lesson .options label:nth-child(2) input")
    page.click(".view-lesson .guess > button")
    assert page.inner_text(".view-lesson .verdict") == "Not quite. It is: No, they differ."
    page.click(".view-lesson .path li:nth-child(1) button")
    assert page.inner_text(".view-lesson .verdict") == "Right."  # what was predicted stays


def test_before_each_prediction_there_is_something_to_see_that_moves_with_the_hand(visit):
    page = _lesson(visit)
    for step in range(2, STEPS + 1):
        page.click(f".view-lesson .path li:nth-child({step}) button")
        page.wait_for_timeout(300)  # a layer may still be on its way
        assert page.get_attribute(".view-lesson .guess > button", "disabled") is not None
        before = _seen(page)
        if page.locator(".view-lesson .example input").count():
            page.page.locator(".view-lesson .example input").fill("0.8" if step == STEPS else "2")
        elif step != 7:  # whose map is that of the last layer
            page.page.focus(".view-lesson .lines")
            page.keyboard.press("ArrowLeft")
            page.frame()
        assert _seen(page) != before or step == 7, step
        assert page.evaluate(
            "() => { const {bottom} = document.querySelector('.view-lesson .turn')"
            ".getBoundingClientRect(); return bottom <= window.innerHeight; }"
        ), step


def test_the_photo_stays_in_sight_beside_a_long_answer(visit):
    page = _lesson(visit, "&step=3", width=1280, height=500)
    _predict(page)
    page.evaluate(
        "document.querySelector('.view-lesson .figure > div > :last-child').scrollIntoView({block: 'center'})"
    )
    page.frame()
    assert page.evaluate("window.scrollY") > 200
    box = page.locator(".view-lesson .picture").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 500


def test_the_whole_lesson_goes_by_keys_alone(visit):
    page = _lesson(visit)
    for step in range(1, STEPS + 1):
        assert page.get_attribute(f".view-lesson .path li:nth-child({step}) button", "aria-current") == "step"
        _tab_to(page, ".view-lesson .options input")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.wait_for_selector(".view-lesson .shown:not([hidden])")
        page.wait_for_selector(".view-lesson .after:not(:empty)", timeout=60_000)  # the last one is worked out first
        assert page.inner_text(".view-lesson .verdict").strip() and page.inner_text(".view-lesson .after").strip()
        if step < STEPS:
            _tab_to(page, ".view-lesson [data-act=after]")
            page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('step=8')")


def test_the_browser_s_own_buttons_go_from_step_to_step_and_the_last_step_goes_on_to_methods(visit):
    page = _lesson(visit)
    for _ in range(2):
        page.click(".view-lesson [data-act=after]")
    page.go_back()
    _at(page, 2)
    page.click(".view-lesson .path li:nth-child(8) button")
    page.go_back()
    _at(page, 2)
    page.go_back()
    _at(page, 1)
    assert "step" not in page.page.url
    page.go_forward()
    page.go_forward()
    _at(page, 8)
    page.click(".view-lesson [data-act=after]")
    assert page.get_attribute("#tab-methods", "aria-selected") == "true"
    page.go_back()
    _at(page, 8)


def test_on_a_phone_a_step_s_heading_stands_below_the_photo(visit):
    page = _lesson(visit, width=390, height=844)
    for way in ("after", "after", "after", "before"):
        _predict(page)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.click(f".view-lesson [data-act={way}]")
        page.frame()
        seen, title, turn = (
            page.locator(f".view-lesson {part}").bounding_box() for part in (".seen", "article h2", ".turn")
        )
        assert seen["y"] + seen["height"] <= title["y"] and title["y"] + title["height"] <= turn["y"], way


def test_the_worked_score_and_share_are_the_models_own(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model, record_attention
    from vit.lesson import work_through

    model = load_model("standin_vit")
    page = _lesson(visit, "&step=3", photos[0])
    _predict(page)
    token = 1 + 4 * 8 + 4  # the middle
    worked = work_through(model, load_image(photos[0]))
    scores = worked.queries[0, token] @ worked.keys[0].T / math.sqrt(16)
    assert _number(page.inner_text(".view-lesson .figure tr.best td:last-child")) == pytest.approx(
        float(scores.max()), abs=0.006
    )
    page.click(".view-lesson [data-act=after]")
    _predict(page)
    share = float(record_attention(model, load_image(photos[0])).layers[0].weights[0, 0, token].max())
    told = page.inner_text(".view-lesson .below")
    shares = [float(text) / 100 for text in re.findall(r"([\d.]+)%", told)]
    assert shares == [pytest.approx(share, rel=0.01), pytest.approx(share, rel=0.01)]  # worked out, and the record's


@pytest.mark.parametrize("model", ["standin_vit", "standin_deit"])
def test_each_line_follows_from_the_numbers_on_the_page(visit, model):
    page = _lesson(visit, f"&model={model}&step=3")
    _predict(page)
    rows = [row.split("\t") for row in page.inner_text(".view-lesson .figure tbody").replace("−", "-").splitlines()]
    *parts, total, score = [Decimal(row[-1]) for row in rows]
    assert sum(parts) == total and abs(float(total) / math.sqrt(int(rows[4][0].split()[-1])) - float(score)) <= 0.0051
    for (_, query, key, _), product in zip(rows[:4], parts, strict=False):
        assert abs(Decimal(query) * Decimal(key) - product) <= Decimal("0.005")
    page.click(".view-lesson .path li:nth-child(7) button")
    _predict(page)
    told = page.inner_text(".view-lesson .after").replace("−", "-")
    found = re.search(r"(\S+) - (\S+) = (\S+), and e\^(\S+) ≈ ([\d.]+)\.", told)
    assert found, told
    most, less, gap, power, times = found.groups()
    assert Decimal(most) - Decimal(less) == Decimal(gap) == Decimal(power)
    assert float(times) == pytest.approx(math.exp(float(gap)), rel=0.005)


def test_temperature_and_patch_change_the_picture(visit):
    page = _lesson(visit, "&step=4")
    _predict(page)
    seen = [_warm(page)]
    page.page.locator(".view-lesson .figure input[type=range]").fill("0.25")
    seen.append(_warm(page))
    assert page.evaluate("document.activeElement.type") == "range"
    assert "99.7%" in page.inner_text(".view-lesson .figure table")  # C at a quarter: e^10 / (e^10 + e^4 + e^2 + 1)
    page.page.focus(".view-lesson .lines")
    page.keyboard.press("ArrowLeft")
    seen.append(_warm(page))
    page.click('.view-lesson .figure [aria-label="head 2"]')
    seen.append(_warm(page))
    assert len(set(seen)) == 4


def test_another_photo_begins_the_answers_anew(visit, photos):
    page = _lesson(visit)
    _predict(page)
    page.give(photos[1])
    page.wait_for_function("!document.querySelector('.view-lesson .figure').children.length")
    page.wait_for_selector("#view-lesson[data-state=ready]")
    page.wait_for_selector(".view-lesson .options input:not(:checked)")
    assert not page.locator(".view-lesson .shown").is_visible()


def test_a_network_that_is_not_our_own_says_which_model_to_choose(visit):
    page = _lesson(visit, "&model=standin_swin&step=2")
    assert "standin_vit or standin_deit" in page.inner_text(".view-lesson .why")
    assert not page.locator(".view-lesson .guess").is_visible()
    page.click(".view-lesson .path li:nth-child(3) button")  # the four tokens by hand need no network
    _predict(page)
    assert "2.5" in page.inner_text(".view-lesson .after")
    assert page.locator(".view-lesson .figure table").count() == 0
    page.click(".view-lesson .path li:nth-child(5) button")
    _predict(page)
    assert page.locator(".view-lesson .figure .many button").count() == 2


def test_what_a_network_with_windows_and_without_cls_is_told_is_true_of_it(visit):
    page = _lesson(visit, "&model=standin_swin")
    told = {}
    for step in range(1, STEPS + 1):
        page.click(f".view-lesson .path li:nth-child({step}) button")
        page.wait_for_timeout(300)  # a layer may still be on its way
        told[step] = page.inner_text(".view-lesson .page")
        assert not re.search("CLS|undefined|all the others", told[step]), step
    assert "the others in its window" in told[1] and "asks the others in its window" in told[3]
    assert "reads the mean of all patches" in told[7]


def test_a_distilled_network_reads_two_tokens(visit):
    page = _lesson(visit, "&model=standin_deit&step=7")
    assert "reads CLS & DIST only" in page.inner_text(".view-lesson .intro")


def test_the_closing_step_sets_attention_and_relevance_against_chance(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model
    from vit.truth.check import check
    from vit.ui.views.lesson import COMPARED
    from vit.ui.views.methods import STEPS as POINTS

    page = _lesson(visit, "&step=8", photos[0])
    _predict(page)
    page.wait_for_selector(".view-lesson .figure svg", timeout=60_000)
    found = check(load_model("standin_vit"), load_image(photos[0]), COMPARED, steps=POINTS, backwards=False)
    areas = {result.method: result.deletion.area for result in found.results}
    areas["chance"] = float(found.results[0].deletion.random_areas.mean())
    said = [float(number) for number in re.findall(r"0\.\d{3}", page.inner_text(".view-lesson .after"))]
    assert said[:3] == pytest.approx([areas[name] for name in ("raw", "relevance", "chance")], abs=0.001)
    names = {"raw": "by attention", "relevance": "by relevance", "chance": "by chance"}
    right = names[min(areas, key=lambda name: areas[name])]
    assert page.inner_text(".view-lesson .options .right") == right
    verdicts = page.locator(".view-lesson .figure tbody td:last-child").all_inner_texts()
    assert verdicts == [*(result.words for result in found.results), ""]
    seen = _warm(page)
    page.click(".view-lesson .many button[aria-pressed=false]")
    assert _warm(page) != seen


@pytest.mark.parametrize(
    "query, locale, caption", [("", "de-DE", "Relevanz: "), ("&present=1", "en-US", "Relevance: ")]
)
def test_nothing_of_the_closing_step_is_cut_off_or_of_another_language(visit, query, locale, caption):
    page = _lesson(visit, f"&step=8{query}", locale=locale)
    _predict(page)
    page.wait_for_selector(".view-lesson .figure svg", timeout=60_000)
    assert page.inner_text(".view-lesson .below").startswith(caption)
    assert "." not in page.inner_text(".view-lesson .figure thead")  # a key, in place of its words
    cut = page.evaluate(
        "[...document.querySelectorAll('.view-lesson :is(.roll, .many button, .path ol)')]"
        ".filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.className || part.outerHTML)"
    )
    assert not cut


def test_the_closing_step_opened_by_its_address_can_be_used_while_its_check_goes_on(visit):
    page = visit("?view=lesson&step=8")
    page.wait_for_selector("#view-lesson", state="attached")
    page.evaluate("""() => {
        const seen = window.states = [], panel = document.querySelector("#view-lesson");
        new MutationObserver(() => seen.push(panel.dataset.state)).observe(panel, { attributeFilter: ["data-state"] });
    }""")
    page.shown()
    _predict(page)
    page.wait_for_selector(".view-lesson .figure svg", timeout=60_000)
    states = page.evaluate("states")
    assert "ready" in states and "busy" not in states[states.index("ready") :]


@pytest.mark.parametrize("way", [".view-lesson .path li:nth-child(7) button", "#tab-explore"])
def test_the_closing_step_that_is_left_stops_and_begins_again_when_one_comes_back(visit, way):
    page = _lesson(visit, "&model=standin_swin")
    closing = ".view-lesson .path li:nth-child(8) button"
    asked, cancelled = (lambda part=part: sum(part in url for url in page.requests) for part in ("/join", "/cancel"))
    before = asked()
    with page.page.expect_request("**/cancel*"):  # in one breath: the check takes less than a second here
        page.evaluate(
            "async ([there, away]) => { for (const each of [there, away]) { document.querySelector(each).click();"
            " await new Promise((done) => setTimeout(done, 100)); } }",
            [closing, way],
        )
    page.wait_for_timeout(1500)  # longer than it would have taken
    assert cancelled() == 1
    between = asked()
    assert between > before
    page.click(closing if "path" in way else "#tab-lesson")
    _predict(page)
    page.wait_for_selector(".view-lesson .figure svg", timeout=60_000)
    assert asked() > between


@pytest.mark.parametrize(
    "locale, title",
    [("de-AT", "Aus einem Foto wird eine Reihe von Feldern"), ("fr-FR", "A photo becomes a row of patches")],
)
def test_the_language_follows_the_browser(visit, locale, title):
    page = _lesson(visit, locale=locale)
    assert page.inner_text(".view-lesson h2") == title
    assert page.get_attribute(".explorer", "lang") == locale[:2].replace("fr", "en")
    page.click(".view-lesson .path li:nth-child(4) button")
    scores = "1; 0,5; 2,5 und 0" if locale == "de-AT" else "1, 0.5, 2.5 and 0"
    assert scores in page.inner_text(".view-lesson legend")


def test_in_the_dark_a_prediction_that_is_not_chosen_is_dark(visit):
    page = _lesson(visit, color_scheme="dark")
    scheme = "getComputedStyle(document.querySelector('.view-lesson .options input')).colorScheme"
    assert page.evaluate(scheme) == "dark"
    page.click("[data-tool=theme]")
    assert page.evaluate(scheme) == "light"


@pytest.mark.parametrize("query", ["", "&present=1"])
def test_no_step_scrolls_sideways_on_a_phone(visit, query):
    page = _lesson(visit, query, width=390, height=844)
    for step in range(1, STEPS + 1):
        page.click(f".view-lesson .path li:nth-child({step}) button")
        _predict(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, step
        wide = (
            "[...document.querySelectorAll('.view-lesson .roll')].some((part) => part.scrollWidth > part.clientWidth)"
        )
        assert query or step != 6 or not page.evaluate(wide)  # nothing says that a table goes on


def test_a_finger_is_told_to_touch_and_a_pointer_to_point(visit):
    finger = {"has_touch": True, "is_mobile": True}
    for hand, told, other in ((finger, "Touch", "Point at"), ({}, "Point at", "Touch")):
        page = _lesson(visit, "&step=3", **hand)
        below = page.inner_text(".view-lesson .below")
        assert f"{told} another patch" in below and other not in below


def _lesson(visit, query: str = "", photo=None, **context):
    page = visit(f"?view=lesson{query}", **context).shown()
    if photo:
        page.give(photo)
        page.shown("ready")
    page.wait_for_selector("#view-lesson[data-state=ready]")
    page.wait_for_selector(".view-lesson .options input, .view-lesson .why:not(:empty)", state="attached")
    return page


def _predict(page) -> None:
    page.page.check(".view-lesson .options label:nth-child(1) input")
    page.click(".view-lesson .guess > button")
    page.wait_for_selector(".view-lesson .shown:not([hidden])")
    page.frame()


def _at(page, step: int) -> None:
    page.wait_for_selector(f"#view-lesson:not([hidden]) .path li:nth-child({step}) [aria-current=step]")


def _tab_to(page, selector: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reached {selector}")


def _seen(page) -> list[str]:
    """What is painted over the photo and stands beside it."""
    page.frame()
    lines = page.evaluate("document.querySelector('.view-lesson .lines').toDataURL()")
    return [_warm(page), lines, page.inner_text(".view-lesson .example")]


def _warm(page) -> str:
    page.frame()
    return page.evaluate("document.querySelector('.view-lesson .warm').toDataURL()")


def _number(text: str) -> float:
    return float(text.replace("−", "-"))

"""The Heads view in a browser: its points are the measures' numbers, and a point or a cell opens its head."""

import re

import numpy as np
import pytest

from vit.analysis import Analysis
from vit.image import load_image

pytestmark = pytest.mark.browser
VIEW = "#view-heads"
POINTS = f"{VIEW} .shape .point"


@pytest.fixture
def measured(weights, photos, monkeypatch):
    """Measures as Python has them, of the photo that the page is given."""
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    analysis, image = Analysis(), load_image(photos[0])
    return lambda name, **options: analysis.measure(image, "standin_vit", name, **options)


def opened(page, photo=None):
    page.shown()
    if photo:
        page.give(photo)
        page.shown("ready")
    page.wait_for_selector(f"{VIEW}[data-state=ready]", timeout=30_000)
    page.wait_for_selector(POINTS)
    page.wait_for_function("!document.querySelector('.view-heads [data-old]')")  # no older photo's points
    return page


def points(page) -> list[tuple[str, float, float]]:
    """Each point's words and its place in the plot."""
    code = "(all) => all.map((p) => [p.ariaLabel, Number(p.getAttribute('cx')), Number(p.getAttribute('cy'))])"
    return page.eval_on_selector_all(POINTS, code)


def on_one_scale(places: list[float], numbers: np.ndarray) -> bool:
    """Whether places are the numbers up to a straight line, within a tenth of a pixel."""
    line = np.polyfit(numbers, places, 1)
    return bool(np.abs(np.polyval(line, numbers) - places).max() < 0.1) and line[0] != 0


def test_colour_says_the_layer_only_where_the_axis_does_not(visit):
    page = opened(visit("?view=heads&layer=1"))
    code = "(all) => all.map((p) => getComputedStyle(p).fill)"
    fills = page.eval_on_selector_all(POINTS, code)
    assert len(set(fills)) == 2 and fills[3] == fills[4] == fills[5] != fills[0] == fills[-1]
    assert "layer 2" in page.inner_text(f"{VIEW} .shape .layers")
    low = page.inner_text(f"{VIEW} .shape .plain")
    page.click(f"{VIEW} .shape [data-value=both]")
    assert len(set(page.eval_on_selector_all(POINTS, code))) == 3
    assert low.startswith("Low: ") and page.inner_text(f"{VIEW} .shape .plain") != low


def test_the_points_are_the_measures_numbers(visit, photos, measured):
    page = opened(visit("?view=heads"), photos[0])
    entropy = np.array([values.tolist() for values in measured("entropy").heads]).ravel()
    distance = np.array([values.tolist() for values in measured("distance").heads]).ravel()
    told = points(page)
    assert [words.split(":")[0] for words, *_ in told] == [
        f"layer {layer}, head {head}" for layer in (1, 2, 3) for head in (1, 2, 3)
    ]
    assert on_one_scale([y for *_, y in told], entropy)
    for (words, *_), value in zip(told, entropy, strict=True):
        assert f"entropy {value:.2f} of the highest" in words
    page.click(f"{VIEW} .shape [data-value=both]")
    told = points(page)
    assert on_one_scale([x for _, x, _ in told], distance) and on_one_scale([y for *_, y in told], entropy)
    page.click(f"{VIEW} .shape [data-value=entropy]")
    page.click(f"{VIEW} .shape [data-value=readout]")
    readout = np.array([values.tolist() for values in measured("entropy").readout]).ravel()
    assert on_one_scale([y for *_, y in points(page)], readout)


def test_a_point_says_its_number_and_a_click_opens_its_head(visit):
    page = opened(visit("?view=heads"))
    box = page.locator(POINTS).nth(4).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.inner_text(f"{VIEW} .shape .tooltip b") == "layer 2, head 2"
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert head_in_explore(page) == ("2 of 3", "1")
    page.click("#tab-heads")
    assert page.locator(f"{POINTS}.chosen").get_attribute("aria-label").startswith("layer 2, head 2")


def test_the_arrow_keys_go_from_point_to_point_and_enter_opens(visit):
    page = opened(visit("?view=heads"))
    page.page.focus(f"{POINTS}[tabindex='0']")
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(f"{POINTS}[tabindex='0']").count() == 1
    assert page.evaluate("document.activeElement.ariaLabel").startswith("layer 2, head 1")
    page.keyboard.press("Enter")
    assert head_in_explore(page) == ("2 of 3", "0")
    assert page.evaluate("document.activeElement.id") == "tab-explore"


def test_the_matrix_says_its_pairs_and_opens_the_head_of_the_row(visit, photos, measured):
    page = opened(visit("?view=heads"), photos[0])
    similarity = measured("heads", layer="all").similarity
    cells = page.locator(f"{VIEW} .cells")
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    for row, col in ((7, 2), (0, 0)):
        page.mouse.move(box["x"] + (col + 0.5) * box["width"] / 9, box["y"] + (row + 0.5) * box["height"] / 9)
        told = page.inner_text(f"{VIEW} .alike .told")
        assert told.startswith(f"layer {row // 3 + 1}, head {row % 3 + 1} and layer {col // 3 + 1}, head {col % 3 + 1}")
        assert f": {float(similarity[row, col]):.2f}." in told
    page.page.focus(f"{VIEW} .over")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.inner_text(f"{VIEW} .alike .told").startswith("layer 1, head 3 and layer 1, head 2")
    page.keyboard.press("Enter")
    assert head_in_explore(page) == ("1 of 3", "2")


def test_the_kind_and_the_layer_of_similarity_are_asked_for_anew(visit, photos, measured):
    page = opened(visit("?view=heads"), photos[0])
    page.click(f"{VIEW} .alike [data-value='jensen-shannon']")
    _answered(page, "alike")
    mean = _mean(measured("heads", layer="all", kind="jensen-shannon").similarity)
    assert f"The 9 heads are {mean:.2f} alike" in page.inner_text(f"{VIEW} .alike .said")
    page.select_option(f"{VIEW} .alike select", "1")
    _answered(page, "alike")
    mean = _mean(measured("heads", layer=1, kind="jensen-shannon").similarity)
    assert f"The 3 heads are {mean:.2f} alike" in page.inner_text(f"{VIEW} .alike .said")


def test_where_a_sink_begins_is_a_choice(visit, photos, measured):
    page = opened(visit("?view=heads"), photos[0])
    before = page.inner_text(f"{VIEW} .shares .said")
    page.locator(f"{VIEW} [data-slide=times]").fill("1.5")
    _answered(page, "shares")
    found = measured("sinks", times=1.5)
    assert page.inner_text(f"{VIEW} .shares .said") != before
    page.click(f"{VIEW} .sunk summary")
    page.wait_for_selector(f"{VIEW} .sunk tbody tr")  # made when it is first opened
    counts = page.eval_on_selector_all(
        f"{VIEW} .sunk tbody tr", "(rows) => rows.map((r) => Number(r.cells[1].innerText))"
    )
    assert counts == [len(tokens) for tokens in found.tokens] and sum(counts) > 0
    page.page.focus(f"{VIEW} .outlines")
    page.keyboard.press("ArrowUp")
    layer = int(page.input_value(f"{VIEW} [data-slide=layer]")) - 1
    ratio = float(found.received[layer][1 + 3 * 8 + 4])  # after CLS; from the middle of 8 × 8 patches one up
    assert page.inner_text(f"{VIEW} .sunk .told") == f"row 4, column 5: {ratio:.2f} times an even share"


def test_heads_that_share_the_lowest_number_are_counted(visit, photos, measured):
    """Of a layer without sinks every head is as right an answer as the first."""
    for times in np.arange(1.5, 20.5, 0.5):
        shares = np.concatenate([layer.numpy() for layer in measured("sinks", times=float(times)).heads])
        if shares.max() > 0 and np.count_nonzero(shares == 0) > 1:
            break
    page = opened(visit("?view=heads"), photos[0])
    page.locator(f"{VIEW} [data-slide=times]").fill(str(times))
    _answered(page, "shares")
    assert page.inner_text(f"{VIEW} .shares .said").endswith(f" (tied with {np.count_nonzero(shares == 0) - 1}), 0%.")


def test_where_there_are_no_sinks_that_is_said_once(visit):
    page = opened(visit("?view=heads"))
    page.locator(f"{VIEW} [data-slide=times]").fill("20")
    _answered(page, "shares")
    assert page.inner_text(f"{VIEW} .shares .said") == "No head looks at sinks: no token is one."


def test_a_measure_that_is_not_defined_shows_its_sentence_in_place_of_the_plot(visit):
    page = opened(visit("?view=heads&model=standin_swin"))
    page.click(f"{VIEW} .shares [data-value=prefix]")
    assert "no tokens beside the patches" in page.inner_text(f"{VIEW} .shares .why")
    assert not page.locator(f"{VIEW} .shares .figure").is_visible()
    page.click(f"{VIEW} .shares [data-value=sinks]")
    assert (
        page.locator(f"{VIEW} .shares .figure").is_visible() and not page.locator(f"{VIEW} .shares .why").is_visible()
    )
    page.select_option(f"{VIEW} .alike select", "all")
    _answered(page, "alike")
    assert "choose one layer" in page.inner_text(f"{VIEW} .alike .why")


def test_another_photo_or_model_begins_anew(visit, photos):
    page = opened(visit("?view=heads"))
    before = page.inner_text(f"{VIEW} .shape .said")
    page.give(photos[1])
    page.wait_for_function(f"document.querySelector('{VIEW} .shape .said').innerText !== {before!r}")
    page.wait_for_selector(f"{VIEW}[data-state=ready]")
    assert len(points(page)) == 9


def test_what_a_slider_says_stays_on_a_german_phone(visit):
    page = opened(visit("?view=heads", width=390, height=844, has_touch=True, is_mobile=True, locale="de-DE"))
    edges = page.eval_on_selector_all(f"{VIEW} output", "(all) => all.map((e) => e.getBoundingClientRect().right)")
    box = page.locator(f"{VIEW} .parts").bounding_box()
    assert max(edges) <= box["x"] + box["width"]


def test_every_plot_has_its_numbers_as_a_table_and_a_phone_scrolls_in_one_direction(visit):
    page = opened(visit("?view=heads", width=390, height=844, has_touch=True, is_mobile=True))
    for details in page.locator(f"{VIEW} details").all():
        details.locator("summary").click()
        details.locator("table").wait_for()  # made when it is first opened
    rows = page.eval_on_selector_all(f"{VIEW} table", "(all) => all.map((table) => table.tBodies[0].rows.length)")
    assert rows == [9, 9, 3, 9]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first = page.locator(POINTS).first
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
    assert re.match("layer 1, head 1", page.inner_text(f"{VIEW} .shape .tooltip"))
    assert page.locator(VIEW).is_visible()  # the first tap points, the second opens
    page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
    assert head_in_explore(page) == ("1 of 3", "0")


def head_in_explore(page) -> tuple[str, str]:
    page.wait_for_selector(".view-explore", state="visible")
    head = page.get_attribute('[data-pick="head"] [aria-checked="true"]', "data-value")
    return page.inner_text("[data-show=layer]"), head


def _answered(page, section: str) -> None:
    page.wait_for_function(f"!document.querySelector('{VIEW} .{section} [data-old]')")


def _mean(similarity) -> float:
    count = len(similarity)
    return float((similarity.sum() - similarity.trace()) / (count * (count - 1)))

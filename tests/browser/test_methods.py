"""The Methods view in a browser: maps and their scales, any two classes, the truth check against the same in Python."""

import numpy as np
import pytest

from tests.browser.conftest import LABELS, by_rank
from vit.analysis import Analysis
from vit.image import load_image

pytestmark = pytest.mark.browser
CARDS = ".view-methods .card"
FOUND = ".view-methods .found"


def test_every_method_is_shown_with_its_scale_and_its_words(visit):
    page = _open(visit)
    titles = page.locator(f"{CARDS} h3").all_inner_texts()
    assert len(titles) == 9 and {"Relevance", "Attention", "Grad-CAM", "Attention flow"} <= set(titles)
    assert page.locator(f"{CARDS} .map").count() == 8  # attention flow only when it is asked for
    for card in page.locator(f"{CARDS}:has(.map)").all():
        least, most = card.locator(".scale .number").all_inner_texts()
        assert least == "0" and float(most.removesuffix("%")) > 0
        assert card.locator(".means").inner_text().strip()
        card.locator("summary").click()
        assert card.locator("details p").inner_text().strip()
    assert all(_painted(page))
    page.evaluate("attentionLinks.methods.later = attentionLinks.methods.ask; attentionLinks.methods.ask = () => {}")
    page.click(".view-methods [data-act=slow]")
    assert page.is_visible(".view-methods .slow .doing") and not page.is_visible(".view-methods [data-act=slow]")
    assert page.evaluate("document.activeElement.dataset.act") == "cancel"  # where it was asked for
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.act") == "slow"
    page.evaluate("attentionLinks.methods.ask = attentionLinks.methods.later")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-method=attention_flow] .map")
    assert page.evaluate("document.activeElement.matches('[data-method=attention_flow] .map')")
    assert page.locator(f"{CARDS} .map").count() == 9


def test_each_card_is_painted_with_its_own_map(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    analysis, image = Analysis(), load_image(photos[0])
    page = _open(visit, photo=photos[0])
    page.wait_for_function("[...document.querySelectorAll('.view-methods .map img')].every((img) => img.complete)")
    assert all(_painted(page))
    code = """(canvas) => [canvas.width, canvas.height,
        [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]]"""
    for name in ("raw", "rollout", "relevance", "gradcam"):
        width, height, flat = page.locator(f"[data-method={name}] .map canvas").evaluate(code)
        pixels = np.array(flat, float).reshape(height, width, 4)
        bright = pixels[..., :3].sum(-1) * pixels[..., 3]
        ys, xs = (((np.arange(8) + 0.5) / 8 * side).astype(int) for side in (height, width))
        patches, values = bright[np.ix_(ys, xs)], analysis.heatmap(image, "standin_vit", name).values.numpy()
        assert by_rank(patches, values) > 0.9 > by_rank(patches.T, values), name


def test_two_classes_give_two_maps_on_one_scale_and_a_difference_around_zero(visit):
    page = _open(visit)
    names = page.locator("[data-kind=class] h3").all()
    assert len({round(name.bounding_box()["y"]) for name in names[:3]}) == 1
    folded = [page.locator("[data-kind=class] summary").nth(n).bounding_box()["y"] for n in range(3)]
    assert len({round(place) for place in folded}) == 1  # in a row, however long the words above are
    page.page.select_option("[data-class=target] select", "1")
    page.wait_for_function("document.querySelector('.view-methods h2').textContent === 'Made for church'")
    page.page.select_option("[data-class=against] select", "3")
    page.wait_for_selector(".view-methods .cards.two [data-method=relevance]")
    card = page.locator("[data-method=relevance]")
    assert card.locator(".head").all_inner_texts() == ["church", "golf ball", "church − golf ball"]
    scales = [each.locator(".number").all_inner_texts() for each in card.locator(".scale").all()]
    assert scales[0] == scales[1]
    assert scales[2][0] == f"−{scales[2][1]}"
    assert page.locator("[data-method=rollout] .map").count() == 1
    page.wait_for_function("location.search.includes('target=1') && location.search.includes('against=3')")
    assert page.page.locator("[data-class=against] option[value='1']").is_disabled()  # there once


def test_a_map_that_is_nearly_the_same_everywhere_says_so(visit, monkeypatch):
    def alike(route):  # of the two maps that come first, one is flat but for a patch, one is not
        answer = route.fetch()
        numbers = np.frombuffer(answer.body(), "<f4").copy()
        numbers[:128] = 0.5
        numbers[[7, *range(64, 96)]] = 0
        route.fulfill(response=answer, body=numbers.tobytes())

    page = visit().shown()
    page.page.route("**/maps.bin", alike)
    page.click("#tab-methods")
    page.wait_for_selector("#view-methods[data-state=ready] .card", timeout=60_000)
    assert page.locator(".view-methods .alike").all_inner_texts()[0] == (
        "Nine patches in ten have 0.500 to 0.500: this map hardly tells them apart."
    )
    assert [page.locator(f"{CARDS}:has(.map) >> nth={n}").locator(".alike").count() for n in (0, 1)] == [1, 0]


def test_the_address_opens_to_the_same_two_classes(visit):
    page = _open(visit, "&target=1&against=3")
    heading = "document.querySelector('.view-methods h2').textContent"
    page.wait_for_function(f"{heading} === 'Made for church against golf ball'")
    page.locator("[data-example]").nth(1).click()  # another photo: its own likeliest class
    page.wait_for_function("!document.querySelector('.view-methods h2').textContent.includes('against')")
    page.wait_for_function("!location.search.includes('against')")


def test_a_class_that_is_none_is_a_sentence_and_the_way_on_is_open(visit):
    page = visit("?view=methods&target=99").shown()
    page.wait_for_selector("#view-methods[data-state=error]")
    assert "Class 99 is not in 0 to 3" in page.inner_text("#view-methods .sorry")
    page.click("#view-methods .sorry button")
    page.wait_for_selector("#view-methods[data-state=ready]")


def test_a_map_is_enlarged_and_read_by_keys(visit):
    page = _open(visit)
    page.page.focus("[data-method=raw] .map")
    page.keyboard.press("Enter")
    reading = ".view-methods .large .reading"
    assert "(rank 1 of 64)" in page.inner_text(reading)
    most = page.locator(".view-methods .large .scale .number").last.inner_text()
    assert page.inner_text(reading).startswith(f"{most} · ")
    before = page.inner_text(reading)
    page.page.focus(".view-methods .large .lines")
    for key in ("ArrowLeft", "ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert page.inner_text(reading) != before
    page.keyboard.press("Escape")
    assert not page.locator(".view-methods .large").is_visible()
    assert page.evaluate("document.activeElement.matches('[data-method=raw] .map')")


def test_the_truth_check_says_what_python_says(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit import load_model
    from vit.methods import get_method
    from vit.truth.check import check
    from vit.ui.views.methods import STEPS

    page = _open(visit, photo=photos[0])
    page.click(".view-methods [data-act=check]")
    page.wait_for_selector(f"{FOUND}:not([hidden])", timeout=120_000)
    expected = check(load_model("standin_vit"), load_image(photos[0]), steps=STEPS)
    quick = [found for found in expected.results if not get_method(found.method).slow]
    rows = [row.locator("td").all_inner_texts() for row in page.locator(f"{FOUND} tbody tr").all()]
    assert len(rows) == len(quick)
    gains = [float(row[2].replace("−", "-")) for row in rows]
    assert gains == pytest.approx([found.gain for found in quick], abs=0.002)
    assert [row[5] for row in rows] == [found.words for found in quick]
    assert expected.label in page.inner_text(f"{FOUND} .what")
    curve = page.locator(f"{FOUND} svg").first
    told = curve.get_attribute("aria-valuetext")
    curve.focus()
    page.keyboard.press("End")
    assert curve.get_attribute("aria-valuetext") != told
    assert "100%" in curve.get_attribute("aria-valuetext")
    box = curve.bounding_box()
    page.mouse.move(box["x"] + (44 + 306 / 2) / 360 * box["width"], box["y"] + 0.5 * box["height"])
    assert curve.get_attribute("aria-valuetext").startswith("At 50%")
    page.locator(f"{FOUND} tbody button").nth(3).click()
    assert rows[3][1] in page.inner_text(f"{FOUND} figcaption >> nth=0")
    assert "Area" in page.inner_text(f"{FOUND} .summary >> nth=0")


def _amid(page, button: str) -> None:
    """Presses a button as soon as a question says how far it is: by itself, as the question may end at any moment."""
    page.wait_for_function(f"""() => {{
        const doing = document.querySelector(".view-methods .doing");
        const amid = /\\d+ of \\d+/.test(doing.textContent) && !doing.hidden;
        if (amid) document.querySelector("{button}").click();
        return amid;
    }}""")


def test_a_truth_check_can_be_cancelled_and_the_maps_stay(visit):
    page = _open(visit)
    page.click(".view-methods [data-act=check]")
    _amid(page, ".view-methods [data-act=cancel]")
    assert page.get_attribute("#view-methods", "data-state") == "ready"
    assert not page.locator(".view-methods .doing").is_visible()
    assert page.locator(".view-methods [data-act=check]").is_visible()
    assert not page.locator(FOUND).is_visible() and all(_painted(page))


def test_a_truth_check_ends_where_its_view_is_left(visit):
    page = _open(visit)
    page.evaluate("""() => {
        const { stop } = attentionLinks.methods;
        attentionLinks.methods.stop = () => { window.ended = true; stop(); };
    }""")
    page.click(".view-methods [data-act=check]")
    _amid(page, "#tab-explore")
    assert page.evaluate("window.ended")
    page.click("#tab-methods")
    assert page.get_attribute("#view-methods", "data-state") == "ready"
    assert page.is_visible(".view-methods [data-act=check]") and all(_painted(page))


def test_no_check_begins_while_maps_of_another_class_are_on_their_way(visit):
    page = _open(visit)
    page.evaluate("attentionLinks.methods.ask = () => {}")
    page.select_option(".view-methods [data-class=target] select", index=1)
    assert page.locator(".view-methods .maps[data-old]").count() == 2
    assert page.is_disabled(".view-methods [data-act=check]")
    page.click(".view-methods [data-act=cancel]")
    assert page.is_enabled(".view-methods [data-act=check]")


def test_maps_that_do_not_come_through_can_be_asked_for_again(visit):
    page = visit().shown()
    page.page.route("**/maps.bin", lambda route: route.abort())
    page.click("#tab-methods")
    page.wait_for_selector("#view-methods[data-state=error]")
    assert "didn’t come through" in page.inner_text("#view-methods .sorry p")
    page.page.unroute("**/maps.bin")
    page.click("#view-methods .sorry button")
    page.wait_for_selector("#view-methods[data-state=ready] .map")
    assert all(_painted(page)) and not page.is_visible(".view-methods .wrong")
    page.errors.clear()  # the browser's own line


def test_nothing_on_a_german_page_is_in_english(visit):
    page = _open(visit, locale="de-DE")
    page.click("[data-method=rollout] .map")
    assert "Schichten" in page.inner_text(".view-methods .large .means")
    assert not page.inner_text(".view-methods .large .caption") and not page.get_attribute(".card .map", "title")


def test_a_windowed_model_has_maps_and_a_label_stays_text(visit):
    page = _open(visit, "&model=standin_swin&target=0")
    assert page.locator(f"{CARDS} .map").count() == 8
    assert LABELS[0] in page.inner_text(".view-methods h2")
    assert page.evaluate("window.hacked") is None
    assert "without the identity" in page.get_attribute("[data-method=relevance] .map", "title")


def test_what_the_mean_of_all_patches_looks_at_is_what_all_look_at_and_is_checked_once(visit):
    told = {}
    for model in ("standin_swin", "standin_vit"):
        page = _open(visit, f"&model={model}")
        told[model] = [page.inner_text(f"[data-method={name}] .means") for name in ("raw", "received")]
        page.click(".view-methods [data-act=check]")
        page.wait_for_selector(f"{FOUND} tbody tr")
        checked = page.locator(f"{FOUND} tbody button").all_inner_texts()
        assert ("Attention received" in checked) == (model == "standin_vit") and "Attention" in checked
    (average, same), (answer, other) = told.values()
    assert "the average patch" in average and "the answer’s token" in answer
    assert "the same map as Attention" in same and "same map" not in other


def test_nothing_scrolls_sideways_on_a_phone(visit):
    page = _open(visit, "&target=1&against=3", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("[data-method=relevance] .map >> nth=2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".view-methods .large").bounding_box()["width"] <= 390


def _open(visit, query: str = "", photo=None, **context):
    page = visit(f"?view=methods{query}", **context).shown()
    if photo:
        page.give(photo)
        page.shown("ready")
    page.wait_for_selector("#view-methods[data-state=ready] .card", timeout=60_000)
    page.frame()
    return page


def _painted(page) -> np.ndarray:
    """Whether each card's canvas has colours on it."""
    code = """[...document.querySelectorAll('.view-methods .map canvas')].map((canvas) =>
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte))"""
    return np.array(page.evaluate(code))

"""The Tokens view in a browser: what it says and paints is what the measures find, without a request while pointing."""

import re
from typing import Any

import numpy as np
import pytest

from vit.image import load_image

pytestmark = pytest.mark.browser
VIEW = ".view-tokens"
MIDDLE = (4, 4)  # of 8 × 8: where the view begins to point


def _open(visit, path, part: str = "norms", query: str = "", **how) -> Any:
    page = visit(f"?view=tokens&tokens={part}{query}", **how).shown()
    page.give(path)
    page.shown("ready")
    page.wait_for_selector(f"{VIEW}[data-state=ready]")
    page.wait_for_function(f"document.querySelector('{VIEW} .told').textContent.trim()")
    page.wait_for_function(f"document.querySelector('{VIEW} .warm').width > 1")
    page.frame()
    return page


def _measured(weights, monkeypatch, path, name: str, **options) -> Any:
    """What the measure finds in the very photo and model that the page shows."""
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    from vit.analysis import Analysis

    return Analysis().measure(load_image(path), "standin_vit", name, **options)


def _point(page, row: int, col: int) -> None:
    box = page.locator(f"{VIEW} .lines").bounding_box()
    page.mouse.move(box["x"] + box["width"] * (col + 0.5) / 8, box["y"] + box["height"] * (row + 0.5) / 8)
    page.frame()


def _numbers(text: str) -> list[float]:
    return [float(each.replace("−", "-")) for each in re.findall(r"[−\d]+\.?\d*", text)]


def _painted(page) -> np.ndarray:
    code = """(canvas) => [...canvas.getContext("2d").getImageData(0, 0, 8, 8).data]"""
    return np.array(page.locator(f"{VIEW} .warm").evaluate(code)).reshape(8, 8, 4)


def test_norms_and_outliers_are_the_measures(visit, photos, weights, monkeypatch):
    page = _open(visit, photos[0])
    found = _measured(weights, monkeypatch, photos[0], "norms")
    row, col, norm, *_ = _numbers(page.inner_text(f"{VIEW} .told"))
    assert (row - 1, col - 1) == MIDDLE
    assert norm == pytest.approx(float(found.norms[1 + 4 * 8 + 4]), rel=0.005)
    least, most = (_numbers(page.inner_text(f"{VIEW} .key .{end}"))[0] for end in ("least", "most"))
    highest = max(float(found.norms[1:].max()), float(found.threshold))  # only what stands out is to glow
    assert (least, most) == pytest.approx((float(found.median), highest), rel=0.005)
    fewer = _measured(weights, monkeypatch, photos[0], "norms", k=1.0)
    page.locator(f"{VIEW} [data-set=k]").fill("1")
    page.frame()
    said = page.inner_text(f"{VIEW} [data-part=norms] .summary")
    assert f"{len(fewer.outliers)} patches are above {_three(fewer.threshold)}:" in said
    for k in np.arange(1.5, 10.5, 0.5):  # until there is one
        one = _measured(weights, monkeypatch, photos[0], "norms", k=float(k))
        if len(one.outliers) > 1:
            continue
        page.locator(f"{VIEW} [data-set=k]").fill(str(k))
        page.frame()
        said = page.inner_text(f"{VIEW} [data-part=norms] .summary")
        assert f"{'One' if one.outliers else 'No'} patch is above {_three(one.threshold)}" in said
        break
    page.locator(f"{VIEW} [data-set=k]").fill("1")
    page.frame()
    before = _painted(page)
    page.click(f"{VIEW} [data-value=leave]")
    page.frame()
    assert fewer.outliers and (_painted(page)[fewer.mask.numpy()][:, 3] == 0).all() and (before != _painted(page)).any()
    assert _numbers(page.inner_text(f"{VIEW} .key .most"))[0] == pytest.approx(
        float(found.norms[1:][found.norms[1:] <= fewer.threshold].max()), rel=0.005
    )


def test_the_lens_says_what_the_measure_reads_and_follows_another_class(visit, photos, weights, monkeypatch):
    page = _open(visit, photos[0], "lens")
    found = _measured(weights, monkeypatch, photos[0], "lens", target=2)
    cells = page.evaluate(
        f"[...document.querySelectorAll('{VIEW} .answers tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    token = 1 + 4 * 8 + 4
    for number, (layer, answer, share, other, sure) in enumerate(cells):
        assert layer == str(number + 1)
        assert answer == found.labels[int(found.logits[number].argmax())]
        assert _numbers(share)[0] == pytest.approx(100 * float(found.probabilities[number].max()), abs=0.06)
        assert other == found.labels[int(found.classes[number][token])]
        assert _numbers(sure)[0] == pytest.approx(100 * float(found.sure[number][token]), abs=0.06)
    page.page.select_option(f"{VIEW} [data-set=target]", "2")
    page.wait_for_function(
        f"document.querySelector('{VIEW} [data-part=lens] .summary').textContent.includes('parachute would')"
    )
    share = _numbers(page.inner_text(f"{VIEW} .told"))[-1]
    assert share == pytest.approx(100 * float(found.followed[-1][token]), abs=0.06)
    assert not page.evaluate("window.hacked")  # a label's own HTML stays text


def test_similarity_follows_the_pointer_without_a_request(visit, photos, weights, monkeypatch):
    page = _open(visit, photos[0], "alike")
    page.wait_for_function(f"document.querySelector('{VIEW} .key .most').textContent")
    asked, before = len(page.requests), _painted(page)
    _point(page, 1, 6)
    assert (_painted(page) != before).any()
    found = _measured(weights, monkeypatch, photos[0], "patches", patch=(1, 6))
    others = np.delete(found.cosines[1:].numpy(), 8 + 6)
    ends = [_numbers(page.inner_text(f"{VIEW} .key .{end}"))[0] for end in ("least", "most")]
    assert ends == pytest.approx([others.min(), others.max()], abs=0.0051)
    box = page.locator(f"{VIEW} .lines").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 6.5 / 8, box["y"] + box["height"] * 1.5 / 8)
    _point(page, 5, 2)  # held: the pointer reads now
    told = page.inner_text(f"{VIEW} .told")
    assert told.startswith("Cosine of row 6, column 3 with row 2, column 7: ")
    assert _numbers(told)[4] == pytest.approx(float(found.cosines[1 + 5 * 8 + 2]), abs=0.0051)
    assert len(page.requests) == asked


def test_colours_are_the_measures_and_the_keyboard_moves_the_patch(visit, photos, weights, monkeypatch):
    page = _open(visit, photos[0], "colours", "&after=0")
    found = _measured(weights, monkeypatch, photos[0], "pca", layer=-3)
    page.locator(f"{VIEW} [data-set=opacity]").fill("1")
    page.frame()
    assert np.abs(_painted(page)[:, :, :3] / 255 - found.colours[0].numpy()).max() < 0.01
    page.page.focus(f"{VIEW} .lines")
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.frame()
    told = _numbers(page.inner_text(f"{VIEW} .told"))
    assert told[:2] == [4, 7]
    assert told[2:5] == pytest.approx((100 * found.colours[0][3, 6]).tolist(), abs=1)
    page.keyboard.press("]")
    page.wait_for_function(
        f"document.querySelector('{VIEW} [data-part=colours] .summary').textContent.includes('layer 2')"
    )
    page.wait_for_function("location.search.includes('after=1')")


def test_what_a_model_lacks_is_a_sentence_in_place_of_the_picture(visit):
    page = visit("?model=standin_swin&view=tokens&tokens=lens").shown()
    page.wait_for_selector(f"{VIEW}[data-state=ready]")
    page.wait_for_function(f"document.querySelector('{VIEW} .positions .refused').textContent")
    assert "no position embeddings" in page.inner_text(f"{VIEW} .positions .refused")
    assert not page.is_visible(f"{VIEW} .positions canvas") and page.is_visible(f"{VIEW} .filters canvas")
    page.locator(f"{VIEW} [data-set=block]").fill("1")
    page.frame()
    assert "another width" in page.inner_text(f"{VIEW} .why")


@pytest.mark.parametrize(("query", "locale"), [("&present=1", "en-GB"), ("", "de-DE")])
def test_the_sliders_number_has_its_own_room(visit, photos, query, locale):
    page = _open(visit, photos[0], query=query, locale=locale)
    number, button = [
        page.locator(f"{VIEW} [data-part=norms] {part}").bounding_box() for part in ("output", "[data-pick=outliers]")
    ]
    aside = button["x"] - (number["x"] + number["width"])
    assert aside >= 8 or button["y"] >= number["y"] + number["height"]


@pytest.mark.parametrize("part", ["norms", "lens", "colours", "alike"])
def test_a_phone_scrolls_in_one_direction_only(visit, photos, part):
    page = _open(visit, photos[1], part, width=390, height=844, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "Click" not in page.inner_text(VIEW)  # a finger has no such thing
    nameless = page.locator(VIEW).evaluate("""(view) => {
        const words = (e) => [e.getAttribute("aria-label"), e.innerText, e.labels?.[0]?.innerText];
        return [...view.querySelectorAll("button, input, select, canvas[tabindex], [role=img]")]
            .filter((e) => e.offsetParent && !words(e).some((text) => text?.trim())).map((e) => e.outerHTML);
    }""")
    assert nameless == []


def _three(value: float) -> str:
    return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"

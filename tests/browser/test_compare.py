"""The Compare view in a browser: two sides, one place, one scale, each with its own record."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import HOSTILE
from vit.ui.examples import FOLDER, examples

pytestmark = pytest.mark.browser
SIDES = ('.view-compare [data-side="0"]', '.view-compare [data-side="1"]')
FILE = ".view-compare input[type=file]"


def _ready(page) -> None:
    page.wait_for_selector("#view-compare[data-state=ready]")
    for side in SIDES:  # a map, or a sentence
        page.wait_for_function(
            f"""document.querySelector('{side} .most').textContent
                || !document.querySelector('{side} .why').hidden"""
        )
    page.frame()


def _hover(page, side: int, y: float, x: float) -> None:
    box = page.locator(f"{SIDES[side]} .point").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.frame()


def _glow(page, side: int) -> str:
    return page.evaluate(f"document.querySelector('{SIDES[side]} .glow').toDataURL()")


def _words(page, part: str) -> list[str]:
    return [page.inner_text(f"{side} {part}") for side in SIDES]


def _press(page, group: str, value: str) -> None:
    page.click(f'.view-compare [data-pick="{group}"] [data-value="{value}"]')
    page.frame()


def test_a_place_in_one_model_is_asked_about_in_both_each_on_its_own_grid(visit):
    page = visit("?view=compare&beside=model:standin_swin").shown()
    _ready(page)
    assert _words(page, "h2") == ["standin_vit", "standin_swin"]
    before = [_glow(page, side) for side in (0, 1)]
    page.requests.clear()
    _hover(page, 1, 0.30, 0.70)
    assert all(_glow(page, side) != before[side] for side in (0, 1))
    # 8 × 8 patches of the ViT, and 8 × 8 of the Swin's last stage; 16 × 16 in its first.
    assert "row 3, column 6" in _words(page, ".words")[0]
    page.locator(".view-compare input[type=range]").fill("1")
    _hover(page, 0, 0.30, 0.70)
    first, second = _words(page, ".words")
    assert "layer 1" in first and "row 3, column 6" in first
    assert "layer 1" in second and "row 5, column 12" in second
    assert page.requests == []


def test_the_shares_shown_are_those_of_the_second_record(visit, weights, monkeypatch):
    from vit import load_image, load_model, record_attention

    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    page = visit("?view=compare&beside=model:standin_deit").shown()
    _ready(page)
    _hover(page, 0, 0.40, 0.60)  # row 4, column 5 of 8
    layer = record_attention(load_model("standin_deit"), load_image(FOLDER / examples()[0].path.name)).layers[-1]
    row = layer.weights[0, :, 2 + 3 * 8 + 4].mean(0)  # from that patch: CLS, DIST, then patches row by row
    shown = float(page.inner_text(f"{SIDES[1]} .here").split("%")[0]) / 100
    assert shown == pytest.approx(float(row[2 + 3 * 8 + 4]), abs=0.01 * float(row.max()))


def test_a_place_that_is_held_in_explore_is_asked_about_at_first(visit):
    page = visit("?query=2,5").shown()
    page.click("#tab-compare")
    _ready(page)
    assert all("from row 3, column 6" in line for line in _words(page, ".words"))


def test_one_scale_for_both_unless_each_is_to_have_its_own(visit):
    page = visit("?view=compare").shown()
    _ready(page)
    ends = _words(page, ".most")
    assert ends[0] == ends[1] and _words(page, ".kind") == ["shared scale", "shared scale"]
    _press(page, "scale", "own")
    own = _words(page, ".most")
    assert own[0] != own[1] and ends[0] in own  # the shared scale ends at the larger of the two


def test_a_map_that_is_hardly_seen_says_so_and_offers_its_own_scale(visit):
    page = visit("?view=compare&beside=model:standin_swin").shown()  # among fewer tokens each gets a larger share
    _ready(page)
    page.locator(".view-compare input[type=range]").fill("1")
    page.frame()
    _press(page, "scale", "own")
    own = _words(page, ".most")
    sizes = [float(end.removesuffix("%")) for end in own]
    _press(page, "scale", "shared")
    seen = [page.is_visible(f"{side} .weak") for side in SIDES]
    assert seen == [size < max(sizes) / 3 for size in sizes] and any(seen)
    faint = seen.index(True)
    said = page.inner_text(f"{SIDES[faint]} .weak span")
    assert said == f"weak on this scale: largest {own[faint]} of {own[1 - faint]}"
    page.click(f"{SIDES[faint]} .weak button")
    page.frame()
    assert _words(page, ".most") == own and not page.is_visible(f"{SIDES[faint]} .weak")
    assert page.evaluate("document.activeElement.dataset.value") == "own"


def test_layers_go_by_share_of_depth_and_heads_as_far_as_both_have_them(visit):
    page = visit("?view=compare&beside=model:standin_deit").shown()  # 3 layers of 3 heads, 2 of 2
    _ready(page)
    assert page.locator('.view-compare [data-pick="head"] button').count() == 3 + 2
    _press(page, "head", "1")
    assert all("head 2" in words for words in _words(page, ".words"))
    assert page.inner_text(".view-compare output") == "100% · layer 3 of 3, layer 2 of 2"
    page.locator(".view-compare input[type=range]").fill("1")
    page.frame()
    assert ["layer 1" in words for words in _words(page, ".words")] == [True, True]
    page.locator(".view-compare input[type=range]").fill("2")  # two thirds: layer 2 of 3, and layer 2 of 2
    page.frame()
    assert ["layer 2" in words for words in _words(page, ".words")] == [True, True]
    _press(page, "method", "rollout")
    assert all("rollout of layers 1 to 2, mean of all heads" in words for words in _words(page, ".words"))
    _press(page, "method", "received")
    assert all("received in layer 2" in words for words in _words(page, ".words"))


def test_two_photos_stand_at_their_own_shapes(visit, photos):
    page = visit("?view=compare&beside=photo:cat").shown()
    _ready(page)
    page.set_input_files(FILE, photos[1])
    page.wait_for_function(f"document.querySelector('.view-compare .own').textContent === '{photos[1].name}'")
    _ready(page)
    with Image.open(photos[1]) as photo:
        width, height = photo.size
    box = page.locator(f"{SIDES[1]} .scene").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)
    box = page.locator(f"{SIDES[0]} .scene").bounding_box()
    with Image.open(examples()[0].path) as photo:
        assert box["width"] / box["height"] == pytest.approx(photo.width / photo.height, rel=0.01)
    assert page.evaluate(f"document.querySelector('{SIDES[1]} img').naturalWidth / {width}") == pytest.approx(
        1, rel=0.01
    )


def test_a_second_photo_that_is_none_is_a_sentence_and_another_can_be_chosen(visit, tmp_path):
    page = visit("?view=compare&beside=photo:cat").shown()
    _ready(page)
    bad = tmp_path / "holiday.png"
    bad.write_text("not a picture at all")
    page.set_input_files(FILE, bad)
    page.wait_for_selector(f"{SIDES[1]} .why:not([hidden])")
    assert "JPEG" in page.inner_text(f"{SIDES[1]} .why")
    assert not page.is_visible(f"{SIDES[1]} .scene") and page.is_visible(f"{SIDES[0]} .scene")
    page.click('[data-photo="flower"]')
    page.wait_for_selector(f"{SIDES[1]} .scene", state="visible")
    _ready(page)


def test_a_file_on_its_way_gives_way_to_a_later_choice_and_can_be_stopped(visit, photos, unseen):
    page = visit("?view=compare&beside=photo:cat").shown()
    _ready(page)
    held: list = []
    page.page.route("**/upload*", lambda route: held.append(route))
    page.set_input_files(FILE, unseen)
    page.wait_for_selector("#view-compare[data-state=busy]")
    page.click("#view-compare [data-act=stop]")
    page.wait_for_selector("#view-compare[data-state=stopped]")
    page.set_input_files(FILE, photos[0])
    page.wait_for_function("document.querySelector('#view-compare').dataset.state === 'busy'")
    page.click('[data-photo="flower"]')
    _ready(page)
    for route in held:
        route.continue_()
    page.page.wait_for_timeout(800)
    assert page.get_attribute('[data-photo="flower"]', "aria-pressed") == "true"
    assert page.get_attribute("#view-compare", "data-state") == "ready"
    page.errors.clear()


def test_an_unknown_model_is_a_sentence_and_another_can_be_chosen(visit):
    page = visit("?view=compare&beside=model:no_such_model").shown()
    _ready(page)
    assert "no_such_model" in page.inner_text(f"{SIDES[1]} .why")
    page.select_option(".view-compare select", "standin_swin")
    page.wait_for_selector(f"{SIDES[1]} .scene", state="visible")
    _ready(page)
    assert _words(page, "h2") == ["standin_vit", "standin_swin"]


def test_a_model_is_found_by_a_part_of_its_name(visit):
    page = visit().shown()
    page.evaluate("""() => {
        const { viewAnswer } = attentionExplorer; // without a network there are the bundled models only
        const more = Array.from({ length: 1000 }, (_, n) => [`model_${n}`, `model_${n}`]);
        attentionExplorer.viewAnswer = (name, value) => {
            viewAnswer(name, value?.models ? { ...value, models: [...value.models, ...more] } : value);
        };
    }""")
    page.open_view("compare")
    _ready(page)
    select, search = ".view-compare select", ".view-compare .find"
    names = page.eval_on_selector_all(f"{select} option", "(all) => all.map((option) => option.value)")
    assert len(names) == 1003 and names[:3] == ["standin_vit", "standin_deit", "standin_swin"]
    page.fill(search, "in_SWIN")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('{SIDES[1]} h2').textContent === 'standin_swin'")
    assert page.input_value(select) == "standin_swin" and page.input_value(search) == ""
    _ready(page)
    page.fill(search, "no such model")
    page.keyboard.press("Enter")
    assert "no such model" in page.locator(search).evaluate("(field) => field.validationMessage")
    assert page.input_value(select) == "standin_swin" and _words(page, "h2")[1] == "standin_swin"
    # What is picked from the list comes as a whole name that nobody typed.
    page.locator(search).evaluate("(e) => { e.value = 'standin_deit'; e.dispatchEvent(new Event('input')); }")
    page.wait_for_function(f"document.querySelector('{SIDES[1]} h2').textContent === 'standin_deit'")


def test_the_address_restores_the_comparison(visit):
    page = visit("?view=compare").shown()
    _ready(page)
    page.select_option(".view-compare select", "standin_swin")
    page.wait_for_function(f"document.querySelector('{SIDES[1]} h2').textContent === 'standin_swin'")
    _ready(page)
    page.locator(".view-compare input[type=range]").fill("2")
    _press(page, "method", "rollout")
    _press(page, "head", "max")
    _press(page, "scale", "own")
    _hover(page, 0, 0.3, 0.7)
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(2, 2)
    page.wait_for_function("location.search.includes('place=')")
    again = visit(page.evaluate("location.search")).shown()
    _ready(again)
    assert _words(again, ".words") == _words(page, ".words") and "from row 3, column 6" in _words(again, ".words")[0]
    assert [_glow(again, side) for side in (0, 1)] == [_glow(page, side) for side in (0, 1)]


def test_nonsense_in_the_address_is_ignored(visit):
    page = visit("?view=compare&beside=weather&how=x&depth=7&heads=99&scale=-&place=%3Cimg%3E,2").shown()
    _ready(page)
    assert all("mean of all heads, from " in words for words in _words(page, ".words"))


def test_the_keyboard_moves_keeps_and_lets_go(visit):
    page = visit("?view=compare").shown()
    _ready(page)
    page.page.focus(f"{SIDES[0]} .point")
    for key in ("ArrowUp", "ArrowLeft", "Enter", "ArrowDown"):
        page.keyboard.press(key)
    page.frame()
    assert all("from row 4, column 4" in words for words in _words(page, ".words"))  # kept; 8 × 8, from the middle
    assert all("row 5, column 4" in here for here in _words(page, ".here"))
    page.wait_for_function("document.querySelector('.spoken').textContent.includes('row 5, column 4')")
    assert page.inner_text(".spoken").count("standin_") == 2
    page.keyboard.press("Escape")
    page.frame()
    assert all("from row 5, column 4" in words for words in _words(page, ".words"))


def test_two_pages_never_show_each_others_photos(visit, photos):
    pages = [visit("?view=compare&beside=photo:cat").shown() for _ in photos]
    for page, path in zip(pages, photos, strict=True):
        page.set_input_files(FILE, path)
    for page, path in zip(pages, photos, strict=True):
        page.wait_for_function(f"document.querySelector('.view-compare .own').textContent === '{path.name}'")
        _ready(page)
        with Image.open(path) as photo:
            small = np.asarray(photo.convert("RGB").resize((8, 8)), dtype=float)
        code = f"""() => {{
            const canvas = Object.assign(document.createElement("canvas"), {{ width: 8, height: 8 }});
            const pen = canvas.getContext("2d");
            pen.imageSmoothingQuality = "high";
            pen.drawImage(document.querySelector('{SIDES[1]} img'), 0, 0, 8, 8);
            return [...pen.getImageData(0, 0, 8, 8).data];
        }}"""
        seen = np.array(page.evaluate(code), dtype=float).reshape(8, 8, 4)[..., :3]
        assert np.abs(seen - small).mean() < 12


def test_hostile_labels_and_file_names_stay_text(visit, photos, tmp_path):
    page = visit("?view=compare&beside=photo:cat").shown()
    _ready(page)
    given = tmp_path / "<img src=x onerror=hacked=1>${1+1}.jpg"
    shutil.copy(photos[0], given)
    page.set_input_files(FILE, given)
    page.wait_for_function("document.querySelector('.view-compare .own').textContent.includes('onerror')")
    _ready(page)
    for answer in ('[data-answer="0"]', '[data-answer="1"]'):
        assert HOSTILE in page.locator(f".view-compare {answer} .label").all_inner_texts()
        assert not page.locator(f".view-compare {answer} img").count()
    assert page.inner_text(".view-compare .own") == given.name
    assert page.evaluate("window.hacked === undefined")


def test_another_photo_of_the_page_leaves_no_old_map(visit, photos):
    page = visit("?view=compare").shown()
    _ready(page)
    old = page.get_attribute(f"{SIDES[1]} img", "src")
    page.give(photos[0])
    page.wait_for_function(f"!document.querySelector('{SIDES[1]} img').hasAttribute('src')")
    _ready(page)
    assert page.get_attribute(f"{SIDES[1]} img", "src") not in (old, None)

"""How a photo gets in, and what becomes of one that is none."""

import re

import pytest
from PIL import Image

from vit.capture import record_attention
from vit.image import load_image
from vit.models import load_model

pytestmark = pytest.mark.browser


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


def test_a_server_that_is_gone_is_said_and_found_again(visit):
    page = visit().shown()
    page.context.set_offline(True)
    page.locator("[data-example]").nth(2).click()
    page.wait_for_selector('.explorer[data-state="error"]', timeout=30_000)
    assert page.inner_text(".message p") == "The server didn’t answer."
    assert page.locator("[data-act=again]").is_visible() and not page.pixels(99, 99).any()
    page.context.set_offline(False)  # Gradio looks for the server, and opens the page anew
    page.shown()
    page.errors.clear()  # the browser's own lines on requests that failed


def test_what_did_not_come_through_can_be_asked_for_again(visit, photos):
    page = visit().shown()
    page.page.route("**/attention.bin", lambda route: route.abort())
    for _ in range(2):
        page.give(photos[0])
        page.wait_for_selector('.explorer[data-state="error"]')
        assert page.inner_text(".message p") == "The maps didn’t come through."
    with page.page.expect_request("**/attention.bin"):
        page.click("[data-act=again]")
    page.wait_for_selector('.explorer[data-state="error"]')
    page.page.unroute("**/attention.bin")
    page.click("[data-act=again]")
    page.shown("ready")
    page.hover(0.5, 0.5)
    assert page.locator(".tooltip").is_visible()
    page.errors.clear()


def test_a_file_that_is_no_picture_leaves_no_map_and_no_retry(visit, tmp_path):
    page = visit().shown()
    (tmp_path / "notes.png").write_text("no picture")
    page.give(tmp_path / "notes.png")
    page.wait_for_selector('.explorer[data-state="error"]')
    assert not page.locator("[data-act=again]").is_visible()
    assert page.locator(".heat").evaluate("(canvas) => getComputedStyle(canvas).opacity") == "0"
    assert page.inner_text(".told") == ""
    assert page.locator("[data-save]:enabled").count() == 0


def test_an_example_is_one_click(visit):
    page = visit().shown()
    page.locator("[data-example]").nth(2).click()
    page.shown("ready")
    assert page.locator("[data-example]").nth(2).get_attribute("aria-current") == "true"
    assert not page.locator(".invite").is_visible()


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
        page.shown("ready")
        with Image.open(path) as photo:
            width, height = photo.size
        box = page.locator(".stage").bounding_box()
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)


def test_a_file_that_is_no_picture_leaves_a_way_back(visit, photos, tmp_path):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    page.slide("layer", 2)
    before = page.heat()
    for leave in ("click", "Escape"):
        bad = tmp_path / "notes.jpg"
        bad.write_text("no picture")
        page.give(bad)
        page.wait_for_selector('.explorer[data-state="error"]')
        assert page.inner_text(".message .code").startswith("Error code image-")
        if leave == "click":
            page.click("[data-act=back]")
        else:
            page.keyboard.press("Escape")
        page.shown("ready")
        page.mouse.move(2, 2)
        page.frame()
        assert page.heat() == before and not page.locator(".message").is_visible()
        assert page.locator(".answer li").count() == 4
    page.click("#tab-standin")
    page.wait_for_selector("#view-standin[data-state=ready]")


def test_two_visitors_never_see_each_others_photo_or_map(visit, photos, weights, monkeypatch):
    monkeypatch.setattr("vit.models.bundled.FOLDER", weights)
    model = load_model("standin_vit")
    answers = [record_attention(model, load_image(path)).top(2) for path in photos]
    own = ["\n".join(f"{label}\n{share:.1%}" for _, label, share in answer) for answer in answers]
    assert own[0] != own[1]
    pages = [visit().shown(), visit().shown()]
    for page, path in zip(pages, photos, strict=True):
        page.give(path)
    for page, path in zip(pages, photos, strict=True):
        page.shown("ready")
        shown = page.evaluate("((e) => [e.naturalWidth, e.naturalHeight])(document.querySelector('.photo'))")
        with Image.open(path) as photo:
            assert tuple(shown) == photo.size
    for page, words in zip(pages, own, strict=True):
        assert page.inner_text(".answer ol").startswith(words)


def test_a_photo_that_the_server_knows_is_not_sent_again(visit, unseen):
    page = visit().shown()
    page.give(unseen)
    page.shown("ready")
    assert sum("/gradio_api/upload" in url for url in page.requests) == 1
    page.hover(0.4, 0.6)
    heat, classes = page.heat(), page.inner_text(".answer ol")

    other = visit().shown()  # somebody else, with the same file
    before = len(other.requests)
    other.give(unseen)
    other.shown("ready")
    asked = other.requests[before:]
    assert not any("/gradio_api/upload" in url or "/queue/join" in url for url in asked)
    assert any("/component_server" in url for url in asked)
    other.hover(0.4, 0.6)
    assert other.heat() == heat and other.inner_text(".answer ol") == classes

    other.open_view("standin")  # a view needs the photo itself: it is brought now
    assert sum("/gradio_api/upload" in url for url in other.requests) == 1


def test_models_there_and_back_ask_the_server_for_no_work(visit):
    page = visit().shown()
    first = page.locator("#model input").input_value()
    for name in ("standin_deit", "standin_swin", first.split(" ")[0]):
        before = len(page.requests)
        page.click("#model input")
        page.locator("#model [role=option]", has_text=name).click()
        page.shown("ready")
    asked = page.requests[before:]
    assert not any("/queue/join" in url or "attention.bin" in url for url in asked)  # nor are the maps fetched again
    assert any("/component_server" in url for url in asked)
    page.hover(0.3, 0.4)
    assert page.locator(".tooltip").is_visible()


def test_without_sha256_a_photo_is_sent_as_ever(visit, photos):
    page = visit().shown()
    page.evaluate("Object.defineProperty(crypto, 'subtle', {value: undefined})")  # a page over plain HTTP has none
    for path in (photos[0], photos[1], photos[0]):
        page.give(path)
        page.shown("ready")
    assert sum("/gradio_api/upload" in url for url in page.requests) == 3


def _late(page, then: str) -> None:
    """From now on a question comes to the queue a second and a half late; ``then`` is what becomes of it there."""
    page.evaluate(f"""() => {{
        const real = window.fetch;
        window.fetch = async (...asked) => {{
            if (!String(asked[0]).includes("queue/join")) return real(...asked);
            await new Promise((done) => setTimeout(done, 1500));
            {then}
        }};
    }}""")


def test_a_late_question_takes_nothing_from_an_answer_that_was_at_hand(visit, photos, unseen, tmp_path):
    page = visit().shown()
    page.give(photos[1])
    page.shown("ready")  # the server knows it from now on
    _late(page, "return real(...asked);")
    with Image.open(unseen) as photo:
        photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "another.png")
    before = len(page.requests)
    page.give(unseen)  # is asked
    page.page.wait_for_timeout(300)
    page.give(tmp_path / "another.png")  # waits until that is answered
    page.page.wait_for_timeout(300)
    page.give(photos[1])
    page.shown("ready")
    page.page.wait_for_timeout(5000)  # Gradio asks what had waited
    assert sum("/queue/join" in url for url in page.requests[before:]) == 2
    page.shown("ready")
    assert not page.locator(".message").is_visible()
    with Image.open(photos[1]) as photo:
        width, height = photo.size
    box = page.locator(".stage").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.01)
    page.hover(0.4, 0.4)
    assert page.locator(".tooltip").is_visible()


def test_a_full_queue_is_said(visit, unseen):
    page = visit().shown()
    page.page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "Queue is full."}))
    page.give(unseen)
    page.wait_for_selector('.explorer[data-state="error"]')
    assert "can’t take another question just now" in page.inner_text(".message p")
    page.page.unroute("**/queue/join*")
    page.click("[data-act=again]")
    page.shown("ready")
    page.errors.clear()  # the browser's own line on the request that was refused


def test_what_is_asked_again_is_not_drawn_over_the_photo_before(visit, photos, unseen):
    page = visit().shown()
    page.give(photos[1])
    page.shown("ready")
    page.page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "Queue is full."}))
    page.give(unseen)
    page.wait_for_selector('.explorer[data-state="error"]')
    before = page.get_attribute(".photo", "src")  # the one before, dimmed
    page.page.unroute("**/queue/join*")
    held: list = []
    page.page.route(re.compile(r"photo[^/]*\.jpg"), lambda route: held.append(route))
    page.click("[data-act=again]")
    page.page.wait_for_timeout(1500)  # maps are here, the photo isn't
    assert held and page.get_attribute(".explorer", "data-state") == "busy" and not page.pixels(99, 99).any()
    for route in held:
        route.continue_()
    page.page.unroute(re.compile(r"photo[^/]*\.jpg"))
    page.shown("ready")
    assert page.get_attribute(".photo", "src") != before and page.pixels(99, 99).any()
    page.errors.clear()


def test_a_camera_that_was_asked_for_twice_is_on_once(visit):
    page = visit().shown()
    page.evaluate("""() => {
        window.streams = [];
        const given = () => {
            const stream = document.createElement("canvas").captureStream();
            streams.push(stream);
            return stream;
        };
        navigator.mediaDevices.getUserMedia = () => new Promise((done) => setTimeout(() => done(given()), 300));
    }""")
    page.click("[data-act=camera]")
    page.click("dialog.camera [data-act=close-camera]")
    page.click("[data-act=camera]")
    live = "streams.filter((stream) => stream.getTracks().some((track) => track.readyState === 'live')).length"
    page.wait_for_function("streams.length === 2")
    page.page.wait_for_timeout(100)
    assert page.evaluate(live) == 1
    page.click("dialog.camera [data-act=close-camera]")
    page.wait_for_function(f"{live} === 0")


def test_an_older_question_that_fails_takes_nothing_from_an_answer_that_was_at_hand(visit, photos, unseen):
    page = visit().shown()
    page.give(photos[1])
    page.shown("ready")  # the server knows it from now on
    _late(
        page, 'window.refused = true; return new Response(JSON.stringify({detail: "Queue is full."}), {status: 503});'
    )
    page.give(unseen)
    page.page.wait_for_timeout(500)
    page.give(photos[1])
    page.shown("ready")
    page.wait_for_function("window.refused")
    page.page.wait_for_timeout(1500)
    assert page.get_attribute(".explorer", "data-state") == "ready" and not page.locator(".message").is_visible()
    page.errors.clear()


def test_the_own_photo_stands_before_the_examples_and_leads_back_to_it(visit, photos, tmp_path):
    page = visit().shown()
    own = page.locator(".examples button:not([data-example])")
    assert own.count() == 0
    page.give(photos[0])
    page.shown("ready")
    shown = page.heat()
    assert own.get_attribute("aria-label").endswith(photos[0].name) and own.get_attribute("aria-current") == "true"
    assert page.locator(".examples [aria-current]").count() == 1
    page.locator("[data-example]").nth(3).click()
    page.wait_for_selector('[data-example][aria-current="true"]')
    page.shown("ready")
    assert own.get_attribute("aria-current") is None and page.heat() != shown
    own.click()
    page.wait_for_selector('.examples button:not([data-example])[aria-current="true"]')
    page.shown("ready")
    assert page.heat() == shown
    page.give(photos[1])  # the next one takes its place
    page.shown("ready")
    assert own.get_attribute("title") == photos[1].name
    (tmp_path / "notes.png").write_text("no picture")
    page.give(tmp_path / "notes.png")  # what is no photo gets no place
    page.wait_for_selector('.explorer[data-state="error"]')
    assert own.get_attribute("title") == photos[1].name and page.locator(".examples [aria-current]").count() == 0

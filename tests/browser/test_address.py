"""Models and addresses: another model for the same photo, and a view that can be sent to somebody."""

import pytest

from vit.ui.examples import examples

pytestmark = pytest.mark.browser


def test_another_model_for_the_same_photo(visit, photos):
    page = visit().shown()
    page.give(photos[0])
    page.shown("ready")
    before = page.heat()
    _choose_model(page, "standin_deit")
    page.wait_for_function("document.querySelector('.origin .words').textContent.includes('standin_deit')")
    page.shown("ready")
    assert page.heat() != before
    assert page.locator('[data-pick="query"] [data-value="dist"]').is_visible()
    assert "from the mean of CLS and DIST" in page.inner_text(".legend .words")
    page.pick("query", "dist")
    assert "from DIST" in page.inner_text(".legend .words")


def test_the_address_holds_the_view_and_opens_to_it(visit):
    page = visit().shown()
    page.slide("layer", 2)
    page.pick("head", "2")
    page.hover(2.5 / 8, 6.5 / 8)
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(2, 2)
    page.frame()
    page.wait_for_function("location.search.includes('query')")
    address = page.evaluate("decodeURIComponent(location.search)")
    assert {"model=standin_vit", "layer=1", "head=2", "query=2,6", "method=raw"} <= set(address.lstrip("?").split("&"))
    again = visit(address).shown()
    assert again.heat() == page.heat()
    assert "attention of layer 2, head 3, from row 3, column 7" in again.inner_text(".legend .words")


def test_the_address_holds_the_example_and_the_back_button_goes_through_the_views(visit, photos):
    page = visit("?photo=nothing").shown()
    assert page.get_attribute("[data-example][aria-current]", "data-example") == examples()[0].name
    page.click(f'[data-example="{examples()[2].name}"]')
    page.wait_for_function(f"location.search.includes('photo={examples()[2].name}')")
    page.shown("ready")
    again = visit(page.evaluate("location.search")).shown()
    assert again.get_attribute("[data-example][aria-current]", "data-example") == examples()[2].name
    assert again.heat() == page.heat()
    page.click("#tab-standin")
    page.click("#tab-lesson")
    page.page.go_back()
    page.wait_for_selector("#tab-standin[aria-selected=true]")
    page.page.go_back()
    page.wait_for_selector("#tab-explore[aria-selected=true]")
    page.page.go_forward()
    page.wait_for_selector("#tab-standin[aria-selected=true]")
    page.click(f'[data-example="{examples()[3].name}"]')
    page.wait_for_selector(f'[data-example="{examples()[3].name}"][aria-current]')
    page.shown("ready")
    page.page.go_back()  # to the view before, not to the photo before: the address follows what is shown
    page.wait_for_selector("#tab-explore[aria-selected=true]")
    page.wait_for_function(f"location.search.includes('photo={examples()[3].name}')")
    assert page.get_attribute("[data-example][aria-current]", "data-example") == examples()[3].name
    page.give(photos[0])
    page.shown("ready")
    page.wait_for_function("!location.search.includes('photo=')")  # one's own is in no address


def test_nonsense_in_the_address_is_ignored(visit):
    page = visit("?layer=99&head=-3&query=%3Cimg%3E&method=${1}").shown()
    assert "attention of layer 3, mean of all heads, from CLS" in page.inner_text(".legend .words")


def test_an_unknown_model_in_the_address_is_a_sentence_and_the_list_keeps_its_own(visit, photos):
    """Another spelling is another name: the sentence comes, and the next photo goes through the default model."""
    for wanted in ("no_such_model", "Standin_ViT"):
        page = visit(f"?model={wanted}")
        page.wait_for_selector('.explorer[data-state="error"]', timeout=30_000)
        assert wanted in page.inner_text(".message")
        assert page.input_value("#model input").startswith("standin_vit")
        if wanted == "no_such_model":
            page.click("[data-act=back]")  # the page as it opens without an address
            page.shown("example")
            assert page.input_value("#model input").startswith("standin_vit")
            continue
        page.give(photos[0])
        page.shown("ready")
        assert "standin_vit" in page.inner_text(".origin .words")


def test_who_passes_through_the_list_asks_nothing(visit, photos):
    page = visit().shown()
    page.focus("#model input")
    page.keyboard.press("ArrowDown")  # looked at, not picked
    page.wait_for_timeout(300)
    asked = len(page.requests)
    page.keyboard.press("Tab")
    page.wait_for_timeout(500)
    assert page.locator("#model .options").count() == 0
    page.click(".side h2, .answer")
    page.wait_for_timeout(500)
    assert not [url for url in page.requests[asked:] if "queue" in url]
    assert page.get_attribute(".explorer", "data-state") == "example"
    _choose_model(page, "standin_vit")  # the one that is shown: who picks it wants it asked once more
    page.wait_for_function("location.search.includes('standin_vit')")
    page.shown("ready")


def test_the_list_shows_the_model_that_the_address_opened(visit, photos):
    page = visit("?model=standin_deit").shown()
    page.wait_for_function("document.querySelector('#model input').value.startsWith('standin_deit')")
    opened = "(name) => window.attentionExplorer.openedModel({opening: true, model: 'opened'}, name)"
    assert page.evaluate(opened, "chosen") == "opened"
    page.give(photos[0])
    page.shown("ready")
    assert "standin_deit" in page.inner_text(".origin .words")
    assert page.evaluate(opened, "chosen") == "chosen"  # an opening that ends later changes nothing


def test_the_address_holds_what_rollout_was_told(visit):
    page = visit("?direction=by").shown()
    assert page.get_attribute('[data-pick="direction"] [data-value="by"]', "aria-checked") == "true"
    page.pick("method", "rollout")
    page.slide("first", 2)
    page.pick("fusion", "max")
    page.slide("residual", 0.2)
    page.slide("discard", 0.35)
    page.wait_for_function("location.search.includes('discard=0.35')")
    address = page.evaluate("location.search")
    told = {"direction=by", "first=1", "fusion=max", "residual=0.2", "discard=0.35", "method=rollout"}
    assert told <= set(address.lstrip("?").split("&")) and "last=" not in address
    again = visit(address).shown()
    for one in (page, again):
        one.pick("smooth", "false")  # a pixel a patch, whatever the stage's size
    assert again.heat() == page.heat()
    for name, usual in (("first", 1), ("residual", 0.5), ("discard", 0)):
        again.slide(name, usual)
    again.pick("fusion", "mean")
    again.wait_for_function("!/first|residual|discard|fusion/.test(location.search)")


def test_the_address_holds_the_looks(visit):
    page = visit().shown()
    assert not any(name in page.evaluate("location.search") for name in ("opacity", "colours", "smooth", "scale"))
    page.slide("opacity", 0.35)
    page.page.select_option("[data-set=colours]", "magma")
    page.pick("smooth", "false")
    page.pick("scale", "shared")
    page.wait_for_function("location.search.includes('scale=shared')")
    address = page.evaluate("location.search")
    assert {"opacity=0.35", "colours=magma", "smooth=false"} <= set(address.lstrip("?").split("&"))
    again = visit(address).shown()
    assert again.heat() == page.heat()
    assert again.inner_text(".legend .kind") == "shared scale" and again.inner_text(".legend .most").endswith("+")


def test_rollout_of_all_layers_stays_rollout_of_all_layers(visit):
    page = visit("?model=standin_deit&method=rollout").shown()
    assert "rollout of layers 1 to 2," in page.inner_text(".legend .words")
    _change_model(page, "standin_vit")
    assert "rollout of layers 1 to 3," in page.inner_text(".legend .words")
    page.slide("last", 2)
    assert "rollout of layers 1 to 2," in page.inner_text(".legend .words")
    _change_model(page, "standin_deit")
    _change_model(page, "standin_vit")
    # What is the whole of two layers became the whole of three; a chosen part stays.
    page.slide("first", 2)
    page.slide("last", 2)
    _change_model(page, "standin_deit")
    assert "rollout of layer 2," in page.inner_text(".legend .words")


def test_a_photo_that_the_server_has_cleaned_up_is_sent_again(visit, unseen, uploads):
    page = visit().shown()
    page.give(unseen)
    page.shown("ready")
    kept = list(uploads.rglob(unseen.name))
    assert kept
    for path in kept:
        path.unlink()
    _change_model(page, "standin_deit")
    assert not page.locator(".message").is_visible()
    assert list(uploads.rglob(unseen.name))


def _change_model(page, name: str) -> None:
    _choose_model(page, name)
    page.wait_for_function(f"document.querySelector('.origin .words').textContent.includes('{name}')")
    page.shown()


def _choose_model(page, name: str) -> None:
    page.click("#model input")
    whole = "(field) => field.selectionStart === 0 && field.selectionEnd === field.value.length"
    page.wait_for_function(f"({whole})(document.querySelector('#model input'))")  # what is typed replaces the name
    page.keyboard.type(name)
    page.locator("#model [role=option]").first.filter(has_text=name).wait_for()
    page.keyboard.press("Enter")

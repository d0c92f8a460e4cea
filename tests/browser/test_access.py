"""axe-core over every view, light and dark: nothing serious or critical."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import VIEWS

pytestmark = pytest.mark.browser
BAD = ("serious", "critical")


def _found(page) -> list[str]:
    """What axe-core finds on the page as it is: rule, impact, and where."""
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in found
        if rule["impact"] in BAD
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_serious_or_critical_finding(visit, scheme):
    page = visit(color_scheme=scheme).shown()
    for name in VIEWS:
        page.open_view(name)
        assert _found(page) == [], name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_over_the_page_has_none_either(visit, scheme):
    page = visit(color_scheme=scheme).shown()
    page.keyboard.press("?")
    page.wait_for_selector("dialog.help[open]")
    assert _found(page) == []


def test_the_measure_sees_text_that_does_not_stand_out(visit):
    page = visit().shown()
    page.evaluate("document.querySelector('.answer h2').style.color = '#ddd'")
    assert any("color-contrast" in line for line in _found(page))

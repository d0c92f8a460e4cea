"""Every view at a desk, on a phone, light and dark: nothing scrolls sideways, and a picture of each is kept."""

import pytest

from tests.browser.conftest import ROOT, VIEWS

pytestmark = pytest.mark.browser
SCREENS = ROOT / "artefacts" / "screens"
SIZES = {"desk": (1280, 800), "phone": (390, 844)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_view_fits_its_screen_and_is_kept_as_a_picture(visit, size, scheme):
    SCREENS.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[size]
    phone = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
    page = visit(width=width, height=height, color_scheme=scheme, **phone).shown()
    for name in VIEWS:
        page.open_view(name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("window.innerWidth") == width, name  # a phone makes room for what sticks out
        path = SCREENS / f"{name}-{size}-{scheme}.png"
        page.page.screenshot(path=path, full_page=size == "phone")
        assert path.stat().st_size > 10_000, name

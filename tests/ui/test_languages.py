"""The page's words: every language has the same keys, none is unused, none is missing."""

import re

import pytest

from vit.ui.languages import languages
from vit.ui.page import _TOOLS
from vit.ui.parts import PANEL, html, page_words, script, view_parts
from vit.ui.views import all_views

PLACES = re.compile(r"\{(\w+)\}")


def flat(sections: dict, before: str = "") -> dict[str, str]:
    """{"door.choose": "Choose a photo", …}"""
    words = {}
    for name, value in sections.items():
        words |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return words


ENGLISH = flat(languages()["en"])


@pytest.mark.parametrize("name", [name for name in languages() if name != "en"])
def test_a_language_says_everything_that_english_says(name):
    other = flat(languages()[name])
    assert set(other) == set(ENGLISH)
    for key, text in other.items():
        assert text.strip(), key
        assert set(PLACES.findall(text)) == set(PLACES.findall(ENGLISH[key])), key


def asked() -> tuple[set[str], list[re.Pattern]]:
    """The keys that the page asks for: whole ones, and patterns where a part is known only in the browser."""
    views = all_views()
    code = "\n".join([script(), *(view_parts(view, "en")["script"] for view in views)])
    sections = "|".join(languages()["en"])
    whole = re.findall(
        rf'"((?:{sections})\.[\w.]+)"', html(views) + PANEL + _TOOLS + code + "".join(view.html for view in views)
    )
    open_ended = re.findall(rf"`((?:{sections})\.[^`\s]*)`", code)
    return set(whole), [re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"\\w+", re.escape(key))) for key in open_ended]


def test_every_key_that_is_asked_for_is_there_and_none_is_unused():
    whole, patterns = asked()
    assert whole <= set(ENGLISH), sorted(whole - set(ENGLISH))
    used = whole | {key for key in ENGLISH if any(pattern.fullmatch(key) for pattern in patterns)}
    used |= {key for key in ENGLISH if key.removesuffix("_touch") in used}  # what a finger is told in its place
    assert used == set(ENGLISH), sorted(set(ENGLISH) - used)
    for pattern in patterns:
        assert any(pattern.fullmatch(key) for key in ENGLISH), pattern.pattern


@pytest.mark.parametrize("view", all_views(), ids=lambda view: view.name)
def test_a_view_asks_for_no_other_view_s_words(view):
    """They come with that view alone, and before it is opened there would be the key in their place."""
    parts = view_parts(view, "en")
    others = set(languages()["en"]) - set(page_words("en")) - {view.name}
    assert not re.findall(rf'["`](?:{"|".join(others)})\.[\w.$]+', parts["html"] + parts["script"])

"""What the What if view answers to what a browser sends, whatever it sends."""

from typing import Any

import pytest

from tests.families import photo, tiny_model
from vit.analysis import Analysis
from vit.errors import VitError
from vit.ui.views import Ask
from vit.ui.views.what_if import what_if


class Tiny(Analysis):
    """An analysis whose only model is a tiny one."""

    def model(self, name, say=None):
        return tiny_model(name)


def asked(**options: Any) -> dict:
    return what_if(Ask(Tiny(), photo(), "our vit", options, lambda line: None, ""))


def test_nothing_hidden_changes_nothing():
    found = asked()
    assert len(found["classes"]) == 5
    assert all(each["before"] == each["after"] for each in found["classes"])


def test_a_hidden_patch_and_a_silent_head_change_the_answer():
    for options in ({"grid": [4, 4], "hide": [5, 6]}, {"silence": [[0, 1], [1]]}):
        assert any(each["before"] != each["after"] for each in asked(**options)["classes"])


@pytest.mark.parametrize(
    "options",
    [
        {"grid": [4, 4], "hide": [16]},
        {"grid": [4, 4], "hide": ["<img>"]},
        {"grid": [4, 4], "hide": [True]},
        {"grid": [4]},
        {"grid": [0, 4]},
        {"grid": [10**9, 10**9]},
        {"grid": "4,4"},
        {"hide": {"0": 1}},
        {"silence": [[9]]},
        {"silence": [[0, 7]]},
        {"silence": [["0"]]},
        {"silence": [3]},
        {"silence": [[0, 1, 2]]},
    ],
)
def test_anything_else_is_a_sentence(options):
    with pytest.raises(VitError):
        asked(**options)

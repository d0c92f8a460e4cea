"""What the What if view answers to what a browser sends, whatever it sends."""

from typing import Any

import pytest
import torch

from tests.families import photo, tiny_model
from vit.ablation import what_if
from vit.analysis import Analysis
from vit.errors import VitError
from vit.ui.views import Ask
from vit.ui.views import what_if as view


class Tiny(Analysis):
    """An analysis whose only model is a tiny one."""

    def model(self, name, say=None):
        return tiny_model(name)


def asked(**options: Any) -> dict:
    return view.what_if(Ask(Tiny(), photo(), "our vit", options, lambda line: None, ""))


def test_nothing_hidden_changes_nothing():
    found = asked()
    assert len(found["classes"]) == 5
    assert all(each["before"] == each["after"] for each in found["classes"])


PATCHES = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)  # other ones when turned, mirrored or transposed


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"grid": [2, 4], "hide": [1, 4]}, {"hide": PATCHES}),
        ({"silence": [[0, 1]]}, {"silence": [(0, 1)]}),
        ({"silence": [[0, 0], [1]]}, {"silence": [(0, 0), (1, None)]}),
        ({"grid": [2, 4], "hide": [1, 4], "silence": [[1, 0]]}, {"hide": PATCHES, "silence": [(1, 0)]}),
    ],
)
def test_the_patches_and_heads_that_are_named_are_those_without_which_it_answers(options, changes):
    expected = what_if(tiny_model("our vit"), photo(), **changes).shares()
    assert any(before != after for _, _, before, after in expected)
    found = [(each["label"], each["before"], each["after"]) for each in asked(**options)["classes"]]
    assert found == [each[1:] for each in expected]


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

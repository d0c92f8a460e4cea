"""The page's list of models."""

import pytest

from vit.analysis import Analysis
from vit.errors import ModelError
from vit.ui.model_list import ModelList, choices, model_list


@pytest.fixture
def two_cards(monkeypatch):
    """Two bundled checkpoints, one of whose cards is damaged."""

    def card(name: str):
        if name == "damaged":
            raise ModelError("This card can't be read.")
        return type("Card", (), {"data": "Imagenette", "top1": 81.24})

    monkeypatch.setattr("vit.models.bundled.bundled_names", lambda: ["good", "damaged"])
    monkeypatch.setattr("vit.models.bundled.read_card", card)


class Listed(Analysis):
    names = ("good", "damaged", "vit_tiny_patch16_224.augreg_in21k")
    broken = False

    def models(self):
        if self.broken:
            raise ModelError("A card is damaged.")
        return [(name, "") for name in self.names]


def test_a_damaged_card_leaves_the_list_and_a_failure_is_not_kept(two_cards):
    analysis = Listed(offered=())
    whole = [("good · Imagenette, top-1 81.24%", "good"), *((name, name) for name in Listed.names[1:])]
    assert choices(analysis) == whole
    analysis.broken = True
    assert choices(analysis) == whole[:2]
    analysis.broken = False
    assert choices(analysis) == whole


def test_a_timm_name_without_its_tag_is_an_entry_where_the_address_names_it(two_cards):
    analysis = Listed(offered=())
    assert choices(analysis, "vit_tiny_patch16_224")[0] == ("vit_tiny_patch16_224",) * 2
    for wanted in ("vit_tiny", "no_such_model", "good", ""):
        assert [name for _, name in choices(analysis, wanted)] == list(Listed.names)


def test_the_list_hands_on_any_name():
    dropdown = ModelList(["a", "b"], render=False)
    assert [dropdown.preprocess(name) for name in ("a", "other", None, 3)] == ["a", "other", "", ""]


def test_the_list_begins_with_the_default_model(two_cards):
    analysis = Listed(offered=("vit_small_patch16_224", "good"))
    analysis.default_model = lambda: "good"
    dropdown = model_list(analysis)
    assert dropdown.value == "good" and [name for _, name in dropdown.choices] == list(analysis.offered)

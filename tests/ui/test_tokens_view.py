"""What the Tokens view answers to what a browser sends, and that its numbers are those of the measures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import photo, tiny_model
from vit import capture
from vit.analysis import Analysis
from vit.errors import ModelError, VitError
from vit.measures import get_measure
from vit.measures.filters import Filters
from vit.measures.lens import Lens
from vit.measures.norms import TokenNorms
from vit.measures.patches import PatchSimilarity
from vit.measures.pca import TokenColours
from vit.measures.positions import PositionSimilarity
from vit.ui.languages import languages
from vit.ui.views import Ask
from vit.ui.views.tokens import UNIT, tokens

KINDS = {"f4": "<f4", "i4": "<i4", "i2": "<i2", "u1": "u1"}


class Tiny(Analysis):
    """An analysis whose only models are tiny ones."""

    def model(self, name, say=None):
        return tiny_model(name)


class Answer(dict):
    """What the browser gets, with the numbers of its file."""

    def numbers(self, place: dict) -> np.ndarray:
        assert place["offset"] % 4 == 0
        data = Path(self["file"]["path"]).read_bytes()
        return np.frombuffer(data, KINDS[place["kind"]], place["length"], place["offset"])


@pytest.fixture
def ask(tmp_path):
    def answer(family: str = "our vit", **options: Any) -> Answer:
        return Answer(tokens(Ask(Tiny(), photo(), family, options, lambda line: None, str(tmp_path))))

    return answer


@pytest.mark.parametrize("options", [{}, {"want": "lens"}, {"want": "layer", "block": 1}])
def test_a_record_too_large_to_keep_is_made_once_for_all_that_is_told(tmp_path, monkeypatch, options):
    ran, record = [], capture.record_attention
    monkeypatch.setattr(capture, "record_attention", lambda *all, **more: ran.append(all) or record(*all, **more))
    tokens(Ask(Tiny(cache_bytes=10), photo(), "our vit", options, lambda line: None, str(tmp_path)))
    assert len(ran) == 1


def measured(name: str, family: str = "our vit", **options: Any) -> Any:
    return Tiny().measure(photo(), family, name, **options)


def test_all_layers_norms_and_readings_are_the_measures_own(ask):
    found = ask()
    lens = measured("lens")
    assert found["lens"]["target"] == lens.target
    assert found["lens"]["classes"][3] == [3, "class 3"]
    for number, block in enumerate(found["norms"]["blocks"]):
        norms = measured("norms", layer=number - 2)
        assert np.array_equal(found.numbers(block["norms"]), norms.norms.numpy())
        assert block["median"] == norms.median and block["deviation"] == norms.deviation
        assert block["layout"]["rows"] * block["layout"]["cols"] + 1 == block["layout"]["slots"] == 17
        read = found["lens"]["blocks"][number]
        assert read["share"] == float(lens.probabilities[number, lens.target])
        assert read["answers"][0][0] == f"class {int(lens.logits[number].argmax())}" and len(read["answers"]) == 3
        for name in ("classes", "sure", "followed"):
            assert np.array_equal(found.numbers(read[name]), getattr(lens, name)[number].numpy())


def test_another_class_is_read_off_the_same_tokens(ask):
    found = ask(want="lens", target=7)
    assert found["lens"]["target"] == 7 and "norms" not in found
    followed = found.numbers(found["lens"]["blocks"][1]["followed"])
    assert np.array_equal(followed, measured("lens", target=7).followed[1].numpy())


@pytest.mark.parametrize("centred", [False, True])
def test_the_browser_gets_vectors_whose_products_are_the_measures_cosines(ask, centred):
    found = ask(want="layer", block=0, centred=centred)
    unit = found.numbers(found["vectors"]["values"]).reshape(17, found["vectors"]["width"]) / UNIT
    cosines = measured("patches", patch=(1, 2), layer=-2, centred=centred).cosines
    assert torch.allclose(torch.tensor(unit @ unit[1 + 4 + 2]).float(), cosines, atol=2e-4)
    colours = measured("pca", layer=-2)
    pixels = found.numbers(found["colours"]["pixels"]).reshape(4, 4, 3)
    assert np.abs(pixels / 255 - colours.colours[0].numpy()).max() <= 0.5 / 255 + 1e-6
    assert found["colours"]["explained"] == colours.explained.tolist()


def test_places_and_filters_are_the_models_own(ask):
    found = ask()
    places = found["positions"]
    similarity = measured("positions").similarity.numpy()
    assert places["down"] == places["across"] == [0, 1, 2, 3]
    assert np.array_equal(found.numbers(places["values"]).reshape(4, 4, 4, 4), similarity)
    for kind in ("components", "filters"):
        filters = measured("filters", kind=kind, count=28)
        pixels = found.numbers(found["filters"][kind]["pixels"]).reshape(found["filters"][kind]["shape"])
        assert np.abs(pixels / 255 - filters.pictures.numpy()).max() <= 0.5 / 255 + 1e-6


def test_what_a_model_lacks_is_a_sentence_and_the_rest_still_stands(ask, monkeypatch):
    found = ask("our swin")
    assert "no position embeddings" in found["positions"]["why"]
    assert [block["layout"]["rows"] for block in found["norms"]["blocks"]] == [16, 16, 8, 8]
    assert [block is None for block in found["lens"]["blocks"]] == [True, True, False, False]  # narrower tokens

    def refuse(model, record):
        raise ModelError("How it comes to its answer is not known.")

    monkeypatch.setitem(__import__("vit.models.parts", fromlist=["_PARTS"])._PARTS, "read", refuse)
    found = ask()
    assert found["lens"] == {"why": "How it comes to its answer is not known."} and found["norms"]["blocks"]


@pytest.mark.parametrize(
    "options",
    [
        {"want": "everything"},
        {"want": ["layer"]},
        {"want": {"layer": 1}},
        {"want": "layer"},
        {"want": "layer", "block": 2},
        {"want": "layer", "block": -1},
        {"want": "layer", "block": "0"},
        {"want": "layer", "block": True},
        {"want": "layer", "block": 1.0},
        {"want": "layer", "block": 0, "centred": 1},
    ],
)
def test_anything_else_is_a_sentence(ask, options):
    with pytest.raises(VitError):
        ask(**options)


@pytest.mark.parametrize("target", [10, -1, "<img>", 1.5, True, [3], {}])
def test_a_class_that_is_none_is_a_sentence(ask, target):
    assert "is not in 0 to 9" in ask(want="lens", target=target)["lens"]["why"]


def test_the_page_says_each_measures_own_caveat():
    said = languages()["en"]["tokens"]
    parts = {"norms": TokenNorms, "lens": Lens, "colours": TokenColours, "alike": PatchSimilarity}
    for name, result in {**parts, "positions": PositionSimilarity, "filters": Filters}.items():
        assert said[f"{name}_caveat"] == result.caveat.replace("'", "’")
    assert get_measure("norms").options["k"] == 5  # where the page's slider begins

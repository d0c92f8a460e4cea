"""What the Compare view answers to what a browser sends, whatever it sends."""

from typing import Any

import numpy as np
import pytest

from tests.families import photo, tiny_model
from vit.analysis import Analysis
from vit.errors import ModelError
from vit.ui.pack import pack
from vit.ui.views import Ask
from vit.ui.views.compare import compare


class Tiny(Analysis):
    """An analysis that offers tiny models, and knows no others."""

    def models(self):
        return [("our vit", ""), ("our deit", "")]

    def model(self, name, say=None):
        if name not in ("our vit", "our deit"):
            raise ModelError(f"There is no model {name!r}.")
        return tiny_model(name)


def asked(tmp_path, second: np.ndarray | str = "", **options: Any) -> dict:
    return compare(Ask(Tiny(), photo(), "our vit", options, lambda line: None, str(tmp_path), second))


def packed(tmp_path, model: str, image: np.ndarray) -> dict:
    """What the page would get of this model and this photo."""
    return pack(image, Tiny().record(image, model), str(tmp_path))


def test_the_same_photo_goes_through_the_other_model(tmp_path):
    assert asked(tmp_path, by="model", model="our deit") == {"record": packed(tmp_path, "our deit", photo())}


def test_without_a_name_the_first_other_model_is_taken_and_the_list_comes_along_once(tmp_path):
    first = asked(tmp_path, by="model", model="", list=True)
    assert first["models"] == [["our vit", "our vit"], ["our deit", "our deit"]]
    assert first["record"] == packed(tmp_path, "our deit", photo())
    assert "models" not in asked(tmp_path, by="model", model="", list=False)


def test_another_photo_of_another_shape_goes_through_the_same_model(tmp_path):
    other = np.ascontiguousarray(photo()[:20, ::-1])
    found = asked(tmp_path, second=other, by="photo")["record"]
    assert found == packed(tmp_path, "our vit", other)
    assert (found["height"], found["width"]) == other.shape[:2]


def test_a_second_photo_that_is_none_is_its_own_sentence(tmp_path):
    assert asked(tmp_path, second="This is no picture.", by="photo") == {"why": "This is no picture."}


def test_where_only_one_model_is_offered_the_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(Tiny, "models", lambda self: [("our vit", "")])
    assert "two photos" in asked(tmp_path, by="model")["why"]


@pytest.mark.parametrize(
    "options", [{}, {"by": "weather"}, {"by": ["model"]}, {"by": "model", "model": "<img>"}, {"by": "photo"}]
)
def test_anything_else_is_a_sentence(tmp_path, options):
    found = asked(tmp_path, second="Choose a photo first.", **options)
    assert set(found) == {"why"} and found["why"].endswith(".")

"""What the Heads view answers: the measures' own numbers, and a sentence for whatever isn't defined or allowed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.families import photo
from tests.ui.test_what_if_view import Tiny
from vit import capture
from vit.errors import MethodError
from vit.measures.distance import Distance
from vit.measures.entropy import Entropy
from vit.measures.heads import HeadSimilarity
from vit.measures.prefix import PrefixShare
from vit.measures.sinks import Sinks
from vit.ui.languages import languages
from vit.ui.views import Ask
from vit.ui.views import heads as view
from vit.ui.views.heads import heads

TINY = Tiny()


def asked(folder, model: str = "our deit", **options: Any) -> dict:
    return heads(Ask(TINY, photo(), model, options, lambda line: None, str(folder)))


def test_a_record_too_large_to_keep_is_made_once_for_all_measures(tmp_path, monkeypatch):
    ran, record = [], capture.record_attention
    monkeypatch.setattr(capture, "record_attention", lambda *all, **more: ran.append(all) or record(*all, **more))
    heads(Ask(Tiny(cache_bytes=10), photo(), "our deit", {}, lambda line: None, str(tmp_path)))
    assert len(ran) == 1


def measured(name: str, model: str = "our deit", **options: Any) -> Any:
    return TINY.measure(photo(), model, name, **options)


def numbers(found: dict) -> np.ndarray:
    return np.frombuffer(Path(found["file"]["path"]).read_bytes(), "<f4")


def test_every_head_has_the_measures_own_numbers(tmp_path):
    found = asked(tmp_path)
    for name in ("distance", "entropy", "prefix", "sinks"):
        expected = measured(name)
        assert found[name]["heads"] == [values.tolist() for values in expected.heads]
        assert found[name]["even"] == expected.even.tolist()
    assert found["entropy"]["readout"] == [values.tolist() for values in measured("entropy").readout]
    assert found["prefix"]["names"] == [["cls", "dist"]] * 2


def test_what_each_token_receives_comes_as_patches_and_the_rest(tmp_path):
    found = asked(tmp_path, wanted=["sinks"], times=1.2)["sinks"]
    expected = measured("sinks", times=1.2)
    patches = np.concatenate([each[2:].numpy() for each in expected.received])  # after CLS and DIST
    np.testing.assert_array_equal(numbers(found), patches)
    assert [layer["prefix"] for layer in found["received"]] == [each[:2].tolist() for each in expected.received]
    assert found["heads"] == [values.tolist() for values in expected.heads] and found["times"] == 1.2


@pytest.mark.parametrize("options", [{}, {"kind": "jensen-shannon"}, {"layer": 1}])
def test_similarity_is_of_the_layer_and_the_kind_that_were_asked_for(options, tmp_path):
    found = asked(tmp_path, wanted=["similarity"], **options)["similarity"]
    expected = measured("heads", **{"layer": "all", **options})
    assert [tuple(each) for each in found["heads"]] == list(expected.heads)
    np.testing.assert_array_equal(numbers(found).reshape(len(expected.heads), -1), expected.similarity)


def test_a_measure_that_is_not_defined_says_why_and_the_others_are_there(tmp_path):
    found = asked(tmp_path, "our swin")
    assert "no tokens beside the patches" in found["prefix"]["why"]
    assert "choose one layer" in found["similarity"]["why"]
    assert all("why" not in found[name] for name in ("distance", "entropy", "sinks"))
    assert all(value is None for row in found["entropy"]["readout"] for value in row)  # NaN is no JSON


def test_only_what_is_wanted_is_worked_out(tmp_path):
    assert set(asked(tmp_path, wanted=["entropy"])) == {"entropy"}


def test_a_comparison_that_would_take_minutes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(view, "MOST_WORK", 10)
    assert "choose one layer" in asked(tmp_path, wanted=["similarity"], kind="jensen-shannon")["similarity"]["why"]
    assert "why" not in asked(tmp_path, wanted=["similarity"], kind="jensen-shannon", layer=0)["similarity"]


@pytest.mark.parametrize("wanted", [[], "sinks", ["norms"], [{}], {"sinks": 1}, None])
def test_anything_else_that_is_wanted_is_a_sentence(wanted, tmp_path):
    with pytest.raises(MethodError, match="distance, entropy"):
        asked(tmp_path, wanted=wanted)


@pytest.mark.parametrize(
    "options", [{"times": "many"}, {"times": 0.5}, {"times": True}, {"layer": 9}, {"layer": {}}, {"kind": ["cosine"]}]
)
def test_an_option_out_of_range_is_a_sentence_in_its_own_place(options, tmp_path):
    found = asked(tmp_path, wanted=["sinks", "similarity"], **options)
    refused = [name for name, each in found.items() if "why" in each]
    assert refused == ["sinks" if "times" in options else "similarity"]


def test_the_pages_caveats_are_the_measures_own():
    measures = {
        "distance": Distance,
        "entropy": Entropy,
        "prefix": PrefixShare,
        "sinks": Sinks,
        "heads": HeadSimilarity,
    }
    assert languages()["en"]["heads"]["caveat"] == {name: each.caveat for name, each in measures.items()}

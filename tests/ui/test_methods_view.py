"""What the Methods view answers to what a browser sends, whatever it sends."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import photo, tiny_model
from vit.analysis import Analysis
from vit.capture import record_attention
from vit.errors import VitError
from vit.measures.faithfulness import faithfulness
from vit.methods import explain, get_method, list_methods
from vit.ui.views import Ask
from vit.ui.views.methods import methods


class Tiny(Analysis):
    """An analysis whose models are tiny ones."""

    def model(self, name, say=None):
        return tiny_model(name)


def asked(tmp_path, model: str = "our vit", say=lambda line: None, **options: Any) -> dict:
    return methods(Ask(Tiny(), photo(), model, options, say, str(tmp_path)))


def numbers_of(found: dict) -> dict[str, list[np.ndarray]]:
    """Each method's maps, as the browser reads them."""
    numbers = np.frombuffer(Path(found["file"]["path"]).read_bytes(), "<f4")
    return {
        method["name"]: [
            numbers[map["offset"] : map["offset"] + map["rows"] * map["cols"]].reshape(map["rows"], map["cols"])
            for map in method["maps"]
        ]
        for method in found["methods"]
    }


def test_every_quick_method_has_its_map_or_its_sentence(tmp_path):
    found = asked(tmp_path)
    assert [method["name"] for method in found["methods"]] == [
        name for name in list_methods() if not get_method(name).slow
    ]
    assert found["slow"] == ["attention_flow"] and found["against"] is None
    record = record_attention(tiny_model("our vit"), photo())
    assert found["target"] == record.top(1)[0][0]
    assert json.loads(Path(found["labels"]["path"]).read_text()) == list(record.labels)
    maps = numbers_of(found)
    for name in ("raw", "rollout"):
        assert np.array_equal(maps[name][0], explain(record, name).values.numpy())
    aimed = record_attention(tiny_model("our vit"), photo(), target=found["target"])
    assert np.allclose(maps["relevance"][0], explain(aimed, "relevance").values.numpy(), rtol=1e-5)


def test_two_classes_give_two_maps_and_their_signed_difference(tmp_path):
    found = asked(tmp_path, target=3, against=7)
    maps = numbers_of(found)
    for method in found["methods"]:
        if method["of_a_class"]:
            first, second, difference = maps[method["name"]]
            assert np.allclose(first - second, difference, atol=1e-7)
            assert [map["signed"] for map in method["maps"]] == [False, False, True]
        else:
            assert len(method["maps"]) == 1
    one = explain(record_attention(tiny_model("our vit"), photo(), target=7), "relevance")
    assert np.allclose(maps["relevance"][1], one.values.numpy(), rtol=1e-5)


def test_where_all_patches_are_read_the_constant_is_left_out_and_said(tmp_path):
    found = asked(tmp_path, "siglip", methods=["relevance"])
    plain = asked(tmp_path, "swin", methods=["relevance", "gradient_rollout"])
    assert "without the identity" not in found["methods"][0]["maps"][0]["caption"]  # a pool asks
    for method in plain["methods"]:
        assert "without the identity" in method["maps"][0]["caption"]


def test_a_map_that_another_method_has_already_given_says_so(tmp_path):
    """The mean of all patches' rows is what each patch receives; a CLS has a row of its own."""
    same = {name: {m["name"]: m["same"] for m in asked(tmp_path, name)["methods"]} for name in ("swin", "our vit")}
    assert same["swin"].pop("received") == "raw"
    assert {*same["swin"].values(), *same["our vit"].values()} == {None}


@pytest.mark.parametrize("name", ["our vit", "swin"])
def test_what_is_checked_is_what_is_shown(tmp_path, monkeypatch, name):
    """Where all patches are read, the methods' own maps have another order than those on the page."""
    methods, checked = ["relevance", "gradient_rollout", "rollout"], []

    def test_them(heats, *args, **more):
        checked.extend(heats)
        return faithfulness(heats, *args, **more)

    monkeypatch.setattr("vit.truth.check.faithfulness", test_them)
    asked(tmp_path, name, do="check", target=3, methods=methods)
    shown = asked(tmp_path, name, target=3, methods=methods)
    for number, (method, heat) in enumerate(zip(shown["methods"], checked, strict=True)):
        assert heat.caption == method["maps"][0]["caption"]
        assert np.array_equal(numbers_of(shown)[methods[number]][0], heat.values.numpy())


def test_a_method_that_a_model_can_t_have_is_a_sentence_among_the_maps(tmp_path, monkeypatch):
    monkeypatch.setattr("vit.methods.attention_flow.MOST_EDGES", 10)
    found = asked(tmp_path, methods=["raw", "attention_flow"])
    raw, flow = found["methods"]
    assert "why" not in raw and len(raw["maps"]) == 1
    assert flow["maps"] == [] and "at most 10 are allowed" in flow["why"]


def test_the_truth_check_ranks_and_tells_of_its_progress(tmp_path):
    lines: list[str] = []
    found = asked(tmp_path, say=lines.append, do="check", target=2, methods=["raw", "relevance"])["check"]
    assert found["target"] == 2 and found["label"] == "class 2"
    gains = [method["gain"] for method in found["methods"]]
    assert gains == sorted(gains, reverse=True) and len(gains) == 2
    for method in found["methods"]:
        for test in ("deletion", "insertion"):
            curves = method[test]
            assert len(curves["ordered"]) == len(curves["backwards"]) == len(found["shares"])
            area = float(torch.trapezoid(torch.tensor(curves["ordered"]), torch.tensor(found["shares"])))
            assert curves["area"] == pytest.approx(area, abs=1e-6)
    chance = found["chance"]["deletion"]
    assert chance["orders"] == 19
    assert all(
        low <= mean <= high for low, mean, high in zip(chance["least"], chance["mean"], chance["most"], strict=True)
    )
    assert lines[-1].split()[1] == lines[-1].split()[3].strip(",")  # "test 378 of 378"


def test_the_truth_check_ends_where_the_visitor_leaves(tmp_path):
    class Gone(Exception):
        pass

    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("test 1"):
            raise Gone

    with pytest.raises(Gone):
        asked(tmp_path, say=say, do="check", methods=["raw"])
    assert said[-1].startswith("test 1")


def test_an_answer_is_json(tmp_path):
    json.dumps(asked(tmp_path, against=1, target=2), allow_nan=False)
    json.dumps(asked(tmp_path, do="check", methods=["raw"]), allow_nan=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": 10}, "Class 10 is not in 0 to 9"),
        ({"target": -1}, "Class -1 is not in 0 to 9"),
        ({"target": "3"}, "Class '3' is not in 0 to 9"),
        ({"target": True}, "Class True is not in 0 to 9"),
        ({"against": 2.5}, "Class 2.5 is not in 0 to 9"),
        ({"against": [1]}, "not in 0 to 9"),
        ({"target": 1, "against": 1}, "1 and 1 are not two"),
        ({"methods": ["magic"]}, "There is no method 'magic'"),
        ({"methods": "raw"}, "list of names"),
        ({"methods": []}, "list of names"),
        ({"methods": [["raw"]]}, "list of names"),
        ({"do": "nothing"}, "maps, check"),
        ({"do": ["check"]}, "maps, check"),
    ],
)
def test_anything_else_is_a_sentence(tmp_path, options, says):
    with pytest.raises(VitError, match=says):
        asked(tmp_path, **options)

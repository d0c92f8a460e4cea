"""The server's sentences in German: each is one that is raised somewhere, and the likeliest are there."""

import ast
import json
import re
import string
import time
from itertools import chain
from pathlib import Path

import pytest

from tests.ui.test_pack import mixed_layer, plain_layer, record_of
from vit.errors import ImageError, VitError
from vit.image import load_image
from vit.image_kind import SAVE_AS
from vit.line import CLOSING
from vit.measures import measure
from vit.methods import explain
from vit.models import load_model
from vit.ui.languages import sentences
from vit.ui.languages.sentences import in_words, reasons_translated, translated
from vit.ui.told import _WRONG

VIT = Path(__file__).parents[2] / "vit"
GERMAN = json.loads((Path(sentences.__file__).parent / "de.json").read_text(encoding="utf-8"))


def in_braces(node: ast.AST) -> str:
    """A string or an f-string of the source, with {} for each value in it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(in_braces(part) for part in parts)
        case ast.FormattedValue(value=ast.Name(id="SAVE_AS")):
            return SAVE_AS
    return "{}"


def raised() -> set[str]:
    """Every text of the server's code."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in VIT.rglob("*.py"))
    return {in_braces(node) for node in chain.from_iterable(map(ast.walk, trees)) if isinstance(node, ast.expr)}


def test_each_sentence_stands_in_the_code_as_it_is_translated():
    texts = raised()
    for sentence in GERMAN:
        for part in re.split(r"(?<=[.?]) ", re.sub(r"\{\w+\}", "{}", sentence)):  # some are put together from two
            assert any(part.removeprefix("{}") in text for text in texts), part


def test_no_value_is_lost_on_the_way():
    for sentence, other in GERMAN.items():
        named, kept = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (sentence, other))
        assert named == kept, sentence


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"%PDF-1.4", b"\xff\xd8\xff" + bytes(40), b"<html>hello", b"8BPS"]
)
def test_a_bad_file_is_answered_in_german(content):
    with pytest.raises(ImageError) as caught:
        load_image(content)
    said = translated(str(caught.value), "de")
    assert said != str(caught.value)
    assert not {"This", "a", "file", "picture", "try"} & set(re.findall(r"\w+", said)), said


def test_a_bad_model_name_is_answered_in_german(monkeypatch):
    for offline, name in (("0", "vit_smal_patch16_224"), ("1", "vit_small_patch16_224"), ("0", "../x")):
        monkeypatch.setenv("VIT_OFFLINE", offline)
        with pytest.raises(VitError) as caught:
            load_model(name)
        said = translated(str(caught.value), "de")
        assert said != str(caught.value), caught.value
        assert not {"There", "bundled", "name", "the"} & set(said.split())


def test_a_name_with_dots_and_several_sentences_stay_whole():
    text = (
        "No network: the hub could not be reached for timm/vit_small_patch16_224.augreg_in21k_ft_in1k. "
        "The bundled models work without one: vit_imagenette, deit_imagenette and 2 more."
    )
    assert translated(text, "de") == (
        "Kein Netz: Der Hub war für timm/vit_small_patch16_224.augreg_in21k_ft_in1k nicht zu erreichen. "
        "Ohne Netz gehen die mitgelieferten: vit_imagenette, deit_imagenette und 2 weitere."
    )
    assert translated(_WRONG, "de") != _WRONG and translated(CLOSING, "de") != CLOSING


def test_a_views_reasons_are_translated_wherever_they_stand():
    why = "tiny has no classifier, so there is nothing to read its tokens with."
    answer = {
        "lens": {"why": why},
        "cards": [{"why": why, "maps": []}, {"name": "raw"}],
        "values": [1.0, 2.0],
        "why": "",
    }
    german = translated(why, "de")
    assert german.startswith("tiny hat keinen Klassifikator")
    assert reasons_translated(answer, "de") == {
        **answer,
        "lens": {"why": german},
        "cards": [{"why": german, "maps": []}, {"name": "raw"}],
    }
    assert reasons_translated(answer, "en") == answer


def test_a_sentence_that_is_known_does_not_take_one_that_is_not_for_a_name():
    known = "tiny has no classifier, so there is no class whose map could be shown."
    assert translated(known, "de") != known
    for before in ("There is no map to check: relevance: ", "Nobody knows. Indeed "):
        assert translated(before + known, "de") == before + known


def test_what_has_no_map_is_said_in_german():
    """The sentences that methods and measures themselves refuse with, no copies of them."""
    record = record_of(plain_layer(), mixed_layer())
    for refused in (lambda: explain(record, "rollout"), lambda: measure(record, "entropy")):
        with pytest.raises(VitError, match="is no softmax") as caught:
            refused()
        said = translated(str(caught.value), "de")
        assert "ist kein Softmax" in said and not {"What", "rows", "them"} & set(re.findall(r"\w+", said)), said


def test_what_is_not_known_stays_as_it_is():
    assert (
        translated("This file is empty. Nobody said so before.", "de") == "This file is empty. Nobody said so before."
    )
    assert translated(CLOSING, "fr") == translated(CLOSING, "en") == CLOSING
    for asked in (None, 3, "de", [], ["a"], [1, "de"], ["a", None], ["a" * 3000, "de"], [CLOSING, "../de"]):
        assert in_words(asked) in ("", CLOSING)


def test_a_text_that_a_browser_made_up_takes_no_time():
    began = time.monotonic()
    for start in ("This picture has ", "All maps of ", "The hub did not deliver "):
        translated(start + " × a pixels, b" * 140, "de")
        translated((start + "× pixels, megapixels at GB within ") * 40, "de")
    assert time.monotonic() - began < 1

"""Views as they are listed, and the way from what a page sends to a view's work."""

import json
from pathlib import Path

import numpy as np
import pytest

from vit.errors import MethodError
from vit.ui import view_link
from vit.ui.explorer import Explorer
from vit.ui.languages import languages
from vit.ui.page import _HEADER, _TOOLS, _TOOLS_SCRIPT
from vit.ui.parts import ENCODER, FOR_VIEWS, SCRIPTS, code, css, html, page_words, read, script, view_parts
from vit.ui.views import Ask, View, _mark, all_views

FOLDER = Path(view_link.__file__).parent / "views"


def answers(run, question: str, tmp_path, image: np.ndarray | str | None = None) -> list[dict]:
    picture = np.zeros((4, 6, 3), np.uint8) if image is None else image
    fields = view_link._fields(question)
    return list(view_link.view_answers(None, View("tiny", 1, run, FOLDER / "tiny"), picture, fields, str(tmp_path)))  # type: ignore[arg-type]


def test_a_view_is_one_file_and_what_stands_beside_it(tmp_path):
    home = tmp_path / "tiny.py"
    (tmp_path / "tiny.html").write_text("<p>tiny</p>")
    (tmp_path / "tiny.css").write_text(".view-tiny { color: red; }")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "b.js").write_text("two();")
    (tmp_path / "tiny" / "a.js").write_text("one();")
    home.write_text("def tiny(ask):\n    return {}\n")
    names: dict = {}
    exec(compile(home.read_text(), str(home), "exec"), names)
    listed: dict[str, View] = {}
    _mark(listed, "tiny", 5, names["tiny"])
    views = [listed["tiny"]]
    assert 'id="tab-tiny"' in html(views) and 'id="view-tiny"' in html(views)
    parts = view_parts(views[0], "de")
    assert parts["html"] == "<p>tiny</p>" and ".view-tiny" in parts["css"] and parts["words"] == {}
    assert parts["script"].index("one();") < parts["script"].index("two();")


def test_a_view_s_parts_come_in_the_language_asked_for_and_only_when_asked_for():
    explorer = Explorer(all_views())
    words = explorer.part(["what_if", "de"])["words"]  # type: ignore[attr-defined]
    assert words["hide"] == languages()["de"]["what_if"]["hide"] != languages()["en"]["what_if"]["hide"]
    for asked in (None, "what_if", ["what_if"], ["nothing", "en"], [["what_if"], "en"], [3, {}]):
        assert explorer.part(asked) == {}  # type: ignore[attr-defined]
    first = html(all_views()) + css() + script()
    assert not any(f'addView("{view.name}"' in first or view.html in first for view in all_views())
    assert page_words("xx") == page_words("en") and "what_if" not in page_words("en")


@pytest.mark.parametrize("language", sorted(languages()))
def test_what_comes_before_the_photo_weighs_at_most_150_kb(language):
    """HTML, CSS, scripts and words of our own, as they are sent before any compression."""
    views = all_views()
    words = json.dumps(page_words(language), ensure_ascii=False)
    links = len(views) * view_link._SCRIPT
    parts = [html(views), css(), script(), words, read("theme.css"), _HEADER, _TOOLS, _TOOLS_SCRIPT, links]
    assert sum(len(part.encode()) for part in parts) <= 150_000


def test_a_script_is_sent_without_its_comments_and_is_otherwise_the_same():
    for name in (*SCRIPTS, *FOR_VIEWS, ENCODER):
        sent, written = code(f"explorer/{name}.js").splitlines(), read(f"explorer/{name}.js").splitlines()
        alone = ("//", "/**", "*")  # how a line begins that is a comment and nothing else
        kept = [line.partition(" // ")[0].rstrip() for line in written if not line.lstrip(" ").startswith(alone)]
        assert sent == kept, name
        # What is left out behind code is no piece of a string: none begins before it and ends in it.
        for line in written:
            before, _, comment = line.partition(" // ")
            assert not comment or before.lstrip(" ").startswith(alone) or before.count("`") % 2 == 0, name
            assert not comment or before.lstrip(" ").startswith(alone) or before.count('"') % 2 == 0, name


def test_every_view_has_its_script_and_registers_itself():
    for view in all_views():
        assert f'addView("{view.name}"' in view.script
        assert not any(sign in view.html + view.css for sign in ("${", "{{", "`", "\\"))


def test_a_view_gets_the_photo_and_what_was_chosen(tmp_path):
    def run(ask: Ask) -> dict:
        ask.say("looking")
        return {"size": ask.image.shape, "model": ask.model, "class": ask.options["class"], "file": ask.keep("a", b"b")}

    asked = json.dumps({"ticket": 3, "example": None, "model": "tiny", "options": {"class": 2}})
    *_, last = answers(run, asked, tmp_path)
    assert last["ticket"] == 3 and last["size"] == (4, 6, 3) and last["model"] == "tiny" and last["class"] == 2
    assert Path(last["file"]["path"]).read_bytes() == b"b"


def test_what_goes_wrong_in_a_view_is_a_sentence(tmp_path, caplog):
    def refused(ask: Ask) -> dict:
        raise MethodError("Not with this model.")

    def broken(ask: Ask) -> dict:
        raise RuntimeError("at /home/server/secret.py")

    assert answers(refused, "{}", tmp_path)[-1]["error"] == "Not with this model."
    last = answers(broken, "{}", tmp_path)[-1]
    assert "secret" not in last["error"] and last["code"] in caplog.text
    assert answers(refused, "{}", tmp_path, image="No picture.") == [
        {"ticket": 0, "error": "No picture.", "gone": False}
    ]


@pytest.mark.parametrize("question", ["", "null", "[]", '{"ticket": "x", "options": [], "model": 3, "example": {}}'])
def test_a_malformed_question_has_nothing_of_the_wrong_kind(question):
    empty = dict.fromkeys(("example", "model", "language", "second"), "")
    assert view_link._fields(question) == {"ticket": 0, "options": {}, **empty}

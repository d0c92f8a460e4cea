"""What is being done is said in the visitor's language: every line that Python says to the page is a listed one."""

import ast
from pathlib import Path

import pytest

import vit
from vit.ui.checked import counted
from vit.ui.doing import known
from vit.ui.languages import languages

HOME = Path(vit.__file__).parent
# What a page's question passes through; in vit/line.py ``say`` is called by who waits.
SPEAKING = [HOME / "line.py", HOME / "analysis.py", HOME / "loaded.py", *sorted((HOME / "ui").rglob("*.py"))]


def said(path: Path) -> list[str]:
    """The lines that a file says, with 7 in place of what is filled in."""
    lines = []
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in ("say", "_once"):
            lines += [line for given in call.args for line in texts(given)]
    return [line for line in lines if line.strip()]


def texts(given: ast.expr) -> list[str]:
    if isinstance(given, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in given.values)]
    if isinstance(given, ast.IfExp):
        return texts(given.body) + texts(given.orelse)
    if isinstance(given, ast.BinOp):
        return texts(given.left)
    return [given.value] if isinstance(given, ast.Constant) and isinstance(given.value, str) else []


def test_every_line_that_python_says_is_a_listed_one():
    lines = [line for path in SPEAKING for line in said(path)]
    assert len(lines) >= 12 and "waiting, you are next" in lines and "layer 7" in lines
    assert [line for line in lines if not known(line)] == []
    used = {known(line)["doing"][0] for line in lines}
    assert set(languages()["en"]["doing"]) - used <= {"test_minutes", "test_minute", "test_seconds", *DOWNLOADS}


DOWNLOADS = ("loading_of", "loading_done")  # vit/loaded.py puts the end of these together by itself


@pytest.mark.parametrize(
    ("line", "key", "fields"),
    [
        ("loading vit_tiny, 3 of 88 MB", "loading_of", {"name": "vit_tiny", "done": "3", "all": "88"}),
        ("loading vit_tiny, 3 MB", "loading_done", {"name": "vit_tiny", "done": "3"}),
        ("loading vit_tiny", "loading", {"name": "vit_tiny"}),
        ("layer 3 of 12", "layer_of", {"number": "3", "count": "12"}),
    ],
)
def test_the_most_particular_sentence_is_found(line, key, fields):
    assert known(line) == {"doing": [key, fields]}
    assert known("a line of somebody’s own view") == {}


def test_a_check_says_how_long_the_rest_takes(monkeypatch):
    heard, clock = [], [0.0]
    monkeypatch.setattr("vit.ui.checked.time.monotonic", lambda: clock[0])
    progress = counted(heard.append)
    for done, now in ((1, 0), (11, 2), (21, 4), (201, 36), (391, 74), (401, 76)):
        clock[0] = now
        progress(done, 401)
    assert heard[0] == "test 1 of 401" and heard[1] == "test 11 of 401"
    assert heard[2:] == [
        "test 21 of 401, about a minute left",
        "test 201 of 401, about 35 seconds left",
        "test 391 of 401, about 5 seconds left",
        "test 401 of 401",
    ]
    assert all(known(line)["doing"][0].startswith("test") for line in heard)

import os

import pytest
from PIL import Image

from tests.families import photo
from vit.__main__ import main
from vit.errors import VitError

QUICK = ["--steps", "3", "--orders", "2", "--methods", "raw", "rollout"]


@pytest.fixture
def work(tmp_path, bundle, monkeypatch):
    """A folder of two pictures, and a bundled model called "tiny"."""
    bundle("tiny")
    (tmp_path / "pets" / "val" / "cat").mkdir(parents=True)
    for number in range(2):
        Image.fromarray(photo(seed=number)).save(tmp_path / "pets" / "val" / "cat" / f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stats_writes_a_page_and_two_tables_and_leaves_nothing_else(work, capsys):
    words = ["stats", str(work / "pets" / "val"), "--faithfulness", "--model", "tiny", *QUICK]
    assert main([*words, "-o", "docs.md"]) == 0
    page = (work / "docs.md").read_text()
    assert "## tiny" in page
    assert "| rollout | " in page
    assert "python -m vit stats pets/val --faithfulness" in page
    assert str(work) not in page
    assert len((work / "docs.csv").read_text().splitlines()) == 1 + 2 * 2
    assert len((work / "docs.pictures.csv").read_text().splitlines()) == 1 + 2 * 3
    assert {path.name for path in work.iterdir()} >= {"docs.md", "docs.csv", "docs.pictures.csv"}
    assert not (work / "docs.parts").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say so"),
        (["--faithfulness", "--limit", "1"], "--limit 1: it takes two pictures"),
        (["--faithfulness", "--steps", "1"], "--steps 1: it is a whole number, 2 or more"),
        (["--faithfulness", "--orders", "0"], "--orders 0: it is a whole number, 1 or more"),
        (["--faithfulness", "--batch", "0"], "--batch 0: it is a whole number, 1 or more"),
        (["--faithfulness", "--seed", "9" * 30], "--seed: it goes from 0 to 4294967295"),
        (["--faithfulness", "--seed", "-1"], "--seed: it goes from 0 to 4294967295"),
        (["--faithfulness", "-o", "out.png"], "out.png ends in none of: .md"),
        (["--faithfulness", "--methods", "saliency"], "There is no method 'saliency'"),
    ],
)
def test_a_mistake_in_stats_is_one_line(work, capsys, words, says):
    assert main(["stats", "pets", "--model", "tiny", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert says.startswith("There is no method") or "loading" not in said  # before anything takes long


def test_what_is_typed_reaches_the_measuring(work, monkeypatch):
    def stand(model, folder, pictures, parts, progress, methods, **settings):
        asked.append((len(pictures), methods, settings))
        raise VitError("enough")

    asked: list = []
    monkeypatch.setattr("vit.truth.folder.check_folder", stand)
    for number in range(2, 6):
        Image.fromarray(photo(seed=number)).save(work / "pets" / "val" / "cat" / f"{number}.jpg")
    more = ["--limit", "3", "--batch", "5", "--seed", "7", "--steps", "4", "--orders", "3", "--methods", "raw"]
    assert main(["stats", "pets", "--faithfulness", "--model", "tiny", *more]) == 2
    assert asked == [(3, ["raw"], {"batch": 5, "seed": 7, "steps": 4, "orders": 3})]


def test_pictures_of_which_none_can_be_used_leave_nothing_behind(work, capsys):
    for path in (work / "pets" / "val" / "cat").iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\nrest")
    before = {path.name for path in work.iterdir()}
    assert main(["stats", "pets", "--faithfulness", "--model", "tiny", *QUICK]) == 2
    assert "has no two pictures that a method could be tested on. val/cat/0.jpg: " in capsys.readouterr().err
    assert {path.name for path in work.iterdir()} == before


def test_a_name_that_is_no_utf8_is_written_in_digits(work):
    cat = work / "pets" / "val" / "cat"
    (cat / "0.jpg").rename(cat / os.fsdecode(b"caf\xe9.jpg"))
    (cat / "2.jpg").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (cat / "2.jpg").rename(cat / os.fsdecode(b"\xe9.jpg"))
    assert main(["stats", "pets", "--faithfulness", "--model", "tiny", *QUICK, "-o", "docs.md"]) == 0
    assert "- val/cat/\\udce9.jpg was left out: " in (work / "docs.md").read_text()
    assert ",val/cat/caf\\udce9.jpg," in (work / "docs.pictures.csv").read_text()


def test_a_folder_that_is_not_there_is_named_as_typed(work, capsys):
    assert main(["stats", str(work / "nowhere"), "--faithfulness", "--model", "tiny"]) == 2
    assert f"There is no folder {work / 'nowhere'} of pictures." in capsys.readouterr().err

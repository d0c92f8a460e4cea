import pytest
from PIL import Image

from tests.families import photo
from vit.__main__ import main

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
        (["--faithfulness", "-o", "out.png"], "out.png ends in none of: .md"),
        (["--faithfulness", "--methods", "saliency"], "There is no method 'saliency'"),
    ],
)
def test_a_mistake_in_stats_is_one_line(work, capsys, words, says):
    assert main(["stats", "pets", "--model", "tiny", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_folder_that_is_not_there_is_named_as_typed(work, capsys):
    assert main(["stats", str(work / "nowhere"), "--faithfulness", "--model", "tiny"]) == 2
    assert f"There is no folder {work / 'nowhere'} of pictures." in capsys.readouterr().err

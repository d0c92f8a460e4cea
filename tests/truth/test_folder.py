import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.families import photo, tiny_model
from vit.errors import DataError
from vit.truth import folder as module
from vit.truth.folder import check_folder, pictures_in, read_rows

ROOT = Path(__file__).parents[2]
QUICK = {"steps": 3, "orders": 2, "seed": 0, "batch": 16}


@pytest.fixture
def pictures(tmp_path):
    """Six small pictures in two folders, and a file that is none."""
    for number in range(6):
        place = tmp_path / "data" / ("cat" if number < 3 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(seed=number)).save(place / f"{number}.png")
    (tmp_path / "data" / "notes.txt").write_text("no picture")
    return tmp_path / "data"


def checked(pictures, parts, **settings):
    said = []
    rows = check_folder(
        tiny_model("vit"),
        pictures,
        pictures_in(pictures),
        parts,
        lambda done, total: said.append((done, total)),
        ["raw", "received"],
        **(QUICK | settings),
    )
    return rows, said


def test_pictures_are_found_at_any_depth_and_a_limit_spreads_over_them(pictures):
    assert [path.name for path in pictures_in(pictures)] == [f"{number}.png" for number in range(6)]
    assert [path.name for path in pictures_in(pictures, 3)] == ["0.png", "2.png", "4.png"]
    assert len(pictures_in(pictures, 100)) == 6


def test_a_folder_without_pictures_is_a_sentence(pictures, tmp_path):
    with pytest.raises(DataError, match="There is no folder .*nowhere of pictures"):
        pictures_in(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty needs two pictures or more"):
        pictures_in(tmp_path / "empty")


def test_every_picture_has_a_row_with_random_orders_of_its_own(pictures, tmp_path):
    rows, said = checked(pictures, tmp_path / "parts")
    assert [row.picture for row in rows] == [f"{'cat' if n < 3 else 'dog'}/{n}.png" for n in range(6)]
    assert all(set(row.methods or {}) == {"raw", "received"} for row in rows)
    assert len({row.chance for row in rows}) == 6
    assert said == [(done, 6) for done in range(7)]


def test_a_run_that_was_cut_goes_on_and_gives_the_same_rows(pictures, tmp_path, monkeypatch):
    whole, _ = checked(pictures, tmp_path / "whole")

    one, seen = module.check_one, []

    def cut(*arguments):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(arguments)
        return one(*arguments)

    monkeypatch.setattr(module, "check_one", cut)
    with pytest.raises(KeyboardInterrupt):
        checked(pictures, tmp_path / "parts")
    (part,) = (tmp_path / "parts").iterdir()
    with part.open("a") as file:
        file.write('{"picture": "cat/2.png", "lab')  # killed in the middle of a line
    monkeypatch.setattr(module, "check_one", one)
    rows, said = checked(pictures, tmp_path / "parts")
    assert rows == whole
    assert said == [(done, 6) for done in range(2, 7)]


def test_other_settings_do_not_take_up_what_was_measured_with_these(pictures, tmp_path):
    checked(pictures, tmp_path / "parts")
    _, said = checked(pictures, tmp_path / "parts", seed=1)
    assert said == [(done, 6) for done in range(7)]
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_a_damaged_file_has_a_sentence_and_stops_nothing(pictures, tmp_path):
    (pictures / "cat" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    rows, _ = checked(pictures, tmp_path / "parts")
    assert [bool(row.error) for row in rows] == [False, True, False, False, False, False]
    assert rows[1].methods is None


def test_rows_are_read_as_they_were_written(tmp_path):
    (tmp_path / "a-0.jsonl").write_text(json.dumps({"picture": "x.png", "chance": [0.5, 0.25]}) + "\n")
    (row,) = read_rows(tmp_path, "a")
    assert (row.picture, row.chance) == ("x.png", (0.5, 0.25))


def test_two_processes_share_the_pictures_and_write_what_one_writes(pictures, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--"]
    stats = ["vit", "stats", str(pictures), "--faithfulness", "--model", "vit_cifar10", "--methods", "raw"]
    stats += ["--steps", "3", "--orders", "2", "-o"]
    for name, way in {"one": [sys.executable, "-m"], "two": launch}.items():
        command = [*way, *stats, str(tmp_path / f"{name}.md")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("written") == 1  # one process speaks
    assert (tmp_path / "one.pictures.csv").read_text() == (tmp_path / "two.pictures.csv").read_text()
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.families import photo, tiny_model
from vit.errors import DataError, MethodError
from vit.image import load_image
from vit.truth import folder as module
from vit.truth.check import heatmap_of
from vit.truth.folder import check_folder, pictures_in, read_rows

ROOT = Path(__file__).parents[2]
QUICK = {"steps": 3, "orders": 2, "seed": 0, "batch": 16}


# A command whose processes note which pictures they check.
NOTED = """
import os
import sys
from pathlib import Path
from vit.__main__ import main
from vit.truth import folder

def noted(model, path, *more):
    (Path(os.environ["NOTED"]) / f"{path.name} {os.getpid()}").touch()
    return one(model, path, *more)

one, folder.check_one = folder.check_one, noted
sys.exit(main())
"""


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


def test_a_place_that_can_not_be_written_is_a_sentence(pictures, tmp_path):
    (tmp_path / "parts").write_text("a file, where a folder is wanted")
    with pytest.raises(DataError, match=r"^parts can't be written"):
        checked(pictures, tmp_path / "parts")


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


def test_a_picture_that_no_method_has_a_map_of_has_a_sentence_and_stops_nothing(pictures, tmp_path, monkeypatch):
    def refusing(model, image):
        def heatmap(name, target):
            if image.tobytes() == first.tobytes():
                raise MethodError("Not of this picture.")
            return of(name, target)

        of = heatmap_of(model, image)
        return heatmap

    first = load_image(pictures / "cat" / "0.png")
    monkeypatch.setattr("vit.truth.check.heatmap_of", refusing)
    rows, _ = checked(pictures, tmp_path / "parts")
    assert [bool(row.methods) for row in rows] == [False, True, True, True, True, True]
    assert "raw: Not of this picture." in rows[0].error


def test_a_mistake_in_the_settings_is_no_fault_of_a_picture(pictures, tmp_path):
    with pytest.raises(MethodError, match="steps=1"):
        checked(pictures, tmp_path / "parts", steps=1)


def test_any_name_that_a_file_can_have_is_checked_kept_and_read(pictures, tmp_path):
    """Bytes that are no UTF-8, and characters at which Unicode ends a line."""
    names = [os.fsdecode(b"caf\xe9.png"), "a\u2028b\x85c.png"]
    for name in names:
        (pictures / "cat" / "0.png").with_name(name).write_bytes((pictures / "cat" / "0.png").read_bytes())
    rows, _ = checked(pictures, tmp_path / "parts")
    assert {f"cat/{name}" for name in names} < {row.picture for row in rows}
    again, said = checked(pictures, tmp_path / "parts")
    assert (again, said) == (rows, [(8, 8)])


def test_a_line_that_was_cut_inside_a_letter_is_left_out(tmp_path):
    whole = json.dumps({"picture": "x\u2028.png", "chance": [0.5, 0.25]}, ensure_ascii=False).encode() + b"\n"
    (tmp_path / "a-0.jsonl").write_bytes(whole + '{"picture": "é'.encode()[:-1])
    assert [row.picture for row in read_rows(tmp_path, "a")] == ["x\u2028.png"]


def test_rows_are_read_as_they_were_written(tmp_path):
    (tmp_path / "a-0.jsonl").write_text(json.dumps({"picture": "x.png", "chance": [0.5, 0.25]}) + "\n")
    (row,) = read_rows(tmp_path, "a")
    assert (row.picture, row.chance) == ("x.png", (0.5, 0.25))


def test_two_processes_share_the_pictures_and_write_what_one_writes(pictures, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    stats = ["stats", str(pictures), "--faithfulness", "--model", "vit_cifar10", "--methods", "raw"]
    stats += ["--steps", "3", "--orders", "2", "-o"]
    script = tmp_path / "script.py"
    script.write_text(NOTED)
    for name, way in {"one": [sys.executable], "two": launch}.items():
        noted = tmp_path / f"noted by {name}"
        noted.mkdir()
        command = [*way, str(script), *stats, str(tmp_path / f"{name}.md")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NOTED": str(noted)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        who = [path.name.split() for path in noted.iterdir()]
        assert sorted(picture for picture, _ in who) == [f"{number}.png" for number in range(6)]  # each once
        assert len({process for _, process in who}) == {"one": 1, "two": 2}[name]
        assert done.stdout.count("written") == 1  # one process speaks
    assert (tmp_path / "one.pictures.csv").read_text() == (tmp_path / "two.pictures.csv").read_text()
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()

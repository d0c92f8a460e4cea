import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from vit.ui import disk
from vit.ui.disk import own_folder, remove_own_folder, sweep
from vit.ui.limits import AGE


def _file(folder: Path, name: str, size: int, age: float) -> Path:
    home = folder / name
    home.mkdir()
    path = home / "file.bin"
    path.write_bytes(bytes(size))
    _aged(path, age)
    return path


def _aged(path: Path, age: float) -> None:
    then = time.time() - age
    os.utime(path, (then, then))


def test_the_oldest_files_go_until_the_rest_fits(tmp_path):
    old, middle, new = (_file(tmp_path, name, 100, age) for name, age in (("a", 300), ("b", 200), ("c", 100)))
    assert sweep(tmp_path, 250, young=60) == 200
    assert not old.exists() and middle.exists() and new.exists()
    assert sweep(tmp_path, 250, young=60) == 200


def test_a_file_that_a_page_may_be_fetching_stays_and_empty_folders_go(tmp_path):
    young = _file(tmp_path, "young", 500, 10)
    assert sweep(tmp_path, 300, young=60) == 500 and young.exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    _aged(empty, 100)
    sweep(tmp_path, 100, young=60)
    assert not empty.exists() and tmp_path.exists()


def test_a_flood_of_uploads_stays_within_twice_the_limit(tmp_path):
    files = [_file(tmp_path, name, 100, age) for name, age in (("a", 30), ("b", 20), ("c", 10))]
    assert sweep(tmp_path, 100, young=60) == 200
    assert [path.exists() for path in files] == [False, True, True]


def test_what_nobody_asked_for_in_an_hour_goes_though_there_is_room(tmp_path):
    old, new = (_file(tmp_path, name, 100, age) for name, age in (("old", AGE + 1), ("new", AGE - 60)))
    assert sweep(tmp_path, 1000) == 100
    assert not old.exists() and new.exists()


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder that isn't ours alone, named by GRADIO_TEMP_DIR."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(disk, "_ours", [])
    monkeypatch.setattr(disk, "_locks", [])
    return tmp_path


def test_other_peoples_files_in_the_same_place_are_left_alone(shared):
    theirs = _file(shared, "theirs", 500, 9999)
    folder = own_folder()
    assert folder.parent == shared and os.environ["GRADIO_TEMP_DIR"] == str(folder)
    with tempfile.NamedTemporaryFile() as file:  # what others leave, such as a broken-off upload, is watched over too
        assert Path(file.name).parent == folder
    own = _file(folder, "own", 100, 9999)
    assert sweep(folder, 0) == 0 and not own.exists() and theirs.exists()
    remove_own_folder()
    assert theirs.exists() and not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such lock")
def test_a_trap_in_a_shared_place_empties_no_file_and_holds_nobody_up(shared, tmp_path_factory):
    treasure = tmp_path_factory.mktemp("home") / "thesis.tex"
    treasure.write_text("everything")
    for name in ("vit-link", "vit-pipe"):
        (shared / name).mkdir()
    (shared / "vit-link" / ".held").symlink_to(treasure)
    os.mkfifo(shared / "vit-pipe" / ".held")
    (shared / "vit-elsewhere").symlink_to(treasure.parent)
    own_folder()
    assert treasure.read_text() == "everything"


@pytest.mark.skipif(sys.platform == "win32", reason="no such lock")
def test_what_a_killed_server_left_is_removed_and_a_living_ones_is_not(shared):
    code = "import time; from vit.ui.disk import own_folder; print(own_folder(), flush=True); time.sleep(60)"
    killed, living = (
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        left, held = (Path((each.stdout or sys.stdin).readline().strip()) for each in (killed, living))
        _file(left, "photo", 10, 0)
        killed.kill()
        killed.wait()
        assert left.exists() and held.exists()
        own_folder()
        assert not left.exists() and held.exists()
    finally:
        for each in (killed, living):
            each.kill()
            each.communicate()

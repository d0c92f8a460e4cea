import os
import time
from pathlib import Path

from vit.ui.disk import sweep


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
    assert sweep(tmp_path, 100, young=60) == 500 and young.exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    _aged(empty, 100)
    sweep(tmp_path, 100, young=60)
    assert not empty.exists() and tmp_path.exists()

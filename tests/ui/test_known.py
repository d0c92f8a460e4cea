"""What the server knows without being sent the photo: the same answer, of the same file and model, and nothing else."""

import hashlib
from functools import partial

import numpy as np
import pytest
from gradio.data_classes import ImageData
from PIL import Image

from vit.analysis import Analysis
from vit.ui import explore
from vit.ui.door import Door, Sent
from vit.ui.known import Known, example_key, file_key
from vit.ui.pack import FILES

MODEL = "vit_cifar10"


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture
def analysis() -> Analysis:
    return Analysis(cache_bytes=64 << 20)


def looked(analysis: Analysis, known: Known, photo: str, picture: np.ndarray, folder: str) -> dict:
    """The page's answer, remembered under ``photo``."""
    return list(explore.answers(analysis, picture, MODEL, {}, folder, partial(known.remember, photo)))[-1]


def test_what_was_answered_is_known_by_file_and_model(analysis, tmp_path, picture):
    known = Known(analysis, str(tmp_path))
    asked = [file_key(b"the file"), MODEL]
    assert known.find(asked) is None
    answer = looked(analysis, known, asked[0], picture, str(tmp_path))
    found = known.find(asked)
    assert found is not None
    for name in FILES:
        assert found[name].pop("url") == f"gradio_api/file={answer[name]['path']}"
    assert found == answer
    assert known.find([asked[0], "deit_imagenette"]) is None
    assert known.find([file_key(b"another"), MODEL]) is None


def test_what_is_known_goes_with_its_record_and_with_its_files(analysis, tmp_path, picture):
    known = Known(analysis, str(tmp_path))
    answer = looked(analysis, known, "a", picture, str(tmp_path))
    (tmp_path / answer["maps"]["path"]).unlink()
    assert known.find(["a", MODEL]) is None

    looked(analysis, known, "a", picture, str(tmp_path))
    assert known.find(["a", MODEL])
    (record,) = analysis._records.values()
    analysis.cache_bytes = int(1.5 * record.bytes)
    analysis.record(255 - picture, MODEL)  # which leaves no room for the one before
    assert known.find(["a", MODEL]) is None


def test_being_known_counts_as_being_used(analysis, tmp_path, picture):
    known = Known(analysis, str(tmp_path))
    looked(analysis, known, "a", picture, str(tmp_path))
    (record,) = analysis._records.values()
    analysis.cache_bytes = int(2.5 * record.bytes)
    looked(analysis, known, "b", 255 - picture, str(tmp_path))
    assert known.find(["a", MODEL])
    looked(analysis, known, "c", picture[::-1], str(tmp_path))  # the oldest goes: that is b by now
    assert known.find(["a", MODEL]) and known.find(["c", MODEL]) and known.find(["b", MODEL]) is None


@pytest.mark.parametrize("asked", [None, [], ["a"], ["a", None], ["a", MODEL, "b"], {"a": MODEL}, [["a"], MODEL], "a"])
def test_anything_else_that_is_sent_is_not_known(analysis, tmp_path, picture, asked):
    known = Known(analysis, str(tmp_path))
    looked(analysis, known, "a", picture, str(tmp_path))
    assert known.find(asked) is None


def test_the_key_is_the_servers_own_and_what_a_browser_works_out(tmp_path, picture):
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    sent = Door(render=False).preprocess(ImageData(path=str(path)))
    assert isinstance(sent, Sent) and np.array_equal(sent.pixels, picture)
    assert sent.key() == hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    assert sent.key() == ""


def test_a_photo_without_a_key_is_not_remembered(analysis, tmp_path, picture):
    known = Known(analysis, str(tmp_path))
    looked(analysis, known, "", picture, str(tmp_path))
    assert known.find(["", MODEL]) is None


def test_no_file_is_called_like_an_example():
    assert ":" in example_key("dog") and ":" not in file_key(b"")

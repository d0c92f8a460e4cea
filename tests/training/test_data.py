import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vit.errors import DataError
from vit.training import data
from vit.training.data import Pictures, Split, open_data


def test_a_folder_gives_its_pictures_with_their_classes(folder):
    train, validation = open_data(folder, "train"), open_data(folder, "validation")
    assert train.labels == validation.labels == ("blue", "red")
    assert (len(train.classes), len(validation.classes)) == (24, 12)
    picture, label = Pictures(train)[0]
    assert (picture.shape, picture.dtype, label) == ((3, 32, 32), torch.uint8, 0)
    assert picture[2].float().mean() > 150  # blue


def test_a_test_folder_will_do_for_a_val_folder(folder):
    (folder / "val").rename(folder / "test")
    assert len(open_data(folder, "validation").classes) == 12


def test_measuring_needs_no_training_pictures(folder):
    shutil.rmtree(folder / "train")
    assert len(open_data(folder, "validation")) == 12
    with pytest.raises(DataError, match="no train folder"):
        open_data(folder, "train")


def test_underscores_in_a_class_are_spaces_in_its_label(folder):
    for split in ("train", "val"):
        (folder / split / "red").rename(folder / split / "deep_red")
    assert open_data(folder, "train").labels == ("blue", "deep red")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: shutil.rmtree(folder), "There is no folder"),
        (lambda folder: [shutil.rmtree(folder / split) for split in ("train", "val")], "no train folder"),
        (lambda folder: (folder / "val").rename(folder / "other"), "no val or test folder"),
        (lambda folder: (folder / "train").rename(folder / "other"), "no train folder"),
        (lambda folder: (folder / "val" / "red").rename(folder / "val" / "green"), r"different classes \(green, red\)"),
        (lambda folder: [path.unlink() for path in (folder / "train" / "red").iterdir()], r"there is none in red\.$"),
        (lambda folder: [shutil.rmtree(folder / s / "red") for s in ("train", "val")], r"one class only \(blue\)"),
        (lambda folder: [shutil.rmtree(folder / "train" / c) for c in ("red", "blue")], "class: there is none in it"),
    ],
)
def test_data_that_can_not_be_used_is_a_sentence(folder, spoil, says):
    spoil(folder)
    with pytest.raises(DataError, match=says) as caught:
        open_data(folder, "train")
    assert "Supported extensions" not in str(caught.value)


def test_a_folder_that_may_not_be_read_is_a_sentence(folder, monkeypatch):
    def closed(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("vit.training.data.ImageFolder", closed)
    with pytest.raises(DataError, match=r"train can't be read: Permission denied\.$"):
        open_data(folder, "train")


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_an_unreadable_file_is_named(folder, content):
    (folder / "train" / "red" / "7.png").write_bytes(content)
    with pytest.raises(DataError, match=r"train/red/7\.png can't be used: "):
        Pictures(open_data(folder, "train"))


def test_more_pictures_than_memory_are_decoded_when_their_turn_comes(folder, monkeypatch):
    split = open_data(folder, "train")
    kept, fresh = Pictures(split), Pictures(split, keep=0)
    assert all(torch.equal(kept[number][0], fresh[number][0]) for number in range(len(split.classes)))
    decoded = []
    monkeypatch.setattr(data, "load_image", lambda path: decoded.append(path) or np.zeros((8, 8, 3), np.uint8))
    assert kept[3][0].shape == (3, 32, 32)
    assert fresh[3][0].shape == (3, 8, 8)
    assert decoded == [split.sources[3]]


def test_large_pictures_are_kept_small_enough_for_their_crops(tmp_path):
    Image.new("RGB", (100, 60)).save(tmp_path / "a.png")
    split = Split([tmp_path / "a.png"], (0,), ("one", "two"))
    assert Pictures(split)[0][0].shape == (3, 60, 100)
    assert Pictures(split, side=32)[0][0].shape == (3, 32, 53)
    assert Pictures(split, side=200)[0][0].shape == (3, 60, 100)
    assert split.side() == 60


def test_a_share_is_the_same_of_every_class_and_part_of_every_larger_one():
    names = [Path(f"{number}.png") for number in range(100)]
    split = Split(names, (0,) * 80 + (1,) * 20, ("often", "rarely"))
    tenth, third, whole = split.part(0.1), split.part(0.3), split.part(1.0)
    assert [tenth.classes.count(label) for label in (0, 1)] == [8, 2]
    assert [third.classes.count(label) for label in (0, 1)] == [24, 6]
    assert set(tenth.sources) < set(third.sources) < set(whole.sources)
    known = dict(zip(names, split.classes, strict=True))
    assert all(known[Path(str(name))] == label for name, label in zip(third.sources, third.classes, strict=True))
    assert split.part(0.001).classes.count(1) == 1
    rest, held = split.hold_out(0.1)
    assert (len(rest), len(held)) == (90, 10)
    assert not set(rest.sources) & set(held.sources)


def test_holding_out_every_picture_of_a_class_is_a_sentence():
    split = Split([Path("a.png"), Path("b.png")], (0, 1), ("one", "two"))
    with pytest.raises(DataError, match="50% held out"):
        split.hold_out(0.5)


def test_cifar10_comes_through_torchvision(monkeypatch, tmp_path):
    """Its own loader and download; a folder of that name goes before it."""
    asked = []

    class Stand:
        data, targets, classes = np.full((3, 32, 32, 3), 7, np.uint8), [0, 9, 0], [f"class {n}" for n in range(10)]

        def __init__(self, root, train, download):
            asked.append((train, download))

    monkeypatch.setattr(data, "CIFAR10", Stand)
    monkeypatch.chdir(tmp_path)
    split = open_data("cifar10", "validation")
    assert asked == [(False, True)]
    assert split.classes == (0, 9, 0)
    assert len(split.labels) == 10
    assert Pictures(split)[1][0].shape == (3, 32, 32)
    (tmp_path / "cifar10").mkdir()
    with pytest.raises(DataError, match="no train folder"):
        open_data("cifar10", "train")


def test_cifar10_without_a_network_is_a_sentence(monkeypatch, tmp_path):
    def fails(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(data, "CIFAR10", fails)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="could not be downloaded"):
        open_data("cifar10", "train")

"""Folders of small pictures to learn from."""

import numpy as np
import pytest
from PIL import Image

from vit.training.data import Pictures, open_data


@pytest.fixture
def folder(tmp_path):
    """Two classes that a glance tells apart: red pictures and blue ones, 24 to learn from and 12 to measure on."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6)):
        for label, channel in (("red", 0), ("blue", 2)):
            place = tmp_path / "data" / split / label
            place.mkdir(parents=True)
            for number in range(count):
                picture = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
                picture[..., channel] += 150
                Image.fromarray(picture).save(place / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def learning(folder):
    return Pictures(open_data(folder, "train"))


@pytest.fixture
def measured(folder):
    return Pictures(open_data(folder, "validation"))


@pytest.fixture
def noise(tmp_path):
    """64 pictures of noise in four classes that nothing but memory can tell apart; both splits are the same."""
    rng = np.random.default_rng(0)
    for number in range(64):
        picture = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        for split in ("train", "val"):
            place = tmp_path / "noise" / split / f"class {number % 4}"
            place.mkdir(parents=True, exist_ok=True)
            picture.save(place / f"{number}.png")
    return tmp_path / "noise"

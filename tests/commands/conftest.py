from pathlib import Path

import pytest
from PIL import Image

from tests.families import photo
from tests.models.conftest import bundle as bundle


@pytest.fixture
def work(tmp_path, bundle, monkeypatch) -> Path:
    """The folder that a command runs in, with a photo in it, and a bundled model called "tiny"."""
    bundle("tiny")
    Image.fromarray(photo(height=60, width=90)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tests.render.drawn import grey, photo
from vit.errors import VitError
from vit.render import encode, files, save


def test_png_gives_back_every_pixel_in_rgb():
    image = photo(20, 30)
    assert (np.asarray(Image.open(io.BytesIO(encode(image, "png")))) == image).all()


def test_jpeg_is_near_and_in_rgb():
    image = grey(40, 40)
    image[..., 0] = 220
    read = Image.open(io.BytesIO(encode(image, "jpeg")))
    assert read.format == "JPEG" and read.size == (40, 40)
    assert np.abs(np.asarray(read).astype(int) - image).max() < 6
    assert encode(image, "jpg") == encode(image, "jpeg") == encode(image)


def test_nothing_but_the_picture_is_in_the_file():
    assert not Image.open(io.BytesIO(encode(photo()))).getexif()
    assert set(Image.open(io.BytesIO(encode(photo(), "png"))).info) <= {"dpi"}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG"])
def test_saved_files_open_and_leave_no_draft(tmp_path, name):
    save(photo(), tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with Image.open(tmp_path / name) as read:
        assert read.size == (48, 32)


def test_an_unknown_format_is_a_sentence(tmp_path):
    with pytest.raises(VitError, match="jpeg or png"):
        encode(photo(), "bmp")
    with pytest.raises(VitError, match=".png"):
        save(photo(), tmp_path / "a.txt")


def test_a_folder_that_is_not_there_is_a_sentence_without_the_path(tmp_path):
    with pytest.raises(VitError, match="out.png couldn't be written") as raised:
        save(photo(), tmp_path / "nowhere" / "out.png")
    assert str(tmp_path) not in str(raised.value)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    save(photo(), tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(VitError, match="No space left"):
        save(grey(10, 10), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_nobody_reads_half_a_file(tmp_path):
    target = tmp_path / "shared.png"
    pictures = [grey(300, 300, level) for level in (10, 200)]
    save(pictures[0], target)
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(save, pictures[n % 2], target) for n in range(40)]
        while not all(write.done() for write in writes):
            read = np.asarray(Image.open(io.BytesIO(target.read_bytes())))
            assert len(np.unique(read)) == 1
        for write in writes:
            write.result()

import io

import numpy as np
import pytest
from PIL import Image

from tests.render.drawn import grey, photo
from vit.errors import ImageError, MethodError
from vit.render import animation, colormap_table


def frames_of(content):
    gif = Image.open(io.BytesIO(content))
    read = []
    for number in range(getattr(gif, "n_frames", 1)):
        gif.seek(number)
        read.append(np.asarray(gif.convert("RGB")))
    return gif, read


def test_frames_come_back_in_order_at_their_pace(tmp_path):
    frames = [grey(24, 36, level) for level in (20, 120, 220)]
    content = animation(frames, tmp_path / "a.gif", fps=5)
    assert (tmp_path / "a.gif").read_bytes() == content
    gif, read = frames_of(content)
    assert gif.info["loop"] == 0 and gif.info["duration"] == 200
    assert [int(frame.mean().round()) for frame in read] == [20, 120, 220]


def test_the_colours_of_heat_keep_their_place_beside_a_photo():
    frame = np.repeat(np.arange(0, 200, dtype=np.uint8)[:, None, None], 300, 1).repeat(3, 2)  # a grey photo
    frame = np.ascontiguousarray(frame)
    frame[190:198, 10:266] = colormap_table("turbo")  # and a small colour bar
    (back,) = frames_of(animation([frame]))[1]
    assert np.abs(back[190:198, 10:266].astype(int) - frame[190:198, 10:266]).mean() < 5
    assert np.abs(back.astype(int) - frame).mean() < 4


def test_large_frames_are_scaled_down():
    gif, _ = frames_of(animation([grey(500, 1000)], longest=200))
    assert gif.size == (200, 100)


@pytest.mark.parametrize("side", [(1, 1), (1, 900), (33, 17)])
def test_odd_sizes(side):
    gif, _ = frames_of(animation([photo(*side), grey(*side)]))
    assert max(gif.size) <= 640


def test_what_makes_no_animation_is_an_error():
    with pytest.raises(MethodError, match="at least one"):
        animation([])
    with pytest.raises(MethodError, match="one size"):
        animation([grey(4, 4), grey(4, 5)])
    with pytest.raises(MethodError, match="a second"):
        animation([grey(4, 4)], fps=0)
    with pytest.raises(ImageError):
        animation([np.zeros((4, 4))])

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.training.tiny import TINY, quiet
from vit.errors import DataError, VitError
from vit.image import fingerprint
from vit.training.networks import untrained
from vit.training.watch import Watch

PHOTO = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_a_run_is_watched_to_its_end(learning, tmp_path):
    watch = Watch(PHOTO, tmp_path / "run" / "watch", TINY, ("blue", "red"))
    quiet(learning, tmp_path / "run", watchers=[watch])
    watch.write()
    kept = [torch.load(path, weights_only=True) for path in sorted((tmp_path / "run" / "watch").iterdir())]
    assert [tuple(each["values"].shape) for each in kept] == [(2, 2), (4, 4), (4, 4)]  # at 16, 32 and 32 pixels
    assert [each["words"].split(" · ")[:2] for each in kept] == [["epoch 1", "16 px"]] + [
        [f"epoch {n}", "32 px"] for n in (2, 3)
    ]
    assert not torch.equal(kept[1]["values"], kept[2]["values"])  # looking has changed
    with Image.open(tmp_path / "run" / "watch.gif") as film:
        assert getattr(film, "n_frames", 1) == 3
    with Image.open(tmp_path / "run" / "watch.png") as sheet:
        assert sheet.width > 3 * 240


def test_every_frame_and_every_cell_shows_its_own_map(tmp_path):
    """With the same words under all, so that it is maps that differ."""
    watch = Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red"))
    watch.folder.mkdir()
    for number, values in enumerate(torch.eye(4).view(4, 2, 2)[:3]):
        kept = {"values": values, "caption": "", "words": "a map", "photo": fingerprint(watch.photo)}
        torch.save(kept, watch.folder / f"{number:04}.pt")
    watch.write()
    with Image.open(tmp_path / "watch.gif") as film:
        frames = [np.asarray(frame.convert("RGB"), int) for frame in ImageSequence.Iterator(film)]
    with Image.open(tmp_path / "watch.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"), int)
    cells = np.split(pixels[:, 12:], 3, axis=1)  # a gap on the left, then one on the right of each
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(frames[one] - frames[two]).mean() > 2
        assert np.abs(cells[one] - cells[two]).mean() > 2


def test_watching_changes_nothing_of_the_run(learning, tmp_path):
    watch = Watch(PHOTO, tmp_path / "one" / "watch", TINY, ("blue", "red"))
    watched = quiet(learning, tmp_path / "one", watchers=[watch]).state_dict()
    plain = quiet(learning, tmp_path / "two").state_dict()
    assert all(torch.equal(watched[name], plain[name]) for name in plain)


def test_only_the_chosen_epochs_and_the_last_are_kept(tmp_path):
    recipe = replace(TINY, epochs=(0, 5))
    watch = Watch(PHOTO, tmp_path / "watch", recipe, ("blue", "red"), every=2)
    for epoch in range(1, 6):
        watch(epoch, untrained(recipe, 2))
    assert sorted(path.stem for path in (tmp_path / "watch").iterdir()) == ["0002", "0004", "0005"]


def test_a_network_without_token_attention_is_told_before_the_run(tmp_path):
    with pytest.raises(VitError):
        Watch(PHOTO, tmp_path / "watch", replace(TINY, network="resnet", optimizer="adamw"), ("blue", "red")).check()
    Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red")).check()
    assert not (tmp_path / "watch").exists()


def test_a_damaged_map_is_named(tmp_path):
    watch = Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red"))
    watch(3, untrained(TINY, 2))
    (tmp_path / "watch" / "0003.pt").write_bytes(b"half")
    with pytest.raises(DataError, match=r"0003\.pt is damaged"):
        watch.write()


def test_maps_of_another_photo_are_not_mixed_in(tmp_path):
    Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red"))(3, untrained(TINY, 2))
    other = Watch(PHOTO[::-1].copy(), tmp_path / "watch", TINY, ("blue", "red"))
    with pytest.raises(DataError, match="another photo"):
        other.check()


def test_a_large_photo_is_kept_as_large_as_it_is_drawn(tmp_path):
    assert Watch(np.zeros((3000, 4000, 3), np.uint8), tmp_path, TINY, ("blue", "red")).photo.shape == (360, 480, 3)


def test_maps_of_a_run_that_was_here_before_are_let_go_of(tmp_path):
    watch = Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red"))
    for epoch in (1, 2, 3, 1):
        watch(epoch, untrained(TINY, 2))
    assert [path.name for path in (tmp_path / "watch").iterdir()] == ["0001.pt"]


def test_a_kill_while_a_map_is_written_leaves_none(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    watch = Watch(PHOTO, tmp_path / "watch", TINY, ("blue", "red"))
    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        watch(1, untrained(TINY, 2))
    assert not list((tmp_path / "watch").glob("*.pt"))
    watch.check()

"""The hub at its best and at its worst: whatever it does, a whole file or a sentence, in time."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from tests.hub import SMALL
from vit.errors import ModelError
from vit.models import cached_timm_names, load_model

REPOSITORY = f"timm/{SMALL}"


def _refused(match: str, seconds: float, **options) -> str:
    """The sentence of a load that must fail within ``seconds``."""
    start = time.monotonic()
    with pytest.raises(ModelError, match=match) as caught:
        load_model(SMALL, **options)
    assert time.monotonic() - start < seconds
    return str(caught.value)


def _nothing_left(cache) -> bool:
    """No half-written file in the cache, nothing that would be taken for weights, no thread and no process of ours."""
    children = subprocess.run(["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    return (
        not list(cache.rglob("*.incomplete"))
        and cached_timm_names() == []
        and "download_process" not in children
        and not any(thread.name == "download-progress" for thread in threading.enumerate())
    )


def _same_weights(model, data: bytes) -> bool:
    from safetensors.torch import load

    state = model.network.state_dict()
    return all(torch.equal(state[key], tensor) for key, tensor in load(data).items())


def test_download_then_cache(hub, cache, small_weights):
    model = load_model(SMALL)
    assert _same_weights(model, small_weights)
    assert model.provenance == f"hub:{REPOSITORY}"
    assert cached_timm_names() == [SMALL]
    del model
    hub.asked.clear()
    assert _same_weights(load_model(SMALL), small_weights)
    assert hub.asked == []  # the cache is enough


def test_progress_comes_while_bytes_come(hub, cache, small_weights):
    hub.mode, hub.delay, hub.piece = "slow", 0.15, len(small_weights) // 8
    steps, times = [], []

    def progress(done, total):
        steps.append((done, total))
        times.append(time.monotonic())

    load_model(SMALL, progress=progress)
    assert steps[-1] == (len(small_weights), len(small_weights))
    assert len({done for done, _ in steps}) >= 4 and steps == sorted(steps)
    assert times[-1] - times[0] > 0.5  # in step with the network, not all at the end


def test_fault(hub, cache, bundle, small_weights):
    hub.mode = "fault"
    sentence = _refused("hub answered 503", 15)
    assert "none has been downloaded" in sentence and hub.address not in sentence and str(cache) not in sentence
    assert _nothing_left(cache)
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)


@pytest.mark.parametrize("mode", ["hang", "hang_body", "slow"])
def test_deadline(hub, cache, small_weights, mode):
    hub.mode, hub.delay, hub.piece = mode, 0.5, 50_000
    _refused("within 3 s", 8, deadline=3)
    assert _nothing_left(cache)
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)


def test_the_deadline_of_the_environment(hub, cache, monkeypatch):
    hub.mode = "hang"
    monkeypatch.setenv("VIT_DOWNLOAD_DEADLINE", "2")
    _refused("within 2 s", 8)


def test_cut_off(hub, cache, small_weights):
    hub.mode = "cut"
    _refused("broke off|did not deliver", 12, deadline=6)
    assert _nothing_left(cache)
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)


def test_a_cache_that_can_t_be_written(hub, cache, small_weights, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("where a folder is wanted")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))  # the program that downloads reads it
    sentence = _refused("can't be written.*HF_HOME", 15)
    assert str(tmp_path) not in sentence and "work without one" not in sentence.partition("HF_HOME")[0]


def test_a_turned_byte_is_noticed(hub, cache, small_weights):
    hub.mode = "corrupt"
    _refused("sent a damaged file", 15)
    assert _nothing_left(cache)
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)


@pytest.mark.parametrize(("mode", "sentence"), [("refused", "HF_TOKEN"), ("nothing", "no safetensors weights")])
def test_no_such_file_or_not_for_us(hub, cache, mode, sentence):
    hub.mode = mode
    _refused(sentence, 15)
    assert _nothing_left(cache)


def test_no_network(hub, cache, bundle, monkeypatch):
    bundle("tiny")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    sentence = _refused("No network", 15)
    assert "The bundled models work without one: tiny." in sentence
    assert _nothing_left(cache)


def test_the_hub_library_told_to_stay_offline(hub, cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    _refused("HF_HUB_OFFLINE is set", 5)
    assert hub.asked == []


def test_vit_offline(hub, cache, bundle, monkeypatch):
    bundle("tiny")
    monkeypatch.setenv("VIT_OFFLINE", "1")
    assert "bundled models work without one: tiny" in _refused("VIT_OFFLINE allows only bundled", 5)
    assert hub.asked == []
    assert load_model("tiny").provenance == "bundled"


@pytest.mark.parametrize("damage", ["truncated", "turned", "emptied"])
def test_a_damaged_cache_is_cleared(hub, cache, small_weights, damage):
    load_model(SMALL)
    blob = next(path for path in (cache / f"models--timm--{SMALL}" / "blobs").iterdir())
    data = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(
        {"truncated": data[:-1000], "turned": data[:-50] + bytes([data[-50] ^ 1]) + data[-49:], "emptied": b""}[damage]
    )
    hub.asked.clear()
    _refused("was damaged .* removed. Try again", 5)
    assert hub.asked == [] and _nothing_left(cache)
    assert _same_weights(load_model(SMALL), small_weights)


def test_cancel(hub, cache):
    hub.mode, cancel = "hang", threading.Event()
    threading.Timer(1.5, cancel.set).start()
    _refused("cancelled", 6, cancel=cancel)
    assert _nothing_left(cache)


def test_progress_that_raises_ends_the_download(hub, cache):
    hub.mode, hub.delay = "slow", 0.3

    def closed(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_model(SMALL, progress=closed)
    assert _nothing_left(cache)


def test_two_at_once_load_once(hub, cache, small_weights):
    hub.mode, hub.delay = "slow", 0.05
    models = []
    threads = [threading.Thread(target=lambda: models.append(load_model(SMALL))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(models) == 4 and len({id(model.network) for model in models}) == 1
    assert [line.split()[0] for line in hub.asked].count("GET") == 1
    assert _same_weights(models[0], small_weights)


def test_waiting_for_another_ends_too(hub, cache):
    hub.mode = "hang"
    first = threading.Thread(target=_refused, args=("within 6 s", 12), kwargs={"deadline": 6})
    first.start()
    time.sleep(1)
    _refused("still being loaded", 5, deadline=1)
    first.join(20)
    assert not first.is_alive() and _nothing_left(cache)


def test_the_download_ends_with_its_parent(hub, cache):
    """A parent that is killed outright leaves no process behind that goes on downloading."""
    hub.mode = "hang"
    code = f"from vit.models import load_model; load_model({SMALL!r})"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    until = time.monotonic() + 40
    while not hub.asked and time.monotonic() < until:
        time.sleep(0.1)
    listing = ["ps", "-o", "pid=", "--ppid", str(parent.pid)]
    child = int(subprocess.run(listing, capture_output=True, text=True).stdout.split()[0])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 5
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _runs(child)


def test_killed_in_the_middle_and_again_afterwards(hub, cache, small_weights):
    """Half a file of a killed program is neither taken for weights nor in the way of the next one."""
    hub.mode, hub.delay, hub.piece = "slow", 0.5, len(small_weights) // 20
    code = f"from vit.models import load_model; load_model({SMALL!r})"
    program = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    until, half = time.monotonic() + 60, 0
    while not half and time.monotonic() < until:
        time.sleep(0.05)
        half = max((path.stat().st_size for path in cache.rglob("*.incomplete")), default=0)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert 0 < half < len(small_weights)  # it was under way; what is left of it may be cleaned up by now
    assert cached_timm_names() == []
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)
    assert cached_timm_names() == [SMALL]
    hub.asked.clear()
    assert _same_weights(load_model(SMALL), small_weights) and hub.asked == []


def _download_processes() -> list[int]:
    listing = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [int(line.split()[0]) for line in listing.stdout.splitlines() if "download_process" in line]


def test_a_download_that_is_killed_is_a_sentence(hub, cache, small_weights):
    """As when the machine runs out of memory: the program itself lives on."""
    hub.mode, hub.delay, hub.piece = "slow", 0.3, len(small_weights) // 20

    def kill():
        until = time.monotonic() + 30
        while not any(half.stat().st_size for half in cache.rglob("*.incomplete")) and time.monotonic() < until:
            time.sleep(0.05)
        for pid in _download_processes():
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    sentence = _refused("stopped without a word", 40)
    killer.join()
    assert hub.address not in sentence and str(cache) not in sentence
    assert cached_timm_names() == []  # its half file is under a temporary name, and not taken for weights
    hub.mode = "good"
    assert _same_weights(load_model(SMALL), small_weights)


def _runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")

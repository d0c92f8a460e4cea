"""The model to begin with, found by looking into the cache's folders only."""

import json
import time

import pytest
import timm

from vit.models import cached_timm_names, default_model, works_offline
from vit.models.default import _CLASSIFIER, _FAMILIES, _PREFERRED
from vit.models.hub_cache import cached_file


def _put(cache, name: str, whole: bool = True) -> None:
    """A file in the cache, of the shape that the hub's library leaves; the smallest safetensors there is."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    data = len(header).to_bytes(8, "little") + header + b"\0" * (16 if whole else 9)
    folder = cache / f"models--timm--{name}"
    for part in ("refs", "blobs", "snapshots/abc123"):
        (folder / part).mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc123")
    (folder / "blobs" / "etag").write_bytes(data)
    (folder / "snapshots" / "abc123" / "model.safetensors").symlink_to("../../blobs/etag")


def test_a_cached_transformer_comes_before_the_bundled(cache, bundle):
    bundle("tiny")
    assert default_model() == "tiny"
    _put(cache, "resnet50.a1_in1k")  # no attention
    _put(cache, "vit_base_patch16_224.mae")  # no classifier
    _put(cache, "vit_small_patch16_224.augreg_in21k_ft_in1k", whole=False)
    assert default_model() == "tiny"
    _put(cache, "beit_base_patch16_224.in22k_ft_in22k_in1k")
    assert default_model() == "beit_base_patch16_224.in22k_ft_in22k_in1k"
    _put(cache, "deit_tiny_patch16_224.fb_in1k")
    assert default_model() == "deit_tiny_patch16_224.fb_in1k"
    assert cached_timm_names() == [
        "beit_base_patch16_224.in22k_ft_in22k_in1k",
        "deit_tiny_patch16_224.fb_in1k",
        "resnet50.a1_in1k",
        "vit_base_patch16_224.mae",
    ]


def test_offline_knows_the_bundled_only(cache, bundle, monkeypatch):
    bundle("tiny")
    _put(cache, "deit_tiny_patch16_224.fb_in1k")
    assert works_offline().endswith("So do those already on this machine: deit_tiny_patch16_224.fb_in1k.")
    monkeypatch.setenv("VIT_OFFLINE", "1")
    assert default_model() == "tiny"
    assert works_offline() == "The bundled models work without one: tiny."


def test_the_rules_agree_with_timm():
    """What is read off names must be true of the models: 1,000 classes, and families that exist."""
    names = timm.list_models(pretrained=True)
    matching = [name for name in names if _CLASSIFIER.search(name.partition(".")[2])]
    assert len(matching) > 1000
    configs = [timm.get_pretrained_cfg(name) for name in matching]
    assert all(config is not None and config.num_classes == 1000 for config in configs)
    assert all(any(name.startswith(prefix) for name in matching) for prefix in _FAMILIES)
    assert all(any(name.startswith(f"{wanted}.") for name in matching) for wanted in _PREFERRED)


@pytest.mark.parametrize("environment", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"])
def test_the_cache_is_where_the_hubs_library_has_it(cache, tmp_path, monkeypatch, environment):
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv(environment, str(tmp_path / "elsewhere"))
    import subprocess
    import sys

    from vit.models.hub_cache import hub_folder

    code = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.strip()
    assert str(hub_folder()) == said


def test_odd_caches_are_no_error(cache):
    assert cached_timm_names() == [] and cached_file("timm/x") is None
    cache.mkdir(parents=True)
    (cache / "models--timm--file").write_text("no folder")
    (cache / "models--timm--empty").mkdir()
    _put(cache, "odd.in1k")
    (cache / "models--timm--odd.in1k" / "refs" / "main").write_text("../../../../etc")
    _put(cache, "noise.in1k")
    (cache / "models--timm--noise.in1k" / "refs" / "main").write_bytes(b"\xff\xfe")
    assert cached_timm_names() == []


def test_it_is_quick(cache, bundle):
    bundle("tiny")
    for number in range(30):
        _put(cache, f"vit_base_patch{number}_224.x_in1k")
    start = time.process_time()
    default_model()
    assert time.process_time() - start < 0.5  # 5 ms here; a bound for a machine under load


# A cheap member of every family that may be the default.
MEMBERS = {
    "vit_tiny_patch": "vit_tiny_patch16_224",
    "vit_small_patch": "vit_small_patch32_224",
    "vit_base_patch": "vit_base_patch32_224",
    "deit_": "deit_tiny_distilled_patch16_224",
    "deit3_": "deit3_small_patch16_224",
    "beit_": "beit_base_patch16_224",
    "beitv2_": "beitv2_base_patch16_224",
    "eva02_": "eva02_tiny_patch14_224",
    "swin_": "swin_tiny_patch4_window7_224",
    "swinv2_tiny": "swinv2_tiny_window8_256",
    "swinv2_small": "swinv2_small_window8_256",
    "swinv2_base": "swinv2_base_window8_256",
}


@pytest.mark.parametrize("prefix", _FAMILIES)
def test_a_model_of_every_family_that_may_be_the_default_can_be_shown(prefix):
    from tests.families import photo
    from vit.capture import record_attention
    from vit.models import load_model

    assert MEMBERS[prefix].startswith(prefix)
    record = record_attention(load_model(MEMBERS[prefix], weights="random"), photo())
    assert len(record.layers) >= 12

"""The checkpoints in assets/weights: found without torch, loaded whole, described, refused with a sentence."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vit.errors import ModelError
from vit.models import bundled, bundled_names, default_model, describe, list_models, load_model
from vit.models.bundled import read_card

REAL = Path(bundled.__file__).parents[2] / "assets" / "weights"


def test_a_bundled_model_is_the_network_that_was_saved(bundle, cache):
    saved = bundle("tiny").half().float().eval()
    model = load_model("tiny")
    pixels = torch.randn(2, 3, 32, 32)
    assert torch.equal(model.network(pixels), saved(pixels))
    assert {tensor.dtype for tensor in model.network.state_dict().values()} == {torch.float32}
    assert not model.network.training and not any(p.requires_grad for p in model.network.parameters())
    assert (model.name, model.provenance, model.labels) == ("tiny", "bundled", ("church", "tench"))
    assert model.prepare.size == (32, 32) and model.prepare.mean == (0.485, 0.456, 0.406)


def test_deit_has_its_second_token(bundle, cache):
    bundle("two-heads", network="deit")
    assert load_model("two-heads").network.prefix == ("cls", "dist")


def test_the_same_name_is_the_same_network(bundle, cache):
    bundle("shared-one")
    assert load_model("shared-one").network is load_model("shared-one").network


def test_a_plain_vit_comes_before_a_better_deit(bundle, cache):
    bundle("better", network="deit", top1=80.0)
    bundle("plain", top1=70.0)
    assert bundled_names() == ["plain", "better"] and default_model() == "plain"


def test_names_come_by_accuracy_and_need_both_files(bundle, cache):
    bundle("fair", top1=50.0)
    bundle("best", top1=70.0)
    bundle("alone")
    (bundle.folder / "alone.safetensors").unlink()
    bundle("odd")
    (bundle.folder / "odd.json").write_text("{")
    assert bundled_names() == ["best", "fair", "odd"]
    assert default_model() == "best"


def test_list_begins_with_the_bundled_ones(bundle, cache, monkeypatch):
    bundle("tiny")
    names = list_models()
    assert names[0] == "tiny" and "vit_base_patch16_224.augreg2_in21k_ft_in1k" in names
    assert list_models("t?ny") == ["tiny"]
    assert list_models("deit3_small_patch16_224*")[0].startswith("deit3_small_patch16_224.")
    monkeypatch.setenv("VIT_OFFLINE", "1")
    assert list_models() == ["tiny"]


def test_describe(bundle):
    bundle("tiny", top1=61.24)
    assert describe("tiny") == "bundled · Imagenette, 2 classes · top-1 61.24%"


def test_random_weights_say_so(bundle, cache):
    saved = bundle("tiny")
    model = load_model("tiny", weights="random")
    assert model.untrained and model.provenance == "random"
    assert not torch.equal(model.network.state_dict()["head.weight"], saved.head.weight)


def test_a_file_of_ones_own(bundle, cache, tmp_path):
    from safetensors.torch import save_file

    state = bundle("tiny").state_dict()
    save_file({k: v + 1 for k, v in state.items()}, tmp_path / "mine.safetensors")
    model = load_model("tiny", weights=tmp_path / "mine.safetensors")
    assert model.provenance == "file:mine.safetensors"
    assert torch.equal(model.network.state_dict()["head.bias"], state["head.bias"] + 1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "transformer9"}, "unknown kind"),
        ({"shape": {"image_size": [32, 32], "patch": 8, "width": 24, "depth": 2, "heads": 3, "colour": 1}}, "possible"),
        ({"shape": {"image_size": [32, 32], "patch": 0}}, "no possible network"),
        ({"shape": {"image_size": [32, 32], "patch": 8, "width": 48, "depth": 2, "heads": 3}}, "do not fit"),
        ({"shape": 3}, "damaged"),
        ({"labels": ["a", "b", "c"]}, "do not fit"),
        ({"labels": None}, "lacks 'labels'"),
        ({"mean": [0.5]}, "how to prepare"),
        ({"std": [0.5]}, "how to prepare"),
        ({"interpolation": "magic"}, "how to prepare"),
        ({"top1": "many"}, "damaged"),
    ],
)
def test_a_card_that_can_not_be_right(bundle, cache, change, sentence):
    bundle("broken", **change)
    with pytest.raises(ModelError, match=sentence) as caught:
        load_model("broken")
    assert str(bundle.folder) not in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "noise", "empty", "pickle", "nan"])
def test_damaged_weights(bundle, cache, damage):
    network = bundle("broken")
    path = bundle.folder / "broken.safetensors"
    whole = path.read_bytes()
    if damage == "nan":
        from safetensors.torch import save_file

        save_file({k: v.half() * float("nan") for k, v in network.state_dict().items()}, path)
    elif damage == "pickle":
        torch.save(network.state_dict(), path)
    else:
        path.write_bytes({"truncated": whole[:-500], "noise": b"\xff" * 4000, "empty": b""}[damage])
    with pytest.raises(ModelError, match="weights of broken can't be") as caught:
        load_model("broken")
    assert str(bundle.folder) not in str(caught.value)
    path.write_bytes(whole)
    assert load_model("broken").provenance == "bundled"


def test_nothing_at_hand_is_a_sentence(bundle, cache):
    with pytest.raises(ModelError, match="No model is at hand"):
        default_model()


def test_names_need_no_torch(cache):
    code = (
        "import sys, vit.models as m; m.bundled_names(); m.cached_timm_names(); m.works_offline()\n"
        "try: m.default_model()\nexcept Exception as e: assert type(e).__name__ == 'ModelError', e\n"
        "print([n for n in ('torch', 'timm', 'torchvision', 'safetensors', 'huggingface_hub') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=REAL.parents[1])
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", [path.stem for path in sorted(REAL.glob("*.json"))] or [None])
def test_every_checkpoint_we_ship(name):
    if name is None:
        assert not list(REAL.glob("*.safetensors")), "weights without a card"
        pytest.skip("no checkpoint is bundled yet")
    text = (REAL / f"{name}.json").read_text()
    card = json.loads(text)
    said = ("network", "shape", "labels", "mean", "std", "interpolation", "data", "top1", "pictures", "command")
    for needed in (*said, "seed", "limits", "recipe"):
        assert card[needed] not in ("", [], None), f"the card lacks {needed}"
    assert not re.search(r"/(work|home|root|tmp|Users)/", text), "a path of a machine stands in the card"
    assert all(file.stat().st_size < 10_000_000 for file in REAL.glob(f"{name}.*"))
    assert card["pictures"] >= 1000 and f"top-1 {bundled.percent(card['top1'])}" in describe(name)
    model = load_model(name)
    answer = model.network(torch.zeros(1, 3, *model.prepare.size))
    assert answer.shape == (1, len(model.labels)) and bool(answer.isfinite().all())


def test_the_first_to_begin_with_is_made_for_photographs():
    names = bundled_names()
    sizes = [read_card(name).shape["image_size"][0] for name in names]
    assert sizes == sorted(sizes, reverse=True)
    assert read_card(names[0]).network in ("vit", "deit")

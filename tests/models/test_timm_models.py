"""timm models: a closed list of names, weights that are really loaded, preprocessing and labels of the model itself."""

import gc

import pytest
import timm
import torch
from safetensors.torch import load, save_file

from tests.hub import SMALL
from vit.errors import ModelError
from vit.models import load_model
from vit.models.timm_models import timm_names

ODD = [
    "",
    " ",
    "a" * 10_000,
    "../../etc/passwd",
    "/etc/passwd",
    "hf-hub:timm/test_vit.r160_in1k",
    "hf_hub:timm/test_vit.r160_in1k",
    "local-dir:/tmp",
    "timm/test_vit.r160_in1k",
    "C:\\models",
    "https://example.org/model",
    "test_vit.r160_in1k\n",
    "test_vit\x00",
    "модель",
    "{model}",
    "%2e%2e",
    "-rf",
    "..",
    None,
    7,
    b"test_vit",
    ["test_vit"],
]


def _config(name: str):
    config = timm.get_pretrained_cfg(name)
    assert config is not None
    return config


@pytest.fixture
def weights_path(tmp_path, small_weights):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(small_weights)
    return path


@pytest.mark.parametrize("weights", ["pretrained", "random"])
@pytest.mark.parametrize("name", ODD, ids=lambda name: repr(name)[:20])
def test_odd_names_are_refused(hub, name, weights):
    with pytest.raises(ModelError, match="letters, digits") as caught:
        load_model(name, weights=weights)
    assert len(str(caught.value)) < 300
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vit_smal_patch16_224", "Did you mean .*vit_small_patch16_224"),
        ("deit_tiny_patch16_225.fb_in1k", "Did you mean .*deit_tiny_patch16_224.fb_in1k"),
        ("test_vit.no_such_tag", "Did you mean"),
        ("vit_imagenete", "Did you mean vit_imagenette"),
        ("qqqqqqqqqqqqqq", "list of models"),
    ],
)
def test_unknown_names_suggest_what_is_close(hub, name, hint):
    with pytest.raises(ModelError, match=hint):
        load_model(name)
    assert hub.asked == []


def test_a_model_that_has_no_weights_says_so(hub):
    untrained = next(n for n in timm.list_models() if not timm.is_model_pretrained(n))
    with pytest.raises(ModelError, match="no trained weights"):
        load_model(untrained)
    with pytest.raises(ModelError, match="pickle"):
        load_model("gcvit_xxtiny.in1k")
    assert hub.asked == []


def test_every_listed_name_is_in_the_closed_list_and_on_the_hub():
    closed = set(timm.list_models(pretrained=True))
    assert set(timm_names()) <= closed and len(timm_names()) > 1500
    for name in closed - set(timm_names()):
        assert not _config(name).hf_hub_id


def test_with_and_without_tag_is_one_network(hub, small_weights):
    short, full = load_model("test_vit"), load_model(SMALL)
    assert short.network is full.network
    assert (short.name, full.name) == ("test_vit", SMALL)
    assert short.provenance == full.provenance == f"hub:timm/{SMALL}"
    assert [line.split()[0] for line in hub.asked].count("GET") == 1


def test_a_network_nobody_uses_is_let_go(hub):
    from vit.models.timm_models import _networks

    model = load_model(SMALL)
    assert SMALL in _networks._values
    del model
    gc.collect()
    assert SMALL not in _networks._values


def test_logits_are_those_of_timm_with_the_same_weights(weights_path, small_weights):
    model = load_model("test_vit", weights=weights_path)
    reference = timm.create_model(SMALL).eval()
    reference.load_state_dict(load(small_weights))
    pixels = torch.randn(2, 3, 160, 160)
    assert torch.equal(model.network(pixels), reference(pixels))
    assert model.provenance == "file:mine.safetensors"
    assert not model.network.training and not any(p.requires_grad for p in model.network.parameters())
    assert str(weights_path.parent) not in str(vars(model.network))


def test_weights_of_an_older_form_are_converted(tmp_path, small_weights):
    """Patches embedded by a linear map instead of a convolution, as MoCo's and others' files have it."""
    state = load(small_weights)
    old = {**state, "patch_embed.proj.weight": state["patch_embed.proj.weight"].flatten(1)}
    save_file(old, tmp_path / "old.safetensors")
    model = load_model("test_vit", weights=tmp_path / "old.safetensors")
    assert all(torch.equal(model.network.state_dict()[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("change", ["one missing", "one more", "another shape", "another model"])
def test_a_file_that_does_not_fit_is_refused(tmp_path, small_weights, change):
    state = load(small_weights)
    if change == "one missing":
        del state["blocks.0.mlp.fc1.weight"]
    elif change == "one more":
        state["blocks.9.mlp.fc1.weight"] = torch.zeros(3)
    elif change == "another shape":
        state["head.weight"], state["head.bias"] = state["head.weight"][:10].clone(), state["head.bias"][:10].clone()
    else:
        state = timm.create_model("test_resnet").state_dict()
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(ModelError, match=r"wrong\.safetensors do not fit") as caught:
        load_model("test_vit", weights=tmp_path / "wrong.safetensors")
    assert str(tmp_path) not in str(caught.value)


def test_gaps_are_noticed_even_where_timm_loads_loosely(tmp_path, monkeypatch):
    """timm loads a few families without strictness: what a file lacks would stay random, with a line in its log."""
    import timm.models._builder as builder

    state = timm.create_model("test_vit").state_dict()
    gone = ["blocks.0.attn.qkv.weight", "head.bias"]
    save_file({k: v for k, v in state.items() if k not in gone}, tmp_path / "gaps.safetensors")
    strict = builder.load_pretrained
    monkeypatch.setattr(builder, "load_pretrained", lambda *a, **k: strict(*a, **{**k, "strict": False}))
    with pytest.raises(ModelError, match="lack 2 of the tensors of test_vit"):
        load_model("test_vit", weights=tmp_path / "gaps.safetensors")


@pytest.mark.parametrize("damage", ["truncated", "noise", "pickle", "missing", "folder"])
def test_a_damaged_file_is_refused(tmp_path, small_weights, damage):
    path = tmp_path / "broken.safetensors"
    if damage == "folder":
        path.mkdir()
    elif damage == "pickle":
        torch.save(load(small_weights), path)
    elif damage != "missing":
        path.write_bytes({"truncated": small_weights[:-1000], "noise": b"\x00\xff" * 2000}[damage])
    with pytest.raises(ModelError, match=r"broken\.safetensors can't be") as caught:
        load_model("test_vit", weights=path)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("weights", ["model.pt", "model.bin", "pickle", "", "Random", 3, None])
def test_other_weights_are_refused(weights):
    with pytest.raises(ModelError, match="safetensors"):
        load_model("test_vit", weights=weights)


def test_random_weights_say_so_and_need_no_hub(hub):
    first, second = load_model("test_vit", weights="random"), load_model("test_vit", weights="random")
    assert first.untrained and first.provenance == "random" and hub.asked == []
    assert first.network is not second.network
    with pytest.raises(ModelError, match="no model called"):
        load_model("no_such_model", weights="random")


def test_random_weights_are_there_for_architectures_without_any_of_their_own():
    name = next(n for n in timm.list_models("*tiny*") if not timm.is_model_pretrained(n))
    assert load_model(name, weights="random").untrained


def test_preprocessing_is_the_models_own():
    model = load_model("test_vit", weights="random")
    config = _config("test_vit")
    assert model.prepare.size == config.input_size[1:] == (160, 160)
    assert (model.prepare.mean, model.prepare.std) == (tuple(config.mean), tuple(config.std))
    assert model.prepare.interpolation == config.interpolation
    half = load_model("vit_tiny_patch16_224", weights="random").prepare
    assert half.mean == (0.5, 0.5, 0.5) and half.size == (224, 224)


def test_labels():
    from vit.models.labels import class_labels, imagenet_labels

    names = load_model("test_vit", weights="random").labels
    assert len(names) == len(set(names)) == 1000
    assert names[0] == "tench" and names[207] == "golden retriever"
    assert names[134] == "crane (large long-necked wading bird of …)" and names[517].startswith("crane (lifts and")
    assert {names[638], names[639]} == {"maillot", "maillot, tank suit"}
    for subset, count in (("imagenet-12k", 11821), ("imagenet-22k", 21841), ("imagenet-21k-goog", 21843)):
        assert len(imagenet_labels(subset)) == count
    assert class_labels({}, 0) == ()
    assert class_labels({}, 3) == ("class 0", "class 1", "class 2")
    assert class_labels({"label_names": ["a", "b"]}, 2) == ("a", "b")
    assert class_labels({"label_names": ["n1"], "label_descriptions": {"n1": "cat"}}, 1) == ("cat",)
    # An image-text model puts out a point in a space of 512 dimensions, not a choice between 512 things.
    assert class_labels({"architecture": "vit_base_patch16_clip_224", "tag": "openai"}, 512) == ()


def test_no_classifier_has_no_labels():
    assert load_model("vit_small_patch14_reg4_dinov2", weights="random").labels == ()

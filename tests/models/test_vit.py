"""ViT and DeiT against timm, and their parts against what can be worked out by hand.

Parity is measured after noise of 0.05 on every parameter. A network fresh from its initialisation has zero biases,
norms that scale by one and nearly equal tokens: a wrong epsilon, a tanh GELU or a swapped bias hardly shows there.
"""

import math

import pytest
import timm
import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import nn
from torch.nn import functional as F

from tests.families import add_noise
from tests.models.ours import loaded
from vit.errors import ModelError
from vit.models.vit import MLP, Attention, Block, ViT, drop_path, patch_grid, resize_positions

LIMIT = 5e-6  # on logits of about ±5


def pixels(size: tuple[int, int], seed: int = 1, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(seed))


def tiny(**changes) -> ViT:
    torch.manual_seed(0)
    shape = {"image_size": (32, 32), "patch": 8, "width": 24, "depth": 2, "heads": 3, "classes": 5}
    network = ViT(**{**shape, **changes})
    add_noise(network)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "size", "keys"),
    [
        ("vit_tiny_patch16_224", (224, 224), 152),
        ("vit_tiny_patch16_224", (256, 256), 152),
        ("vit_tiny_patch16_224", (192, 320), 152),
        ("deit_tiny_distilled_patch16_224", (224, 224), 155),
        ("deit_tiny_distilled_patch16_224", (320, 192), 155),
        ("vit_base_patch16_224", (224, 224), 152),
        ("vit_base_patch32_384", (384, 384), 152),
        ("deit_base_distilled_patch16_224", (256, 192), 155),
    ],
)
def test_a_timm_state_dict_loads_strictly_and_gives_timms_logits(name, size, keys):
    theirs = add_noise(timm.create_model(name, img_size=size)).eval()
    ours = loaded(name, theirs, size)
    assert len(ours.state_dict()) == keys
    x = pixels(size)
    assert (ours(x) - theirs(x)).abs().max() <= LIMIT


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vit_tiny_patch16_224", (256, 256)),
        ("vit_tiny_patch16_224", (160, 288)),
        ("deit_tiny_distilled_patch16_224", (288, 160)),
        ("vit_base_patch16_224", (192, 256)),
    ],
)
def test_weights_of_224_see_another_size_as_timm_sees_it(name, size):
    theirs = add_noise(timm.create_model(name, dynamic_img_size=True)).eval()
    ours = loaded(name, theirs)
    x = pixels(size)
    assert (ours(x) - theirs(x)).abs().max() <= LIMIT


@torch.no_grad()
def test_noise_shows_a_wrong_epsilon_and_a_wrong_gelu(monkeypatch):
    """The parity test above can fail: these slips are far above its limit, though small enough to be overlooked."""
    network, x = tiny(), pixels((32, 32))
    right = network(x)
    for norm in (m for m in network.modules() if isinstance(m, nn.LayerNorm)):
        norm.eps = 1e-5
    assert (network(x) - right).abs().max() > LIMIT
    for norm in (m for m in network.modules() if isinstance(m, nn.LayerNorm)):
        norm.eps = 1e-6
    exact = F.gelu
    monkeypatch.setattr(F, "gelu", lambda t: exact(t, approximate="tanh"))
    assert (network(x) - right).abs().max() > LIMIT


@pytest.mark.parametrize("distilled", [False, True])
def test_every_norm_has_the_epsilon_1e_6(distilled):
    epsilons = [m.eps for m in tiny(distilled=distilled).modules() if isinstance(m, nn.LayerNorm)]
    assert epsilons == [1e-6] * 5  # two in each of two blocks, and the last


def test_the_gelu_is_the_exact_one():
    mlp = MLP(1, 1)
    for linear in (mlp.fc1, mlp.fc2):
        nn.init.ones_(linear.weight)
        nn.init.zeros_(linear.bias)
    for x in (-2.0, 0.5, 3.0):
        assert mlp(torch.tensor([[x]])).item() == pytest.approx(x * 0.5 * (1 + math.erf(x / math.sqrt(2))), abs=1e-6)


def test_attention_is_the_softmax_of_scaled_scores_times_the_values():
    """Worked out by hand: two tokens, one head of width 4, and maps that pass queries, keys and values through."""
    attention = Attention(width=4, heads=1)
    with torch.no_grad():
        attention.qkv.weight.copy_(torch.cat([torch.eye(4)] * 3))
        attention.qkv.bias.zero_()
        attention.proj.weight.copy_(torch.eye(4))
        attention.proj.bias.zero_()
    first, second = [2.0, 0, 0, 0], [0, 1.0, 0, 0]
    out = attention(torch.tensor([[first, second]]))
    # Scores over √4: the first token scores itself 4 / 2 and the second 0; the second itself 1 / 2 and the first 0.
    a, b = math.e**2 / (math.e**2 + 1), math.e**0.5 / (math.e**0.5 + 1)
    expected = torch.tensor([[[2 * a, 1 - a, 0, 0], [2 * (1 - b), b, 0, 0]]])
    torch.testing.assert_close(out, expected)


def test_each_head_has_its_own_slice_of_queries_keys_and_values():
    """Queries first, then keys, then values, heads side by side in each: what timm's ``qkv`` means."""
    attention = Attention(width=6, heads=2)
    add_noise(attention)
    tokens = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(3))
    queries, keys, values = attention.qkv(tokens)[0].split(6, dim=-1)
    mixed = []
    for head in (slice(0, 3), slice(3, 6)):
        shares = (queries[:, head] @ keys[:, head].T / math.sqrt(3)).softmax(-1)
        mixed.append(shares @ values[:, head])
    torch.testing.assert_close(attention(tokens)[0], attention.proj(torch.cat(mixed, dim=-1)))


@torch.no_grad()
def test_a_distilled_model_answers_with_the_mean_of_its_two_heads():
    network, x = tiny(distilled=True), pixels((32, 32), batch=2)
    by_class, by_teacher = network.heads(x)
    assert by_class.shape == by_teacher.shape == (2, 5)
    assert not torch.allclose(by_class, by_teacher)
    tokens = network.forward_features(x)
    torch.testing.assert_close(by_class, network.head(tokens[:, 0]))
    torch.testing.assert_close(by_teacher, network.head_dist(tokens[:, 1]))
    torch.testing.assert_close(network(x), (by_class + by_teacher) / 2)


def test_both_heads_of_a_distilled_model_learn():
    network = tiny(distilled=True).train()
    by_class, by_teacher = network.heads(pixels((32, 32)))
    (by_class.square().sum() + by_teacher.square().sum()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@torch.no_grad()
def test_without_classes_the_cls_token_itself_comes_out():
    network, x = tiny(classes=0), pixels((32, 32))
    torch.testing.assert_close(network(x), network.forward_features(x)[:, 0])
    assert "head.weight" not in network.state_dict()


@pytest.mark.parametrize("size", [(30, 32), (32, 36), (4, 32), (0, 0)])
def test_a_size_that_is_no_multiple_of_the_patch_is_refused_in_a_sentence(size):
    sentence = rf"A picture of {size[0]} × {size[1]} pixels can't be cut into patches of 8 × 8: resize it"
    with pytest.raises(ModelError, match=sentence):
        tiny()(torch.zeros(1, 3, *size))
    with pytest.raises(ModelError, match=sentence):
        ViT(size, patch=8)
    assert patch_grid((32, 48), 8) == (4, 6)


@pytest.mark.parametrize("prefix", [1, 2])
@pytest.mark.parametrize(("old", "new"), [((4, 4), (7, 5)), ((6, 3), (3, 6)), ((14, 14), (10, 18))])
def test_positions_are_resized_as_timm_resizes_them(prefix, old, new):
    positions = torch.randn(1, prefix + old[0] * old[1], 8, generator=torch.Generator().manual_seed(2))
    ours = resize_positions(positions, prefix, old, new)
    theirs = resample_abs_pos_embed(positions, list(new), list(old), num_prefix_tokens=prefix)
    assert ours.shape == (1, prefix + new[0] * new[1], 8)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    assert torch.equal(ours[:, :prefix], positions[:, :prefix])


def test_positions_of_the_same_grid_stay_as_they_are():
    positions = torch.randn(1, 1 + 6, 4)
    assert resize_positions(positions, 1, (2, 3), (2, 3)) is positions
    assert not torch.equal(resize_positions(positions, 1, (2, 3), (3, 2)), positions)


def test_half_precision_positions_are_resized_in_float32():
    positions = torch.randn(1, 1 + 16, 4).half()
    resized = resize_positions(positions, 1, (4, 4), (6, 6))
    assert resized.dtype == torch.float16
    assert torch.equal(resized, resize_positions(positions.float(), 1, (4, 4), (6, 6)).half())


def test_drop_path_leaves_out_whole_pictures_and_keeps_the_expectation():
    torch.manual_seed(0)
    update = torch.ones(20_000, 3, 2)
    dropped = drop_path(update, 0.25, training=True)
    by_picture = dropped.flatten(1)
    assert bool((by_picture == by_picture[:, :1]).all())  # a picture is left out as a whole or not at all
    torch.testing.assert_close(by_picture.unique(), torch.tensor([0.0, 1 / 0.75]))
    # The standard error of the mean is √(0.25 / 0.75 / 20000) = 0.004: five of them.
    assert by_picture[:, 0].mean().item() == pytest.approx(1.0, abs=0.02)
    assert drop_path(update, 0.25, training=False) is update
    assert drop_path(update, 0.0, training=True) is update


def test_deeper_blocks_are_left_out_more_often():
    blocks = [m for m in tiny(depth=3, drop_path=0.2).modules() if isinstance(m, Block)]
    assert [block.drop for block in blocks] == pytest.approx([0.0, 0.1, 0.2])


@torch.no_grad()
def test_pictures_of_a_batch_do_not_touch_each_other():
    network, x = tiny(), pixels((32, 32), batch=3)
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=0, atol=LIMIT)

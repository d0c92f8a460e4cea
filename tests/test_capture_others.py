"""Networks that are neither ours nor timm's come through the same door."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from torchvision.models.swin_transformer import SwinTransformer

from tests.families import add_noise, photo
from vit.capture import record_attention
from vit.errors import BudgetError, ModelError
from vit.methods import explain
from vit.models.vision_model import Preprocessing

PREPARE = Preprocessing((32, 32))


@pytest.fixture(scope="module")
def torchvisions() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    vit = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    swin = SwinTransformer([2, 2], 16, [2, 2], [2, 4], [4, 4], num_classes=10)
    return {name: add_noise(net).eval().requires_grad_(False) for name, net in (("vit", vit), ("swin", swin))}


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_torchvisions_networks_are_recorded(torchvisions, name):
    network = torchvisions[name]
    with torch.no_grad():
        alone = network(PREPARE(photo(0, 32, 32)))[0]
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    assert torch.equal(record.logits, alone)
    assert len(record.layers) == (2 if name == "vit" else 4)
    assert all(layer.sums_to_one for layer in record.layers)
    assert record.layers[0].queries.prefix == (("cls",) if name == "vit" else ())
    assert explain(record, "rollout").values.shape == ((4, 4) if name == "vit" else (16, 16))


def test_what_is_recorded_of_torchs_own_attention_is_what_it_uses(torchvisions):
    network = torchvisions["vit"]
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    taken = record_attention(network, photo(0, 32, 32), prepare=PREPARE, target=3)
    assert torch.allclose(record.logits, taken.logits, atol=1e-5)  # with the recorded matrix in place of the kernel
    assert all(float(layer.gradient.abs().max()) > 0 for layer in taken.layers)
    attention = network.encoder.layers[0].self_attention  # type: ignore[union-attr]
    tokens = torch.randn(1, 17, 32)
    with torch.no_grad():
        _, shares = attention(tokens, tokens, tokens, need_weights=True, average_attn_weights=False)
    assert shares.shape == record.layers[0].weights.shape


def test_a_network_without_its_preprocessing_or_in_training_mode_is_a_sentence(torchvisions):
    with pytest.raises(ModelError, match="give prepare="):
        record_attention(torchvisions["vit"], photo())
    with pytest.raises(ModelError, match=r"call its eval\(\) first"):
        record_attention(nn.Sequential(nn.Conv2d(3, 4, 8)).train(), photo(), prepare=PREPARE)


def test_a_network_that_cannot_take_the_size_is_a_sentence(torchvisions):
    with pytest.raises(ModelError, match=r"VisionTransformer can't take pictures of 40×48 .*: Wrong image h.*prepare="):
        record_attention(torchvisions["vit"], photo(), prepare=Preprocessing((40, 48)))
    with pytest.raises(ModelError, match="can't take pictures of 32×64"):
        record_attention(torchvisions["vit"], photo(), (32, 64), prepare=PREPARE)
    with pytest.raises(ModelError, match="two whole numbers"):
        record_attention(torchvisions["vit"], photo(), prepare=Preprocessing(("tall", "wide")))  # type: ignore[arg-type]


def test_a_network_that_fails_in_a_way_of_its_own_says_why(torchvisions):
    class Asks(nn.Module):
        def forward(self, pixels: Tensor, words: Tensor):
            return words

    with pytest.raises(ModelError, match=r"Asks can't take pictures .*: .*missing 1 required positional argument"):
        record_attention(Asks().eval(), photo(), prepare=PREPARE)


def test_a_size_that_is_far_too_large_is_refused_before_the_network_runs():
    network = VisionTransformer(image_size=1024, patch_size=4, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)
    with pytest.raises(
        BudgetError, match=r"All maps of VisionTransformer at 1024×1024 .* 17\.2 GB; the limit is 2\.1 GB"
    ):
        record_attention(network.eval(), photo(), prepare=Preprocessing((1024, 1024)))
    with pytest.raises(BudgetError, match=r"the limit is 4\.2 megapixels"):
        record_attention(network.eval(), photo(), prepare=Preprocessing((100_000, 100_000)))


def test_torchvisions_windows_take_a_size_that_is_not_square(torchvisions):
    record = record_attention(torchvisions["swin"], photo(0, 32, 32), (32, 48), prepare=PREPARE)
    assert record.image_size == (32, 48)
    assert [(layer.queries.grid.rows, layer.queries.grid.cols) for layer in record.layers] == [(16, 24)] * 2 + [
        (8, 12)
    ] * 2


class Wrapped(nn.Module):
    """Answers as a library may: in a dictionary, a tuple or an object."""

    def __init__(self, network: nn.Module, wrap):
        super().__init__()
        self.network, self.wrap = network, wrap

    def forward(self, pixels: Tensor):
        return self.wrap(self.network(pixels))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda answer: {"loss": None, "answer": answer},
        lambda answer: (answer, answer.mean()),
        lambda answer: SimpleNamespace(logits=answer),
    ],
)
def test_an_answer_in_a_wrapping_is_taken_out(torchvisions, wrap):
    plain = record_attention(torchvisions["swin"], photo(0, 32, 32), prepare=PREPARE)
    record = record_attention(Wrapped(torchvisions["swin"], wrap).eval(), photo(0, 32, 32), prepare=PREPARE)
    assert torch.equal(record.logits, plain.logits)
    assert len(record.labels) == 10


def test_an_answer_without_a_tensor_is_a_sentence(torchvisions):
    network = Wrapped(torchvisions["swin"], lambda answer: "a cat").eval()
    with pytest.raises(ModelError, match="answers with a str, which holds no tensor"):
        record_attention(network, photo(0, 32, 32), prepare=PREPARE)


def test_torchs_own_attention_is_seen_where_its_shares_are_asked_for():
    """As in Hugging Face's SigLIP, whose pool asks for them and leaves them."""

    class Pool(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.probe = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, 1, 16))
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, pixels: Tensor) -> Tensor:
            tokens = self.patches(pixels).flatten(2).mT  # (1, 16 patches, 16)
            pooled, self.shares = self.attention(self.probe, tokens, tokens)
            return pooled[:, 0]

    torch.manual_seed(0)
    network = Pool().eval()
    with torch.no_grad():
        alone = network(PREPARE(photo(0, 32, 32)))[0]
    shares = network.shares  # the mean of both heads: (1, 1, 16 patches)
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE)
    assert torch.equal(record.logits, alone)
    assert record.layers[0].queries.prefix == ("pool",)
    assert torch.allclose(record.layers[0].weights.mean(1), shares, atol=1e-6)

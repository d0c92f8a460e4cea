"""A network whose tokens can't be followed: an error that says so, or the layouts that its owner gives."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.families import photo
from vit.capture import record_attention
from vit.errors import CaptureError
from vit.methods import explain
from vit.models.vision_model import Preprocessing
from vit.tokens import Grid, TokenLayout

PREPARE = Preprocessing((32, 32))
WHOLE = TokenLayout.whole(Grid(4, 4))


class Attention(nn.Module):
    def __init__(self, written: str):
        super().__init__()
        self.project, self.written = nn.Linear(8, 24), written

    def forward(self, tokens: Tensor) -> Tensor:  # (1, 16, 8)
        queries, keys, values = self.project(tokens).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        if self.written == "fused":
            mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
        elif self.written == "einsum":
            self.kept = torch.einsum("bhqd,bhkd->bhqk", queries, keys).softmax(-1)
            mixed = torch.matmul(self.kept, values)
        else:
            mixed = (queries @ keys.mT).softmax(-1) @ values
        return mixed.transpose(1, 2).flatten(2)


class Odd(nn.Module):
    """Cuts its patches by a Fourier transform and back, which no rule follows; or by a convolution, which one does."""

    def __init__(self, written: str, odd: bool = True):
        super().__init__()
        self.patches, self.odd = nn.Conv2d(3, 8, 8, 8), odd
        self.first, self.second = Attention(written), Attention(written)
        self.head = nn.Linear(8, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.patches(pixels).flatten(2).mT  # (1, 16, 8)
        tokens = torch.fft.ifft(torch.fft.fft(tokens, dim=1), dim=1).real if self.odd else tokens
        tokens = tokens + self.first(tokens)
        return self.head((tokens + self.second(tokens)).mean(1))


def odd(written: str, **more) -> nn.Module:
    torch.manual_seed(0)
    return Odd(written, **more).eval().requires_grad_(False)


def both(queries: TokenLayout = WHOLE, keys: TokenLayout = WHOLE) -> dict[str, tuple[TokenLayout, TokenLayout]]:
    return {"first": (queries, keys), "second": (queries, keys)}


@pytest.mark.parametrize("written", ["fused", "by hand", "einsum"])
def test_without_a_layout_the_layer_is_named(written):
    with pytest.raises(CaptureError, match="layer first.*not known"):
        record_attention(odd(written), photo(0, 32, 32), prepare=PREPARE)


@pytest.mark.parametrize("written", ["fused", "by hand", "einsum"])
def test_a_layout_that_is_given_is_used(written):
    network = odd(written)
    with torch.no_grad():
        alone = network(PREPARE(photo(0, 32, 32)))[0]
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE, layouts=both(), target=2)
    assert [layer.name for layer in record.layers] == ["first", "second"]
    assert torch.allclose(record.logits, alone, atol=1e-6)
    assert all(float(layer.gradient.abs().max()) > 0 for layer in record.layers)
    assert all(layer.queries.is_whole and layer.shape == (1, 2, 16, 16) for layer in record.layers)
    assert explain(record, "rollout").values.shape == (4, 4)
    if written == "einsum":
        first: Any = network.first
        assert torch.equal(first.kept, record.layers[0].weights)


def test_it_is_not_kept_for_the_next_question():
    network = odd("fused")
    record_attention(network, photo(0, 32, 32), prepare=PREPARE, layouts=both())
    with pytest.raises(CaptureError, match="layer first.*not known"):
        record_attention(network, photo(0, 32, 32), prepare=PREPARE)


def test_windows_come_before_heads():
    halves = TokenLayout(Grid(4, 4), (), torch.arange(16).reshape(2, 8))

    class Halves(Odd):
        def forward(self, pixels: Tensor) -> Tensor:
            tokens = self.patches(pixels).flatten(2).mT.reshape(2, 8, 8)  # (windows, tokens, width)
            tokens = torch.fft.ifft(torch.fft.fft(tokens, dim=1), dim=1).real
            return self.head(self.first(tokens).mean((0, 1)).unsqueeze(0))

    torch.manual_seed(0)
    network = Halves("einsum").eval()
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE, layouts={"first": (halves, halves)})
    assert torch.equal(record.layers[0].weights, network.first.kept)  # (2 windows, 2 heads, 8, 8)
    assert torch.equal(record.layers[0].rows(9)[:, 8:], network.first.kept[1, :, 1])


@pytest.mark.parametrize(
    ("layouts", "says"),
    [
        (both(keys=TokenLayout.whole(Grid(4, 4), ("cls",))), r"keys of layer first is 1 × 17 .* has 16 keys"),
        (both(queries=TokenLayout.whole(Grid(4, 3))), r"queries of layer first is 1 × 12 .* has 16 queries"),
        (both(queries=TokenLayout(Grid(4, 3), (), torch.arange(16).unsqueeze(0))), "not in -1 to 11"),
        (both(keys=TokenLayout(Grid(4, 4), (), torch.arange(16).expand(3, 16))), "1 and 3 windows; .* 2 matrices"),
        (both() | {"head": (WHOLE, WHOLE)}, "given for head, which is no attention layer; these are: first, second"),
    ],
)
def test_a_layout_that_does_not_fit_is_a_sentence(layouts, says):
    with pytest.raises(CaptureError, match=says):
        record_attention(odd("fused"), photo(0, 32, 32), prepare=PREPARE, layouts=layouts)


def test_what_was_followed_stands_against_what_is_given():
    network = odd("fused", odd=False)
    turned = TokenLayout(Grid(4, 4), (), torch.arange(16).reshape(4, 4).T.reshape(1, 16))
    record = record_attention(network, photo(0, 32, 32), prepare=PREPARE, layouts=both())
    assert record.layers[0].queries.is_whole
    with pytest.raises(CaptureError, match="first does not sit where the given layout says"):
        record_attention(network, photo(0, 32, 32), prepare=PREPARE, layouts=both(turned, turned))

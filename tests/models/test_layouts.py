"""Tokens followed through what networks do to them: what is not understood is an error, never a guess."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.families import photo
from vit.attention import AttentionRecord, Grid
from vit.capture import record_attention
from vit.errors import CaptureError, ModelError
from vit.models.layouts import plan_of
from vit.models.vision_model import Preprocessing, VisionModel


class Small(nn.Module):
    """Patches of 4 pixels, something done to them, and one attention over what is left."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.head = nn.Linear(8, 5)

    def asking(self, tokens: Tensor) -> Tensor:
        """What asks, from the patches ``(batch, rows, cols, width)``."""
        return tokens

    def answering(self, tokens: Tensor) -> Tensor:
        return tokens

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.embed(pixels).permute(0, 2, 3, 1)
        queries, keys = self.asking(tokens).flatten(1, 2), self.answering(tokens.clone()).flatten(1, 2)
        return self.head(F.scaled_dot_product_attention(queries[:, None], keys[:, None], keys[:, None])[:, 0].mean(1))


def record_of(network: nn.Module, size: tuple[int, int] = (16, 24)) -> AttentionRecord:
    return record_attention(network.eval().requires_grad_(False), photo(0, *size), prepare=Preprocessing(size))


def test_every_second_row_and_column_is_a_coarser_grid():
    class Fewer(Small):
        def asking(self, tokens):
            return tokens[:, ::2, ::2]

    layer = record_of(Fewer()).layers[0]
    assert (layer.queries.grid, layer.keys.grid) == (Grid(2, 3), Grid(4, 6))
    assert layer.queries.tokens.tolist() == [list(range(6))]
    layer = record_of(Fewer(), (20, 28)).layers[0]
    assert (layer.queries.grid, layer.keys.grid) == (Grid(3, 4), Grid(5, 7))  # the last ones stand for fewer


def test_a_part_of_the_picture_is_no_coarser_grid():
    class Part(Small):
        def asking(self, tokens):
            return tokens[:, :2, 1:4]

    layer = record_of(Part()).layers[0]
    assert layer.queries.grid == Grid(4, 6)
    assert layer.queries.tokens.tolist() == [[1, 2, 3, 7, 8, 9]]


def test_a_buffer_that_is_filled_with_tokens_holds_their_places():
    class Turned(Small):
        def answering(self, tokens):
            filled = torch.zeros(tokens.shape)
            filled[:, :2] = tokens[:, 2:]
            filled[:, 2:] = tokens[:, :2]
            return filled

    layer = record_of(Turned()).layers[0]
    assert layer.keys.tokens.tolist() == [[*range(12, 24), *range(12)]]


def test_copying_a_whole_tensor_brings_its_places():
    class Copied(Small):
        def answering(self, tokens):
            return torch.empty_like(tokens).copy_(tokens.flip(1))

    assert record_of(Copied()).layers[0].keys.tokens.tolist()[0][:6] == list(range(18, 24))


@pytest.mark.parametrize("way", ["a view", "a view of a buffer", "copy_"])
def test_what_is_written_through_a_view_is_not_known(way):
    class Hidden(Small):
        def answering(self, tokens):
            if way == "a view of a buffer":
                filled = torch.zeros(tokens.shape)
                filled[0][:] = tokens[0].flip(0)
                return filled
            turned = tokens.flip(1)
            if way == "a view":
                tokens[0][:] = turned[0]
            else:
                tokens[:, :4].copy_(turned)
            return tokens

    with pytest.raises(CaptureError, match="is not known"):
        record_of(Hidden())


def test_a_size_that_the_network_refuses_is_a_sentence_in_its_words():
    """An assertion of the network's own, as timm's DeepSeek has it for sizes that are no whole patches."""

    class Strict(Small):
        def forward(self, pixels):
            torch._assert(pixels.shape[2] % 4 == 0, f"Input height ({pixels.shape[2]}) is no multiple of 4.")
            return super().forward(pixels)

    network = Strict().eval()
    sentence = r"^Strict can't take pictures of 18×24 \(height × width\): Input height \(18\) is no multiple of 4\.$"
    with pytest.raises(ModelError, match=sentence):
        plan_of(network, torch.zeros(1, 3, 18, 24))
    with pytest.raises(ModelError, match=sentence):  # a model whose preparation says so
        record_attention(VisionModel("strict", network, Preprocessing((18, 24)), (), "given"), photo())
    assert len(plan_of(network, torch.zeros(1, 3, 16, 24)).layers) == 1  # and another size after that


def test_a_network_that_fails_only_while_it_is_followed_is_a_sentence():
    class Once(Small):
        runs = 0

        def forward(self, pixels):
            self.runs += 1
            if self.runs == 1:
                raise KeyError("memory")
            return super().forward(pixels)

    with pytest.raises(CaptureError, match="The tokens of Once could not be followed to its answer: 'memory'\\.$"):
        plan_of(Once().eval(), torch.zeros(1, 3, 16, 24))


def test_weighing_all_tokens_into_one_sum_is_said_to_be_that():
    """Global context, as in timm's gcresnet33ts: a second one looks at what the first one's sum has changed."""

    class Context(Small):
        def __init__(self):
            super().__init__()
            self.weigh = nn.Conv2d(8, 1, 1)

        def forward(self, pixels):
            places = self.embed(pixels)  # (1, 8, rows, cols)
            for _ in range(2):
                shares = self.weigh(places).flatten(2).softmax(-1).unsqueeze(3)  # (1, 1, patches, 1)
                context = places.flatten(2).unsqueeze(1) @ shares  # (1, 1, 8, 1)
                places = places * context.reshape(1, 8, 1, 1).sigmoid()
            return self.head(places.mean((2, 3)))

    with pytest.raises(CaptureError, match="Context has no attention over picture tokens: it sums up its tokens"):
        record_of(Context())

import pytest
import torch

from tests.measures.hand import block, even, record
from vit.errors import MethodError
from vit.measures import measure
from vit.measures.lens import logit_lens

LABELS = ("church", "tench")


class Halves:
    """A classifier that sees the first number for church and the second for tench, and reads CLS of a whole."""

    def __call__(self, tokens):
        return tokens.clone()

    def whole(self, tokens):
        return tokens[0].clone()


def by_hand(**words):
    first = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    last = torch.tensor([[0.0, 2.0], [0.0, 1.0], [0.0, 5.0]])
    features = (block(first, 1, 2, ("cls",)), block(last, 1, 2, ("cls",), number=1))
    return record(even(1, 2, ("cls",)), even(1, 2, ("cls",)), features=features, **words)


def test_two_blocks_worked_by_hand():
    found = logit_lens(by_hand(), Halves())
    assert found.target == 1  # what the network answered
    assert found.logits.tolist() == [[3, 0], [0, 2]]
    assert found.ranks.tolist() == [2, 1]
    assert [each.tolist() for each in found.classes] == [[0, 0, 1], [1, 1, 1]]
    sure = 1 / (1 + torch.tensor([3.0, 1.0, 5.0]).neg().exp())
    assert found.sure[0].tolist() == pytest.approx(sure.tolist())
    assert found.followed[0].tolist() == pytest.approx([1 - float(sure[0]), 1 - float(sure[1]), float(sure[2])])
    assert found.summary == (
        "tench is the answer from layer 2 on; its probability goes from 4.7% to 88.1%. "
        "Of the last block's patches, 100% are taken for it."
    )


def test_another_class_can_be_followed():
    found = logit_lens(by_hand(), Halves(), target=0)
    assert "church is not the answer after the last block (place 2, 11.9%)" in found.summary
    assert found.ranks.tolist() == [1, 2]


def test_narrower_blocks_are_left_out_in_words():
    last = by_hand().features[1]
    early = block(torch.ones(8, 1), 2, 4)
    found = logit_lens(record(even(2, 4), even(1, 2, ("cls",)), features=(early, last)), Halves())
    assert found.blocks == ("blocks.1",)
    assert found.layers == (1,)
    assert found.summary.endswith("The first block has tokens of another width, which it can't read.")


def test_the_table_has_the_likeliest_of_each_block():
    columns, rows = logit_lens(by_hand(), Halves()).table()
    assert columns == ("layer", "block", "place", "class", "label", "probability")
    assert [row[:5] for row in rows] == [
        (0, "blocks.0", 1, 0, "church"),
        (0, "blocks.0", 2, 1, "tench"),
        (1, "blocks.1", 1, 1, "tench"),
        (1, "blocks.1", 2, 0, "church"),
    ]


def test_mistakes_are_sentences():
    with pytest.raises(MethodError, match="no classifier"):
        logit_lens(by_hand(labels=()), Halves())
    with pytest.raises(MethodError, match="Class 2 is not in 0 to 1"):
        logit_lens(by_hand(), Halves(), target=2)
    with pytest.raises(MethodError, match="read= of the model"):
        measure(by_hand(), "lens")

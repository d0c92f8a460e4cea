"""The logit lens: what the classifier would say to each token, block by block."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vit.attention import AttentionRecord, TokenLayout, whole_number
from vit.errors import MethodError
from vit.measures.registry import registered
from vit.measures.result import Measured, Row


class Reads(Protocol):
    """The network's own last norm and classifier, for tokens of any block (vit/models/reading.py makes it)."""

    def __call__(self, tokens: Tensor) -> Tensor:
        """Each token by itself: ``(tokens, width)`` to logits ``(tokens, classes)``."""
        ...

    def whole(self, tokens: Tensor) -> Tensor:
        """All tokens of a picture as the network reads them at its end: ``(tokens, width)`` to ``(classes,)``."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Lens(Measured):
    """The answer that would come, if the network ended after each of its blocks."""

    title = "Logit lens"
    caveat = (
        "The classifier was trained on the last block's tokens only: what it says to earlier ones is in a language "
        "that they may not speak yet, and a low probability doesn't show that the news is not there."
    )

    blocks: tuple[str, ...]  # the blocks' names
    layers: tuple[int, ...]  # the number of each block's attention layer
    labels: tuple[str, ...]  # one for each class
    target: int  # the class that is followed
    logits: Tensor  # (blocks, classes): what the whole picture is taken for after each block
    classes: tuple[Tensor, ...]  # for each block (tokens,): the class that each token is taken for
    sure: tuple[Tensor, ...]  # for each block (tokens,): with what probability
    followed: tuple[Tensor, ...]  # for each block (tokens,): the target's probability
    layouts: tuple[TokenLayout, ...]
    left_out: str = ""  # why some blocks have no answer

    @property
    def probabilities(self) -> Tensor:
        """``(blocks, classes)``."""
        return self.logits.softmax(-1)

    @property
    def ranks(self) -> Tensor:
        """The target's place among the answers after each block, 1 is the first: ``(blocks,)``."""
        return 1 + (self.logits > self.logits[:, self.target : self.target + 1]).sum(1)

    @property
    def summary(self) -> str:
        ranks, name = self.ranks.tolist(), self.labels[self.target]
        shares = self.probabilities[:, self.target].tolist()
        late = [number for number, rank in enumerate(ranks) if rank > 1]
        from_here = late[-1] + 1 if late else 0
        if from_here == len(ranks):
            when = f"{name} is not the answer after the last block (place {ranks[-1]}, {shares[-1]:.1%})."
        else:
            when = (
                f"{name} is the answer from layer {self.layers[from_here] + 1} on; "
                f"its probability goes from {shares[0]:.1%} to {shares[-1]:.1%}."
            )
        patches = self.classes[-1][len(self.layouts[-1].prefix) :]
        agree = float((patches == self.target).float().mean())
        return f"{when} Of the last block's patches, {agree:.0%} are taken for it." + self.left_out

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        shares, columns = self.probabilities, ("layer", "block", "place", "class", "label", "probability")
        rows: list[Row] = []
        for number, block in enumerate(self.blocks):
            best = shares[number].topk(min(5, len(self.labels)))
            answers = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            for place, (each, share) in enumerate(answers, start=1):
                rows.append((self.layers[number], block, place, each, self.labels[each], share))
        return columns, rows


@registered("lens", keep=("features",), parts=("read",))
def logit_lens(record: AttentionRecord, read: Reads, target: int | None = None) -> Lens:
    """What the classifier says to CLS and to every patch after each block; ``target`` is the class to follow.

    Formula: ``head(norm(x_l,t))`` for token t after block l, with the network's own last norm and classifier. Of the
    whole picture it is what the network reads at its end (CLS, the mean of the patches, a pool). Without a target it
    is the network's answer that is followed. Vilas et al. 2023 (https://arxiv.org/abs/2310.18969).

    Raises MethodError for a model without a classifier. Blocks whose tokens are narrower than the last one's (a Swin's
    earlier stages) can't be read and are left out, in words.
    """
    if not record.labels:
        raise MethodError(f"{record.model} has no classifier, so there is nothing to read its tokens with.")
    if target is None:
        target = int(record.logits.argmax())
    number = whole_number(target)
    if number is None or not 0 <= number < len(record.labels):
        raise MethodError(f"Class {target!r} is not in 0 to {len(record.labels) - 1}.")
    width = record.features[-1].vectors.shape[1]
    blocks = [block for block in record.features if block.vectors.shape[1] == width]
    missing = len(record.features) - len(blocks)
    logits, classes, sure, followed = [], [], [], []
    for block in blocks:
        logits.append(read.whole(block.vectors))
        shares = read(block.vectors).softmax(-1)  # (tokens, classes)
        best = shares.max(-1)
        classes.append(best.indices)
        sure.append(best.values)
        followed.append(shares[:, number].clone())  # not the whole of it, which a view would keep
    return Lens(
        blocks=tuple(block.name for block in blocks),
        layers=tuple(block.layer for block in blocks),
        labels=record.labels,
        target=number,
        logits=torch.stack(logits),
        classes=tuple(classes),
        sure=tuple(sure),
        followed=tuple(followed),
        layouts=tuple(block.layout for block in blocks),
        left_out=_left_out(missing),
    )


def _left_out(blocks: int) -> str:
    if not blocks:
        return ""
    which = "The first block has" if blocks == 1 else f"The first {blocks} blocks have"
    return f" {which} tokens of another width, which it can't read."

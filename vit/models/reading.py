"""What a network's classifier would say to any token: its own last norm and classifier, applied to any block's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vit.attention import AttentionRecord
from vit.errors import ModelError
from vit.models.vision_model import VisionModel
from vit.tokens import Grid

TOLERANCE = 1e-4  # between what is read off the last block and the network's own answer, on logits of size 1

Arrange = Callable[[Tensor, Grid], Tensor]


def _in_a_row(tokens: Tensor, grid: Grid) -> Tensor:
    """``(batch, tokens, width)``: what a ViT's classifier takes."""
    return tokens


def _on_a_grid(tokens: Tensor, grid: Grid) -> Tensor:
    """``(batch, rows, cols, width)``: a Swin's."""
    return tokens.reshape(len(tokens), grid.rows, grid.cols, -1)


def _as_channels(tokens: Tensor, grid: Grid) -> Tensor:
    """``(batch, width, rows, cols)``: that of a network which ends in convolutions."""
    return _on_a_grid(tokens, grid).permute(0, 3, 1, 2)


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads tokens of any block that are as wide as the last one's."""

    norm: nn.Module
    classifier: Callable[[Tensor], Tensor]
    arrange: Arrange
    prefix: int  # tokens that are no patch
    grid: Grid  # of the last block

    def __call__(self, tokens: Tensor) -> Tensor:
        """Each token by itself: ``(tokens, width)`` to logits ``(tokens, classes)``.

        Each is put into a picture in which all tokens are this one, so that any way to read a picture (its first
        token, the mean of the patches, a pool) reads this token.
        """
        alike = tokens.unsqueeze(1).expand(-1, self.prefix + 1, -1)  # (tokens, prefix + one patch, width)
        return self._answer(alike, Grid(1, 1))

    def whole(self, tokens: Tensor) -> Tensor:
        """All tokens of a picture as the network reads them at its end: ``(tokens, width)`` to ``(classes,)``."""
        return self._answer(tokens.unsqueeze(0), self.grid)[0]

    def _answer(self, tokens: Tensor, grid: Grid) -> Tensor:
        with torch.no_grad():
            return self.classifier(self.norm(self.arrange(tokens, grid))).float()


def reader(model: VisionModel, record: AttentionRecord) -> Reader:
    """A reader of the model's tokens, proved on a record of it that kept ``features``.

    Which way a network puts its tokens to its classifier is tried, and only what gives the record's own logits from
    its last block is taken. ModelError if none does: nothing is then read rather than something else.
    """
    network, last = model.network, record.features[-1]
    norm = getattr(network, "norm", None)
    norm = norm if isinstance(norm, nn.Module) else nn.Identity()
    classifier: Any = getattr(network, "forward_head", None) or getattr(network, "head", None)
    if classifier is not None:
        for arrange in (_in_a_row, _on_a_grid, _as_channels):
            reads = Reader(norm, classifier, arrange, len(last.layout.prefix), last.layout.grid)
            if _reads_rightly(reads, last.vectors, record.logits):
                return reads
    raise ModelError(
        f"How {model.name} comes from its last tokens to its answer is not known: what its classifier reads in the "
        "last block is not what the network answered, so no token is read with it."
    )


def _reads_rightly(reads: Reader, tokens: Tensor, logits: Tensor) -> bool:
    try:
        answer, alone = reads.whole(tokens), reads(tokens[:2])
    except (RuntimeError, TypeError, ValueError, IndexError):  # not the shape that this classifier takes
        return False
    if answer.shape != logits.shape or alone.shape != (len(tokens[:2]), *logits.shape):
        return False
    return float((answer - logits).abs().max()) <= TOLERANCE * max(1.0, float(logits.abs().max()))

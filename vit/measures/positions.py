"""Position embeddings: how alike the places of the picture are to the network."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vit.attention import AttentionRecord
from vit.measures.registry import registered
from vit.measures.result import Measured, Row, signed


@dataclass(frozen=True, eq=False, kw_only=True)
class PositionSimilarity(Measured):
    """Cosines between the position embeddings of each two patches."""

    title = "Position embeddings"
    caveat = (
        "It is the same for every picture, and shows what was learned about places, not how much of it the layers "
        "use: each embedding is only added to a patch, on the grid on which the network was trained."
    )

    similarity: Tensor  # (rows, cols, rows, cols): of the patch at the first two, with each other

    def sheet(self, most: int) -> tuple[Tensor, Tensor, Tensor]:
        """The rows and the columns of all places, or of ``most`` a side, evenly spread; and a map for each of them.

        Shapes ``(down,)``, ``(across,)`` and ``(down, across, rows, cols)``.
        """
        sides = self.similarity.shape[:2]
        down, across = (torch.linspace(0, side - 1, min(side, most)).round().long() for side in sides)
        return down, across, self.similarity[down][:, across]

    @property
    def span(self) -> tuple[float, float]:
        """The lowest cosine, and the highest of two different places."""
        rows, cols = self.similarity.shape[:2]
        apart = self.similarity.reshape(rows * cols, rows * cols).clone().fill_diagonal_(-1.0)
        return float(self.similarity.min()), float(apart.max())

    @property
    def summary(self) -> str:
        rows, cols = self.similarity.shape[:2]
        least, most = self.span
        beside, below = self.similarity.diagonal(1, 1, 3).diagonal(0, 0, 1), self.similarity.diagonal(1, 0, 2)
        below = below.diagonal(0, 0, 1)
        words = [
            f"{name} {signed(float(values.mean()))}"
            for name, values in (("side by side", beside), ("one above the other", below))
            if values.numel()
        ]
        neighbours = f"; neighbours: {', '.join(words)}" if words else ""
        return (
            f"On a grid of {rows} × {cols} patches, the cosine of two places' embeddings goes from "
            f"{signed(least)} to {signed(most)}{neighbours}."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        rows, cols = self.similarity.shape[:2]
        places = [(row, col) for row in range(rows) for col in range(cols)]
        return ("row", "column", "other row", "other column", "cosine"), [
            (*one, *other, float(self.similarity[(*one, *other)])) for one in places for other in places
        ]


@registered("positions", parts=("positions",))
def position_similarity(record: AttentionRecord, positions: Tensor) -> PositionSimilarity:
    """How alike the learned embeddings of each two places are; ``positions`` is ``(rows, cols, width)``.

    Formula: ``cos(p_i, p_j)``. Dosovitskiy et al. 2021, Figure 7 (https://arxiv.org/abs/2010.11929).
    """
    rows, cols, _ = positions.shape
    unit = F.normalize(positions.reshape(rows * cols, -1), dim=-1)  # (patches, width)
    return PositionSimilarity(similarity=(unit @ unit.T).clamp(-1, 1).reshape(rows, cols, rows, cols))

"""Tokens as colours: the three directions in which patches differ most."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord
from vit.errors import MethodError
from vit.measures.choices import block_of
from vit.measures.principal import principal
from vit.measures.registry import registered
from vit.measures.result import Measured, Row

COLOURS = ("red", "green", "blue")
LOW, HIGH = 0.02, 0.98  # quantiles that become 0 and 1, so that a few extreme patches don't take all the colours


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenColours(Measured):
    """Every patch's place along three principal components, as red, green and blue."""

    title = "Tokens as colours"
    caveat = (
        "Like colours are like tokens; which colour it is means nothing, a bright patch is no foreground, and the "
        "three directions are those of the pictures given here."
    )

    block: str  # the block's name
    layer: int  # the number of its attention layer
    scores: tuple[Tensor, ...]  # for each picture (rows, cols, 3): places along the components
    colours: tuple[Tensor, ...]  # for each picture (rows, cols, 3), 0 to 1
    explained: Tensor  # (3,): the share of the patches' variance along each component

    @property
    def summary(self) -> str:
        shares = [f"{colour} {share:.0%}" for colour, share in zip(COLOURS, self.explained.tolist(), strict=True)]
        pictures = "the patches" if len(self.colours) == 1 else f"the patches of {len(self.colours)} pictures together"
        return (
            f"After layer {self.layer + 1}, three directions hold {float(self.explained.sum()):.0%} of what sets "
            f"{pictures} apart: {', '.join(shares)}."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        rows: list[Row] = [
            (picture, row, col, *scores[row, col].tolist())
            for picture, scores in enumerate(self.scores)
            for row in range(scores.shape[0])
            for col in range(scores.shape[1])
        ]
        return ("picture", "row", "column", "component 1", "component 2", "component 3"), rows


@registered("pca", keep=("features",))
def token_colours(record: AttentionRecord, layer: int = -1, others: Sequence[AttentionRecord] = ()) -> TokenColours:
    """Each patch's token after a block as a colour; ``others`` are records of more pictures through the same model.

    Formula: the patches of all pictures, less their mean, along the first three right singular vectors. The sign of
    each is such that its entry of largest size is positive, so that the same tokens always give the same colours.
    Each component runs from its 2% to its 98% quantile over all patches as 0 to 1, and is cut there. A component in
    which nothing differs is 0.5 throughout. Oquab et al. 2023 (https://arxiv.org/abs/2304.07193).
    """
    blocks = [block_of(each, layer) for each in (record, *others)]
    records = (record, *others)
    if len({(each.model, block.name, block.vectors.shape[1]) for each, block in zip(records, blocks, strict=True)}) > 1:
        raise MethodError("Only pictures that went through the same model share their colours.")
    patches = [block.vectors[len(block.layout.prefix) :].double() for block in blocks]
    scores, _, explained = principal(torch.cat(patches), len(COLOURS))  # (all patches, 3), (3, width), (3,)
    low, high = scores.quantile(LOW, 0), scores.quantile(HIGH, 0)  # each (3,)
    spread = high - low
    stretched = torch.where(spread > 0, (scores - low) / spread.clamp_min(1e-30), 0.5).clamp(0, 1)
    counts = [len(each) for each in patches]

    def on_grids(values: Tensor) -> tuple[Tensor, ...]:
        """``(all patches, 3)`` to a ``(rows, cols, 3)`` for each picture."""
        parts = zip(values.float().split(counts), (block.layout for block in blocks), strict=True)
        return tuple(
            (part if layout.cells is None else part[layout.cells]).reshape(layout.grid.rows, layout.grid.cols, 3)
            for part, layout in parts
        )

    return TokenColours(
        block=blocks[0].name,
        layer=blocks[0].layer,
        scores=on_grids(scores),
        colours=on_grids(stretched),
        explained=explained.float(),
    )

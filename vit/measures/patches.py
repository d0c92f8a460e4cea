"""Patch similarity: which tokens are like one that is chosen."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from vit.attention import AttentionRecord, LayerFeatures, TokenLayout
from vit.measures.choices import block_of
from vit.measures.registry import registered
from vit.measures.result import Measured, Row, signed
from vit.methods.choices import Query, check_switch, token_words


@dataclass(frozen=True, eq=False, kw_only=True)
class PatchSimilarity(Measured):
    """Cosines between one token's vector and all others' after one block."""

    title = "Patch similarity"
    caveat = (
        "Tokens have much in common that says nothing about this picture, so cosines are high throughout: compare "
        "them with each other, and a late token is no longer about its own patch alone."
    )

    block: str  # the block's name
    layer: int  # the number of its attention layer
    token: int  # the chosen one's number
    cosines: Tensor  # (tokens,), −1 to 1
    layout: TokenLayout

    @property
    def summary(self) -> str:
        prefix = len(self.layout.prefix)
        others = self.cosines.clone()
        others[self.token] = -2.0  # itself doesn't count
        nearest = prefix + int(others[prefix:].argmax())
        return (
            f"After layer {self.layer + 1}, the patch most like {token_words(self.layout, self.token)} is "
            f"{token_words(self.layout, nearest)}, with a cosine of {signed(float(self.cosines[nearest]))}; "
            f"over all patches cosines go from {signed(float(self.cosines[prefix:].min()))} to "
            f"{signed(float(others[prefix:].max()))}."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        return ("token", "token in words", "cosine"), [
            (number, token_words(self.layout, number), float(value)) for number, value in enumerate(self.cosines)
        ]


@registered("patches", keep=("features",))
def patch_similarity(
    record: AttentionRecord, patch: Query = None, layer: int = -1, centred: bool = False
) -> PatchSimilarity:
    """How like one chosen token all others are after a block; without a choice, the patch in the middle.

    Formula: ``cos(x_i, x_j)``. With ``centred`` the mean over the patches is taken from all vectors first, which
    leaves what sets them apart. Amir et al. 2021 (https://arxiv.org/abs/2112.05814).
    """
    check_switch("centred", centred)
    block = block_of(record, layer)
    layout = block.layout
    token = layout.token((layout.grid.rows // 2, layout.grid.cols // 2) if patch is None else patch)
    unit = unit_vectors(block, centred)
    return PatchSimilarity(
        block=block.name, layer=block.layer, token=token, cosines=(unit @ unit[token]).clamp(-1, 1), layout=layout
    )


def unit_vectors(block: LayerFeatures, centred: bool = False) -> Tensor:
    """A block's tokens, each at length 1, ``(tokens, width)``: the dot product of two is their cosine.

    With ``centred`` the mean over the patches is taken from all of them first.
    """
    vectors = block.vectors
    if centred:
        vectors = vectors - vectors[len(block.layout.prefix) :].mean(0)
    return F.normalize(vectors, dim=-1)

"""Head similarity: which heads of a layer look at the same things."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention
from vit.errors import MethodError
from vit.measures.choices import check_shares
from vit.measures.registry import registered
from vit.measures.result import Measured, Row, place_words
from vit.methods.choices import choose_layer

KINDS = ("cosine", "jensen-shannon")


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadSimilarity(Measured):
    """How alike each two heads' maps are: 1 is the same map."""

    title = "Head similarity"
    caveat = (
        "Alike on this picture is not alike in what they do: two heads may look at the same place and take different "
        "things from it, and heads that look evenly are all alike."
    )

    kind: str  # "cosine" or "jensen-shannon"
    heads: tuple[tuple[int, int], ...]  # (layer, head) of each row and column, from 0
    similarity: Tensor  # (heads, heads)

    @property
    def summary(self) -> str:
        if len(self.heads) < 2:
            return f"{self._named(0)[0].upper()}{self._named(0)[1:]} is alone: there is nothing to compare it with."
        above = torch.triu_indices(len(self.heads), len(self.heads), 1)  # (2, pairs)
        pairs = self.similarity[above[0], above[1]]
        most, least = above[:, int(pairs.argmax())].tolist(), above[:, int(pairs.argmin())].tolist()
        return (
            f"By {self.kind}, the {len(self.heads)} heads are {float(pairs.mean()):.2f} alike on average. "
            f"Most alike: {self._named(most[0])} and {self._named(most[1])} ({float(pairs.max()):.2f}); "
            f"least: {self._named(least[0])} and {self._named(least[1])} ({float(pairs.min()):.2f})."
        )

    def _named(self, number: int) -> str:
        return place_words(*self.heads[number])

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        rows: list[Row] = [
            (*one, *other, float(self.similarity[i, j]))
            for i, one in enumerate(self.heads)
            for j, other in enumerate(self.heads)
        ]
        return ("layer", "head", "other layer", "other head", self.kind), rows


@registered("heads")
def head_similarity(record: AttentionRecord, layer: int | str = -1, kind: str = "cosine") -> HeadSimilarity:
    """How alike the maps of a layer's heads are, window by window; of all layers with ``layer="all"``.

    Formula: ``cosine``: the two maps as long vectors, ``Σ AB / √(Σ A² · Σ B²)``; ``jensen-shannon``: ``1 − mean_q
    JSD(A[q], B[q])`` in bits, so that 1 is the same and 0 is rows without a common token. Rows of padding are left out.

    Raises MethodError for all layers where these have different windows or grids (shifted windows), and for
    ``jensen-shannon`` where rows are no shares.
    """
    if kind not in KINDS:
        raise MethodError(f"kind={kind!r} is not one of: {', '.join(KINDS)}.")
    if layer == "all":
        chosen = list(enumerate(record.layers))
        _check_alike(record, [each for _, each in chosen])
    elif isinstance(layer, str):
        raise MethodError(f"Layer {layer!r} is no layer's number, nor all.")
    else:
        chosen = [choose_layer(record, layer)]
    maps = torch.cat([_maps(each) for _, each in chosen])  # (heads, rows, keys)
    if kind == "cosine":
        flat = torch.nn.functional.normalize(maps.flatten(1), dim=1)
        similarity = flat @ flat.T
        similarity = (similarity + similarity.T) / 2  # some processors add up a pair's two products differently
    else:
        for _, each in chosen:
            check_shares(record, each, "the Jensen–Shannon divergence")
        similarity = _jensen_shannon(maps)
    return HeadSimilarity(
        kind=kind,
        heads=tuple((number, head) for number, each in chosen for head in range(each.heads)),
        similarity=similarity,
    )


def _maps(layer: LayerAttention) -> Tensor:
    """Each head's rows of all windows, without padding: ``(heads, rows, keys)``."""
    real = layer.queries.tokens >= 0  # (windows, queries)
    return layer.weights.transpose(0, 1)[:, real]


def _jensen_shannon(maps: Tensor) -> Tensor:
    """``1 − JSD`` of each two heads, mean over the rows: ``(heads, rows, keys)`` to ``(heads, heads)``.

    JSD(a, b) = H((a + b) / 2) − (H(a) + H(b)) / 2, in bits between 0 and 1.
    """
    own = torch.special.entr(maps).sum(-1)  # (heads, rows), nats
    similarity = torch.eye(len(maps))
    for head in range(1, len(maps)):
        middle = torch.special.entr((maps[:head] + maps[head]) / 2).sum(-1)  # (heads before, rows)
        apart = (middle - (own[:head] + own[head]) / 2).mean(-1) / math.log(2)
        similarity[head, :head] = similarity[:head, head] = 1 - apart.clamp(0, 1)
    return similarity


def _check_alike(record: AttentionRecord, layers: list[LayerAttention]) -> None:
    first = layers[0]
    for layer in layers[1:]:
        same = torch.equal(first.queries.tokens, layer.queries.tokens) and torch.equal(
            first.keys.tokens, layer.keys.tokens
        )
        if not same:
            raise MethodError(
                f"The maps of layers {first.name} and {layer.name} of {record.model} are over different tokens or "
                "windows, so their heads can't be compared: choose one layer."
            )

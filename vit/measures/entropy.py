"""Entropy: whether a head looks at a few tokens or at all alike."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention
from vit.measures.choices import check_shares, in_reach
from vit.measures.registry import registered
from vit.measures.result import PerHead, Row, place_words
from vit.methods.choices import asking


@dataclass(frozen=True, eq=False, kw_only=True)
class Entropy(PerHead):
    """Entropies as shares of the highest that there can be: 0 is one token, 1 is all tokens alike."""

    title = "Entropy of attention"
    unit = "entropy / highest"
    even_words = "a head that looks at all tokens alike"
    caveat = (
        "A head that looks at few tokens need not look at those that matter: one that looks at a single useless token "
        "(a sink) stands lowest of all, and in windows there are fewer tokens to look at."
    )

    effective: tuple[Tensor, ...]  # for each layer (heads,): e^H, in tokens, mean over the rows
    readout_effective: tuple[Tensor, ...]  # the same of the readout's row
    keys: tuple[int, ...]  # for each layer: how many tokens a row chooses among

    @property
    def summary(self) -> str:
        found = self.extremes()
        if found is None:
            return "Only the readout asks in this network; its entropies are the readout's."
        (low_layer, low_head, low), (high_layer, high_head, high) = found
        few, many = float(self.effective[low_layer][low_head]), float(self.effective[high_layer][high_head])
        return (
            f"The sharpest head is {place_words(low_layer, low_head)}: {low:.2f} of the highest entropy, as if over "
            f"{few:.1f} of {self.keys[low_layer]} tokens. The most even is {place_words(high_layer, high_head)}: "
            f"{high:.2f}, as if over {many:.1f} of {self.keys[high_layer]}."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        columns, rows = super().table()
        more = ("effective tokens", "effective tokens, readout's row", "tokens to choose among")
        places = [(number, head) for number, heads in enumerate(self.heads) for head in range(len(heads))]
        extended: list[Row] = [
            (*row, float(self.effective[n][h]), float(self.readout_effective[n][h]), self.keys[n])
            for row, (n, h) in zip(rows, places, strict=True)
        ]
        return (*columns, *more), extended


@registered("entropy")
def entropy(record: AttentionRecord) -> Entropy:
    """How evenly each head spreads its attention, and over how many tokens as it were.

    Formula: of each row ``H = −Σ_k A ln A``, shown as ``H / ln T`` for T tokens to choose among (all that the row may
    look at, padding too, if the network looks at it), and ``e^H``, the effective tokens; means over the rows. The
    readout's row (CLS; the mean over CLS and DIST; a pool's query) stands apart and is not in the mean of the others.
    It is NaN where the classifier reads the mean of all patches, and the others are NaN where nobody else asks.

    Raises MethodError where rows are no shares.
    """
    found = []
    for layer in record.layers:
        check_shares(record, layer, "an entropy")
        found.append(_of_layer(layer, record.readout))
    share, effective, readout, readout_effective, keys = (tuple(column) for column in zip(*found, strict=True))
    return Entropy(
        layers=tuple(layer.name for layer in record.layers),
        heads=share,
        even=torch.ones(len(found)),
        readout=readout,
        effective=effective,
        readout_effective=readout_effective,
        keys=keys,
    )


def _of_layer(layer: LayerAttention, readout_tokens: tuple[str, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """Share of the highest entropy and effective tokens, of all other rows and of the readout's, each (heads,).

    Beside them the most tokens that a row may look at.
    """
    weights = layer.weights
    nats = torch.special.entr(weights).sum(-1)  # (windows, heads, queries)
    choices = in_reach(layer, weights).sum(-1)  # (windows, queries)
    highest = choices.log().unsqueeze(1)
    share = torch.where(highest > 0, nats / highest, math.nan)  # one token leaves no choice
    prefix = len(layer.queries.prefix)
    reads, _ = asking(layer.queries, None, readout_tokens)  # (tokens,)
    reads[prefix:] = 0  # a mean over all patches is no row of its own
    readout = layer.queries.gather(reads)  # (windows, queries)
    others = ((layer.queries.tokens >= 0) & (readout == 0)).float()

    def mean(values: Tensor, rows: Tensor) -> Tensor:
        counted = rows.unsqueeze(1) * ~values.isnan()  # (windows, heads, queries): a row without a choice has no share
        chosen = torch.where(counted > 0, values * counted, 0.0)
        return chosen.sum((0, 2)) / counted.sum((0, 2))  # no such row: 0 / 0, NaN

    tokens, most = nats.exp(), int(choices.max())
    return mean(share, others), mean(tokens, others), mean(share, readout), mean(tokens, readout), most

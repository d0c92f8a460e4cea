"""Sinks: tokens that nearly everyone looks at, and the share of attention that they take."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention
from vit.measures.choices import check_number, check_shares, in_reach
from vit.measures.registry import registered
from vit.measures.result import PerHead, Row, listed, place_words
from vit.methods.choices import token_words


@dataclass(frozen=True, eq=False, kw_only=True)
class Sinks(PerHead):
    """Shares of attention on each layer's sinks, mean over all rows."""

    title = "Attention on sinks"
    unit = "share of attention"
    even_words = "a head that looks at all tokens alike"
    caveat = (
        "Where a sink begins (how many times an even share) is a choice, and a token that many look at may be one "
        "that matters: only its values tell."
    )

    times: float  # from how many even shares on a token is a sink
    tokens: tuple[tuple[int, ...], ...]  # for each layer: its sinks, the strongest first
    words: tuple[tuple[str, ...], ...]  # the same for a person: "CLS", "the patch in row 3, column 8"
    received: tuple[Tensor, ...]  # for each layer (tokens,): attention received, in even shares

    @property
    def summary(self) -> str:
        where = [number for number, tokens in enumerate(self.tokens) if tokens]
        begin = f"A sink receives at least {self.times:g} times an even share of a layer's attention"
        if not where:
            most = max(float(each.max()) for each in self.received)
            return f"{begin}; there is none here: the most that a token receives is {most:.1f} times."
        found = self.extremes()
        assert found is not None
        layer, head, share = found[1]
        strongest = max(where, key=lambda number: float(self.received[number].max()))
        return (
            f"{begin}. {len(where)} of {len(self.layers)} layers have sinks. In layer {strongest + 1} they are "
            f"{listed(self.words[strongest])}, and one receives {float(self.received[strongest].max()):.1f} times. "
            f"The head that looks at sinks most is {place_words(layer, head)}: {share:.1%} of its attention."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        columns, rows = super().table()
        sinks: list[Row] = [(*row, len(self.tokens[int(row[0])])) for row in rows]
        return (*columns, "sinks in the layer"), sinks


@registered("sinks")
def sinks(record: AttentionRecord, times: float = 5.0) -> Sinks:
    """The tokens that receive far more than an even share, and how much each head looks at them.

    Formula: a token receives ``Σ_q mean_h A[q,k]``, over all rows q of the layer; if every row were even, it would
    receive ``Σ_q 1/T_q`` of the rows that may look at it, T_q being the number of tokens that row q may look at. A
    sink is a token of which the one is at least ``times`` the other: patches and prefix tokens alike, in each layer by
    itself. Named after Xiao et al. 2024 (https://arxiv.org/abs/2309.17453), seen in ViTs by Darcet et al. 2024
    (https://arxiv.org/abs/2309.16588).

    Raises MethodError where rows are no shares.
    """
    least = check_number("times", times, 1)
    heads, even, tokens, words, received = [], [], [], [], []
    for layer in record.layers:
        check_shares(record, layer, "a share of attention")
        weights = layer.weights  # computed anew each time it is asked for
        ratio = received_evenly(layer, weights)
        found = [token for token in ratio.argsort(descending=True, stable=True).tolist() if ratio[token] >= least]
        received.append(ratio)
        tokens.append(tuple(found))
        words.append(tuple(_words(layer, token) for token in found))
        share, alike = _share_on(layer, weights, found)
        heads.append(share)
        even.append(alike)
    return Sinks(
        layers=tuple(layer.name for layer in record.layers),
        heads=tuple(heads),
        even=torch.stack(even),
        times=least,
        tokens=tuple(tokens),
        words=tuple(words),
        received=tuple(received),
    )


def received_evenly(layer: LayerAttention, weights: Tensor) -> Tensor:
    """What each token receives of all heads and rows, in even shares: ``(tokens,)``, 1 where all look alike.

    A token that no row can reach has 0.
    """
    asks = (layer.queries.tokens >= 0).float()  # (windows, queries)
    got = layer.keys.scatter(torch.einsum("whqk,wq->wk", weights, asks) / layer.heads)  # (tokens,)
    expected = layer.keys.scatter(torch.einsum("wqk,wq->wk", _evenly(layer, weights), asks))
    return torch.where(expected > 0, got / expected.clamp_min(1e-30), 0.0)


def _share_on(layer: LayerAttention, weights: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor]:
    """The mean share on these tokens (heads,), and an even head's ()."""
    asks = (layer.queries.tokens >= 0).float()  # (windows, queries)
    chosen = torch.isin(layer.keys.tokens, torch.tensor(tokens, dtype=torch.int64)).float()  # (windows, keys)
    share = torch.einsum("whqk,wq,wk->h", weights, asks, chosen) / asks.sum()
    return share, torch.einsum("wqk,wq,wk->", _evenly(layer, weights), asks, chosen) / asks.sum()


def _evenly(layer: LayerAttention, weights: Tensor) -> Tensor:
    """What the rows of a head would be that looks at all it may look at alike: ``(windows, queries, keys)``."""
    reached = in_reach(layer, weights)
    return reached / reached.sum(-1, keepdim=True).clamp_min(1)


def _words(layer: LayerAttention, token: int) -> str:
    if layer.keys.cells is not None and token >= len(layer.keys.prefix):
        return f"token {token}"  # a run of patches has no row and column of its own
    return token_words(layer.keys, token)

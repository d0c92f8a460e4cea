"""Share on prefix tokens: how much attention goes to CLS, registers and the like, not to the picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention
from vit.errors import MethodError
from vit.measures.choices import check_shares
from vit.measures.registry import registered
from vit.measures.result import PerHead, Row, place_words


@dataclass(frozen=True, eq=False, kw_only=True)
class PrefixShare(PerHead):
    """Shares of attention, mean over all rows."""

    title = "Attention on tokens that are no patch"
    unit = "share of attention"
    even_words = "a head that looks at all tokens alike"
    caveat = (
        "A large share on CLS or a register may be a head that has nothing to do here, not one that gathers: how "
        "much the values there weigh is not in it."
    )

    names: tuple[tuple[str, ...], ...]  # for each layer: its prefix tokens among the keys
    each: tuple[Tensor, ...]  # for each layer (heads, prefix tokens)

    @property
    def summary(self) -> str:
        found = self.extremes()
        assert found is not None  # prefix_share() refuses a network without such a layer
        (low_layer, low_head, low), (high_layer, high_head, high) = found
        names = ", ".join(dict.fromkeys(name.upper() for names in self.names for name in names))
        return (
            f"Of a head's attention, from {low:.1%} ({place_words(low_layer, low_head)}) to {high:.1%} "
            f"({place_words(high_layer, high_head)}) falls on {names}."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        columns, rows = super().table()
        names = tuple(dict.fromkeys(name for names in self.names for name in names))
        places = [(number, head) for number, heads in enumerate(self.heads) for head in range(len(heads))]
        extended: list[Row] = []
        for row, (number, head) in zip(rows, places, strict=True):
            shares = dict(zip(self.names[number], self.each[number][head].tolist(), strict=True))
            extended.append((*row, *(shares.get(name, float("nan")) for name in names)))
        return (*columns, *(f"on {name}" for name in names)), extended


@registered("prefix")
def prefix_share(record: AttentionRecord) -> PrefixShare:
    """What share of each head's attention falls on tokens that are no patch: CLS, DIST, registers.

    Formula: ``mean_q Σ_{k in prefix} A[q,k]``, over all query tokens q of the layer. NaN in layers whose keys are
    patches only. Registers: Darcet et al. 2024 (https://arxiv.org/abs/2309.16588).

    Raises MethodError where rows are no shares, or every key of the network is a patch.
    """
    if not any(_in_reach(layer) for layer in record.layers):
        raise MethodError(f"{record.model} has no tokens beside the patches that anyone could look at.")
    heads, each, even = [], [], []
    for layer in record.layers:
        check_shares(record, layer, "a share of attention")
        shares = _of_layer(layer)
        each.append(shares)
        heads.append(shares.sum(1) if _in_reach(layer) else torch.full((layer.heads,), float("nan")))
        even.append(len(layer.keys.prefix) / layer.shape[-1] if _in_reach(layer) else float("nan"))
    return PrefixShare(
        layers=tuple(layer.name for layer in record.layers),
        heads=tuple(heads),
        even=torch.tensor(even),
        names=tuple(layer.keys.prefix for layer in record.layers),
        each=tuple(each),
    )


def _in_reach(layer: LayerAttention) -> bool:
    """Whether any key of the layer is a prefix token."""
    return bool(((layer.keys.tokens >= 0) & (layer.keys.tokens < len(layer.keys.prefix))).any())


def _of_layer(layer: LayerAttention) -> Tensor:
    """The mean share on each prefix token, ``(heads, prefix tokens)``."""
    asks = layer.queries.tokens >= 0  # (windows, queries)
    is_token = layer.keys.tokens.unsqueeze(-1) == torch.arange(len(layer.keys.prefix))  # (windows, keys, prefix)
    total = torch.einsum("whqk,wq,wkp->hp", layer.weights, asks.float(), is_token.float())
    return total / asks.sum()

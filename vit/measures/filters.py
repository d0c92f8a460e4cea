"""Patch-embedding filters: what the first linear map looks for in a patch of pixels."""

from dataclasses import dataclass

from torch import Tensor

from vit.attention import AttentionRecord, whole_number
from vit.errors import MethodError
from vit.measures.principal import principal
from vit.measures.registry import registered
from vit.measures.result import Measured, Row

KINDS = ("components", "filters")


@dataclass(frozen=True, eq=False, kw_only=True)
class Filters(Measured):
    """Filters as small pictures of what they add up."""

    title = "Patch-embedding filters"
    caveat = (
        "Each picture is stretched to its own contrast, grey is nothing, and a sign or a colour may as well be the "
        "opposite one: the next layer takes any mix of them."
    )

    kind: str  # "components" or "filters"
    filters: Tensor  # (shown, 3, height, width): weights for pixels from 0 to 1, by channel
    shares: Tensor  # (shown,): of all filters' variance (components), or of their squared size (filters)
    numbers: tuple[int, ...]  # which filters they are, from 0; the components' order
    count: int  # of filters in all

    @property
    def pictures(self) -> Tensor:
        """For the eye: ``(shown, height, width, 3)``, 0 to 1; a weight of 0 is 0.5."""
        peak = self.filters.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-30)
        return (0.5 + 0.5 * self.filters / peak).permute(0, 2, 3, 1)

    @property
    def summary(self) -> str:
        height, width = self.filters.shape[2:]
        what = "principal components" if self.kind == "components" else "largest filters"
        of = "of what sets the filters apart" if self.kind == "components" else "of all filters' squared size"
        grey = self.filters.mean(1).square().sum() * 3 / self.filters.square().sum().clamp_min(1e-30)
        return (
            f"The {len(self.filters)} {what} of {self.count} filters over {height} × {width} pixels hold "
            f"{float(self.shares.sum()):.0%} {of}; {float(grey):.0%} of their squared size is the same in red, green "
            "and blue, and the rest is colour."
        )

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        rows: list[Row] = [
            (number, float(share), *values)
            for number, share, values in zip(self.numbers, self.shares, self.filters.flatten(1).tolist(), strict=True)
        ]
        channels, height, width = self.filters.shape[1:]
        names = [f"{'rgb'[c]} {row},{col}" for c in range(channels) for row in range(height) for col in range(width)]
        return (self.kind[:-1], "share", *names), rows


@registered("filters", parts=("filters",))
def patch_filters(record: AttentionRecord, filters: Tensor, kind: str = "components", count: int = 28) -> Filters:
    """The filters that turn a patch of pixels into a token: their principal components, or the largest themselves.

    ``filters`` is ``(width, 3, height, width of a patch)``, weights for pixels from 0 to 1. Formula: components are
    the first right singular vectors of the filters less their mean, each with its entry of largest size positive;
    filters come by their norm. Dosovitskiy et al. 2021, Figure 7 (https://arxiv.org/abs/2010.11929), shows 28.
    """
    if kind not in KINDS:
        raise MethodError(f"kind={kind!r} is not one of: {', '.join(KINDS)}.")
    wanted = whole_number(count)
    if wanted is None or wanted < 1:
        raise MethodError(f"count={count!r} is no whole number of at least 1.")
    flat = filters.flatten(1)  # (filters, 3 · height · width)
    if kind == "components":
        wanted = min(wanted, *flat.shape)
        _, directions, shares = principal(flat, wanted)
        numbers = tuple(range(wanted))
        shown = directions.float().reshape(wanted, *filters.shape[1:])
    else:
        sizes = flat.square().sum(1)
        order = sizes.argsort(descending=True, stable=True)[:wanted]
        numbers, shown = tuple(order.tolist()), filters[order]
        shares = sizes[order] / sizes.sum().clamp_min(1e-30)
    return Filters(kind=kind, filters=shown, shares=shares.float(), numbers=numbers, count=len(filters))

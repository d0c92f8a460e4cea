"""Attention distance: how far over the picture each head looks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vit.attention import AttentionRecord, LayerAttention, TokenLayout
from vit.errors import MethodError
from vit.measures.choices import check_shares, in_reach
from vit.measures.registry import registered
from vit.measures.result import PerHead, place_words


@dataclass(frozen=True, eq=False, kw_only=True)
class Distance(PerHead):
    """Mean distances in pixels of the picture as the model is fed."""

    title = "Attention distance"
    unit = "pixels"
    even_words = "a head that looks at all patches alike"
    caveat = (
        "A short distance says that a head looks nearby, not that it sees edges or textures; a window bounds it, "
        "and the share on tokens that are no patch is left out of it."
    )

    dropped: tuple[Tensor, ...]  # for each layer (heads,): the share that fell on no patch, mean over the rows
    image_size: tuple[int, int]  # (height, width) in pixels

    @property
    def summary(self) -> str:
        found = self.extremes()
        if found is None:
            return "No layer has patches that look at patches."
        (low_layer, low_head, low), (high_layer, high_head, high) = found
        most = max(float(each.nan_to_num(0).max()) for each in self.dropped)
        height, width = self.image_size
        beside = f"Up to {most:.1%} of a head's attention fell on no patch and is left out."
        return (
            f"On a picture of {height} × {width} pixels, heads look from {low:.1f} pixels far "
            f"({place_words(low_layer, low_head)}) to {high:.1f} ({place_words(high_layer, high_head)}). "
            f"{beside if most >= 0.0005 else 'All of it fell on patches.'}"
        )


@registered("distance")
def distance(record: AttentionRecord) -> Distance:
    """How far away, on average, the patches are that a patch looks at, by head.

    Formula: ``mean_q Σ_k A[q,k] · ‖pos_q − pos_k‖`` over patches, each row renormed over the patches that it looks at;
    ``pos`` are the patches' centres in pixels of the model's input. Dosovitskiy et al. 2021, Figure 11
    (https://arxiv.org/abs/2010.11929); Raghu et al. 2021 (https://arxiv.org/abs/2108.08810). A row that looks at no
    patch at all is left out of the mean. Layers in which no patch asks (a pool, class attention) are NaN.

    Raises MethodError where rows are no shares, or no patch of the whole network asks.
    """
    heads, dropped, even = [], [], []
    for layer in record.layers:
        check_shares(record, layer, "a mean distance")
        for one, collected in zip(_of_layer(layer, record.image_size), (heads, dropped, even), strict=True):
            collected.append(one)
    if all(bool(each.isnan().all()) for each in heads):
        raise MethodError(f"In {record.model} no patch looks at patches, so there is no distance.")
    return Distance(
        layers=tuple(layer.name for layer in record.layers),
        heads=tuple(heads),
        even=torch.stack(even),
        dropped=tuple(dropped),
        image_size=record.image_size,
    )


def centres(layout: TokenLayout, image_size: tuple[int, int]) -> Tensor:
    """Each token's place in pixels (down, across): ``(tokens, 2)``; NaN for tokens that are no patch.

    A token that stands for a run of patches sits at their mean.
    """
    grid = layout.grid
    down = (torch.arange(grid.rows) + 0.5) * image_size[0] / grid.rows
    across = (torch.arange(grid.cols) + 0.5) * image_size[1] / grid.cols
    places = torch.cartesian_prod(down, across)  # (patches, 2), in raster order
    if layout.cells is not None:
        count = layout.count - len(layout.prefix)
        several = torch.bincount(layout.cells, minlength=count).unsqueeze(1)  # (runs, 1)
        places = torch.zeros(count, 2).index_add_(0, layout.cells, places) / several
    return torch.cat([torch.full((len(layout.prefix), 2), float("nan")), places])


def _of_layer(layer: LayerAttention, image_size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """A layer's mean distances (heads,), the shares left out (heads,), and an even head's distance ()."""
    asking = layer.queries.tokens >= len(layer.queries.prefix)  # (windows, queries): slots that are patches
    offered = layer.keys.tokens >= len(layer.keys.prefix)  # (windows, keys)
    if not bool(asking.any()) or not bool(offered.any()):
        nothing = torch.full((layer.heads,), float("nan"))
        return nothing, nothing, torch.tensor(float("nan"))
    pairs = asking.unsqueeze(2) & offered.unsqueeze(1)  # (windows, queries, keys)
    apart = torch.cdist(_placed(layer.queries, image_size), _placed(layer.keys, image_size), compute_mode=_EXACT)
    apart = torch.where(pairs, apart, 0.0)  # (windows, queries, keys), pixels
    weights = layer.weights
    on_patches = torch.einsum("whqk,wk->whq", weights, offered.float())  # (windows, heads, queries)
    travelled = torch.einsum("whqk,wqk->whq", weights, apart)
    counts = asking.unsqueeze(1) & (on_patches > 0)
    rows = torch.where(counts, travelled / on_patches.clamp_min(1e-30), 0.0)
    means = rows.sum((0, 2)) / counts.sum((0, 2))  # 0 / 0, no row that looks at a patch, is NaN
    missed = torch.where(asking.unsqueeze(1), 1 - on_patches, 0.0).sum((0, 2)) / asking.sum()
    reached = in_reach(layer, weights) * pairs  # (windows, queries, keys)
    alike = (apart * reached).sum(2) / reached.sum(2).clamp_min(1)  # (windows, queries)
    return means, missed.clamp_min(0), alike[asking & reached.any(2)].mean()


_EXACT = "donot_use_mm_for_euclid_dist"  # the fast way loses digits where two places are close


def _placed(layout: TokenLayout, image_size: tuple[int, int]) -> Tensor:
    """Places of slots, ``(windows, slots, 2)`` in pixels."""
    return centres(layout, image_size).nan_to_num(0)[layout.tokens.clamp_min(0)]

"""Token norms: how long each token's vector is, and which patches stand out by far."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vit.attention import AttentionRecord, Heatmap, TokenLayout
from vit.errors import MethodError
from vit.measures.choices import block_of, check_number
from vit.measures.registry import registered
from vit.measures.result import Measured, Row, listed
from vit.methods.choices import token_words


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenNorms(Measured):
    """The norm of every token after one block, before any last norm."""

    title = "Token norms"
    caveat = (
        "A patch with a norm far above the others often stands for the whole picture instead of its own place, so a "
        "map's peak there may not be about that place. A small model may have none, and where an outlier begins is a "
        "choice."
    )

    block: str  # the block's name
    layer: int  # the number of its attention layer
    norms: Tensor  # (tokens,): the prefix, then the patches
    layout: TokenLayout
    median: float  # of the patches' norms
    deviation: float  # MAD: the median of |norm − median| over the patches
    threshold: float  # median + k · MAD
    outliers: tuple[int, ...]  # numbers of patch tokens above it, the largest first

    @property
    def mask(self) -> Tensor:
        """Where the outliers are: bool ``(rows, cols)``."""
        marked = torch.zeros(self.layout.count)
        marked[list(self.outliers)] = 1
        return self.layout.patches(marked) > 0

    @property
    def summary(self) -> str:
        patches = self.layout.count - len(self.layout.prefix)
        begin = f"After layer {self.layer + 1}, the median norm of {patches} patches is {self.median:.3g}"
        prefix = "".join(
            f", of {n.upper()} {float(v):.3g}" for n, v in zip(self.layout.prefix, self.norms, strict=False)
        )
        if not self.outliers:
            most = float(self.norms[len(self.layout.prefix) :].max())
            return f"{begin}{prefix}. No patch is above {self.threshold:.3g}; the largest has {most:.3g}."
        words = listed([token_words(self.layout, token) for token in self.outliers])
        are = "are" if len(self.outliers) > 1 else "is"
        return f"{begin}{prefix}. Above {self.threshold:.3g} {are} {len(self.outliers)}: {words}."

    def table(self) -> tuple[tuple[str, ...], list[Row]]:
        marked = set(self.outliers)
        rows: list[Row] = [
            (token, *_place(self.layout, token), float(norm), int(token in marked))
            for token, norm in enumerate(self.norms)
        ]
        return ("token", "name", "row", "column", "norm", "outlier"), rows


@registered("norms", keep=("features",))
def token_norms(record: AttentionRecord, layer: int = -1, k: float = 5.0) -> TokenNorms:
    """The length of every token's vector after a block, and the patches whose length is far from the others'.

    Formula: ``‖x‖``, before the last norm; outliers are patches above ``median + k · MAD``, both over the patches of
    this picture, ``MAD = median |‖x‖ − median|``. For numbers spread normally k = 5 is 3.4 standard deviations.
    Darcet et al. 2024, "Vision Transformers Need Registers" (https://arxiv.org/abs/2309.16588).
    """
    k = check_number("k", k, 0)
    block = block_of(record, layer)
    norms = torch.linalg.vector_norm(block.vectors, dim=-1)  # (tokens,)
    prefix = len(block.layout.prefix)
    patches = norms[prefix:]
    median = patches.quantile(0.5)  # of an even number the mean of the middle two; Tensor.median takes the lower one
    deviation = (patches - median).abs().quantile(0.5)
    threshold = median + k * deviation
    above = [prefix + n for n in patches.argsort(descending=True, stable=True).tolist() if patches[n] > threshold]
    return TokenNorms(
        block=block.name,
        layer=block.layer,
        norms=norms,
        layout=block.layout,
        median=float(median),
        deviation=float(deviation),
        threshold=float(threshold),
        outliers=tuple(above),
    )


def without_outliers(heat: Heatmap, norms: TokenNorms, leave_out: bool = False) -> Heatmap:
    """A map whose outlier patches are cut down to the highest of the others; or, left out, set to 0. It says so.

    Raises MethodError where map and norms are not over the same grid of patches.
    """
    mask = norms.mask
    if mask.shape != heat.values.shape:
        raise MethodError(
            f"The map has {heat.values.shape[0]} × {heat.values.shape[1]} patches and the norms have "
            f"{mask.shape[0]} × {mask.shape[1]}: choose a layer with the map's grid."
        )
    count = int(mask.sum())
    if not count:
        return heat
    others = heat.values[~mask]
    highest = 0.0 if leave_out or not others.numel() else float(others.max())
    values = torch.where(mask, heat.values.clamp_max(highest), heat.values)
    what = "left out" if leave_out else "cut to the highest of the others"
    named = "1 patch" if count == 1 else f"{count} patches"
    return replace(heat, values=values, caption=f"{heat.caption} · {named} of outlying norm {what}")


def _place(layout: TokenLayout, token: int) -> Row:
    """A token's name, row and column for a table; a run of patches has none of its own."""
    prefix = len(layout.prefix)
    if token < prefix:
        return layout.prefix[token], "", ""
    if layout.cells is not None:
        return "patches", "", ""
    return "patch", *divmod(token - prefix, layout.grid.cols)

"""A measure's result as a plot, with the words that belong to it; or as a table or arrays."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from vit.errors import MethodError, VitError
from vit.measures.filters import Filters
from vit.measures.heads import HeadSimilarity
from vit.measures.lens import Lens
from vit.measures.norms import TokenNorms
from vit.measures.patches import PatchSimilarity
from vit.measures.pca import TokenColours
from vit.measures.positions import PositionSimilarity
from vit.measures.result import Measured, PerHead
from vit.render import measure_heads, measure_model, measure_tokens
from vit.render.files import write_whole
from vit.render.measure_page import theme_of
from vit.render.publication import file_of

PLOTS = (".png", ".svg", ".pdf")
KINDS = (*PLOTS, ".csv", ".npz")

_DRAWN: dict[type[Measured], Callable[..., Figure]] = {
    PerHead: measure_heads.per_head,
    HeadSimilarity: measure_heads.head_matrix,
    TokenNorms: measure_tokens.token_norms,
    PatchSimilarity: measure_tokens.likeness,
    TokenColours: measure_tokens.token_colours,
    Lens: measure_tokens.lens,
    PositionSimilarity: measure_model.positions,
    Filters: measure_model.filters,
}


def plot_measure(result: Measured, image: np.ndarray | None = None, theme: str = "light") -> Figure:
    """A measure's plot with its name, its summary and its caveat; ``theme`` is "light" or "dark".

    ``image`` is the photo, which maps over patches stand beside and take their shape from.
    """
    for kind, drawn in _DRAWN.items():
        if isinstance(result, kind):
            return drawn(result, theme_of(theme), image)
    raise MethodError(f"There is no plot of {type(result).__name__}.")


def measure_bytes(
    result: Measured, kind: str, image: np.ndarray | None = None, theme: str = "light", dpi: int = 160
) -> bytes:
    """A measure's result as a file: a plot (.png, .svg, .pdf), a table (.csv) or all numbers (.npz).

    A plot's file carries the summary as its description, for whoever can't see it.
    """
    if kind in PLOTS:
        return file_of(plot_measure(result, image, theme), kind, dpi, f"{result.title}. {result.summary}")
    if kind == ".csv":
        return _csv(result)
    if kind == ".npz":
        file = io.BytesIO()
        np.savez_compressed(file, **result.arrays())  # type: ignore[arg-type]
        return file.getvalue()
    raise VitError(f"A measure is written as {', '.join(KINDS)}, not as {kind!r}.")


def save_measure(result: Measured, path: str | Path, image: np.ndarray | None = None, theme: str = "light") -> None:
    """``measure_bytes`` into a file of the kind its name ends in, whole or not at all."""
    write_whole(measure_bytes(result, Path(path).suffix.lower(), image, theme), path)


def _csv(result: Measured) -> bytes:
    """The table, a number that isn't defined as an empty cell."""
    columns, rows = result.table()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if isinstance(v, float) and math.isnan(v) else v for v in row] for row in rows)
    return file.getvalue().encode()

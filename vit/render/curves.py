"""Numbers over time, or against each other, as plots: matplotlib without pyplot, as in ``publication``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from vit.errors import VitError
from vit.render.files import write_whole
from vit.render.publication import file_of

# Okabe and Ito's colours, which colour-blind people tell apart too: https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, GREY = "#202124", "#70747a"

# Where a point's name may stand: so many points of type away, and which side of the name is there.
_BESIDE = (
    ((0, 5), "center", "bottom"),
    ((0, -5), "center", "top"),
    ((6, 0), "left", "center"),
    ((-6, 0), "right", "center"),
)

Line = tuple[Sequence[float], Sequence[float]]  # places along, and heights


@dataclass(frozen=True)
class Panel:
    """One plot: what stands up, what stands along, and a line for each name."""

    up: str
    along: str
    lines: Mapping[str, Line]
    points: bool = False  # each name is one point with its name beside it, in place of a line
    log: bool = False  # along, each step is a factor
    whole: bool = False  # along are whole numbers


def plot(panels: Sequence[Panel], path: str | Path, columns: int = 2) -> None:
    """Panels in a grid, one legend for all, into a .png, .svg or .pdf file."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    page = Figure(figsize=(4.4 * columns, 3.1 * rows), layout="constrained")
    FigureCanvasAgg(page)
    axes = page.subplots(rows, columns, squeeze=False).ravel()
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    for axis, panel in zip(axes, panels, strict=False):
        for name, (places, heights) in panel.lines.items():
            colour = COLOURS[names.index(name) % len(COLOURS)]
            if panel.points:
                axis.scatter(places, heights, color=colour, s=46, label=name)
            else:
                axis.plot(places, heights, color=colour, label=name, linewidth=1.8, marker="o", markersize=3)
        dress(axis, panel)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    if len(names) > 1 and not all(panel.points for panel in panels):
        handles, labels = axes[[not panel.points for panel in panels].index(True)].get_legend_handles_labels()
        page.legend(handles, labels, loc="outside upper left", ncols=len(names), frameon=False, fontsize=9)
    page.draw_without_rendering()  # from here on it is known where each point comes to lie
    for axis, panel in zip(axes, panels, strict=False):
        if panel.points:
            name_points(axis, panel)
    write_plot(page, path)


def name_points(axis, panel: Panel) -> None:
    """Writes each point's name above it, or where it is on no other point and no other name."""
    spots = {name: (places[0], heights[0]) for name, (places, heights) in panel.lines.items()}
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axis.transData.transform(list(spots.values()))]
    for name, spot in spots.items():
        for offset, across, up in _BESIDE:
            label = axis.annotate(
                name, spot, offset, textcoords="offset points", fontsize=8, ha=across, va=up, in_layout=False
            )
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            if offset != _BESIDE[-1][0]:
                label.remove()
        taken.append(box)


def dress(axis, panel: Panel) -> None:
    """Quiet axes: two lines, faint rules, words in the page's own grey."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#c4c7cc")
    axis.grid(axis="y", color="#e8eaed", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.set_xlabel(panel.along, fontsize=9, color=INK)
    axis.set_title(panel.up, fontsize=9, color=INK, loc="left")
    axis.margins(x=0.12 if panel.points else 0.04, y=0.16 if panel.points else 0.06)
    if panel.log:
        axis.set_xscale("log")
        places = sorted({place for along, _ in panel.lines.values() for place in along})
        axis.set_xticks(places, [f"{place:g}" for place in places])
        axis.minorticks_off()
    elif panel.whole:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.tick_params(colors=GREY, labelsize=8, length=0)


def write_plot(page: Figure, path: str | Path, dpi: int = 160) -> None:
    """The page into a file of the kind its name ends in, whole or not at all."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".png", ".svg", ".pdf"):
        raise VitError(f"A plot's file ends in .png, .svg or .pdf; {path.name} doesn't.")
    write_whole(file_of(page, kind, dpi), path)

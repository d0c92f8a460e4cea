"""Heat drawn over pictures: overlays, contact sheets, legends, animations, figures, and the files they go into.

The only user of OpenCV and matplotlib. Names are imported when they are first used; matplotlib, which is slow to
import, only for the publication figure. Files are called otherwise than the functions in them, so that
``vit.render.overlay`` is always the function.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vit.render.colormaps import COLORMAPS as COLORMAPS
    from vit.render.colormaps import DEFAULT as DEFAULT
    from vit.render.colormaps import colormap_table as colormap_table
    from vit.render.contact_sheet import SheetLayout as SheetLayout
    from vit.render.contact_sheet import sheet as sheet
    from vit.render.contact_sheet import sheet_layout as sheet_layout
    from vit.render.files import encode as encode
    from vit.render.files import save as save
    from vit.render.gif import animation as animation
    from vit.render.heat import overlay as overlay
    from vit.render.legend import number as number
    from vit.render.legend import provenance_line as provenance_line
    from vit.render.legend import with_legend as with_legend
    from vit.render.measured import measure_bytes as measure_bytes
    from vit.render.measured import plot_measure as plot_measure
    from vit.render.measured import save_measure as save_measure
    from vit.render.publication import figure as figure
    from vit.render.row import side_by_side as side_by_side
    from vit.render.untrained import stamp_untrained as stamp_untrained

_HOME = {
    "vit.render.colormaps": ("COLORMAPS", "DEFAULT", "colormap_table"),
    "vit.render.contact_sheet": ("SheetLayout", "sheet", "sheet_layout"),
    "vit.render.files": ("encode", "save"),
    "vit.render.gif": ("animation",),
    "vit.render.heat": ("overlay",),
    "vit.render.legend": ("number", "provenance_line", "with_legend"),
    "vit.render.measured": ("measure_bytes", "plot_measure", "save_measure"),
    "vit.render.publication": ("figure",),
    "vit.render.row": ("side_by_side",),
    "vit.render.untrained": ("stamp_untrained",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str):
    if name not in _MODULE:
        raise AttributeError(f"module 'vit.render' has no attribute {name!r}")
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return __all__

"""The explorer as one file: the page's own parts with one photo's maps inside. Opens without a network or a server.

    vit.explore("photo.jpg", "vit_imagenette")              # in a notebook: the explorer in the cell
    vit.explore("photo.jpg", "vit_imagenette").save("cat.html")

What is put in is text for the browser to read as data, never a part of the page: ``<`` is escaped in the JSON, the maps
are base64, and the page's own rules forbid it to ask anybody for anything.
"""

import base64
import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit.errors import BudgetError, MethodError
from vit.ui.pack import pack_value, photo_bytes, trained_on
from vit.ui.shell import shell_parts

if TYPE_CHECKING:
    import numpy as np

    from vit.attention import AttentionRecord
    from vit.models.vision_model import VisionModel

MOST_BYTES = 150_000_000  # of maps in one file: a browser reads no more than that comfortably
METHODS = ("raw", "received", "rollout")  # those that the browser works out by itself
_HEIGHT = 780  # pixels of a notebook cell


@dataclass(frozen=True)
class Exploration:
    """One self-contained page. A notebook shows it; ``save`` writes it."""

    page: str
    height: int = _HEIGHT

    def save(self, path: str | Path) -> Path:
        """Writes the page, whole or not at all, and returns where; VitError if that can't be."""
        from vit.render.files import write_whole

        write_whole(self.page.encode(), path)
        return Path(path)

    def _repr_html_(self) -> str:
        """For Jupyter and Colab: a frame of its own, so that neither styles nor scripts meet the notebook's."""
        rules = "allow-scripts allow-downloads"
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe sandbox="{rules}" style="{style}" srcdoc="{html.escape(self.page)}"></iframe>'


def explore(
    image: Any, model: "VisionModel | str", method: str | None = None, *, height: int = _HEIGHT, **options: Any
) -> Exploration:
    """The explorer for one picture through one model, as a page of its own.

    ``image`` is whatever ``load_image`` takes, ``model`` a loaded model or its name. ``method`` and ``options`` are
    what the page opens to, as ``explain`` takes them: ``explore(image, model, "raw", layer=7, head=3, query=(3, 8))``.
    ``height`` is the notebook cell's, in pixels. The maps of vit_base at 224 px make a page of 8 MB, which a notebook
    keeps when it is saved.

    Raises ImageError, ModelError, CaptureError, MethodError for what the explorer doesn't show, and BudgetError for
    more than 150 MB of maps.
    """
    from vit.capture import record_attention
    from vit.image import load_image
    from vit.models import load_model

    picture = load_image(image)
    loaded = load_model(model) if isinstance(model, str) else model
    return Exploration(self_contained(picture, record_attention(loaded, picture), method, **options), height)


def self_contained(image: "np.ndarray", record: "AttentionRecord", method: str | None = None, **options: Any) -> str:
    """The whole page as text, for an RGB picture ``(height, width, 3)`` and its record; the rest as in ``explore``."""
    view = _address(record, method or "raw", options) if method or options else {}
    value, maps = pack_value(image, record, trained_on(record.model, record.provenance))
    if len(maps) > MOST_BYTES:
        raise BudgetError(
            f"The maps take {len(maps) / 1e6:.0f} MB, more than the {MOST_BYTES / 1e6:.0f} MB that a browser reads "
            "from one file comfortably: use a smaller size, or .npz."
        )
    photo = "data:image/jpeg;base64," + _base64(photo_bytes(image))
    table = json.dumps({**value, "photo": {"url": photo}, "view": view}).replace("<", "\\u003c")
    start, middle, end = shell_parts()
    return "".join((start, table, middle, _base64(maps), end))


def _address(record: "AttentionRecord", method: str, options: dict[str, Any]) -> dict[str, str]:
    """A method and its options in the words of the page's address."""
    from vit.methods import explain

    if method not in METHODS:
        raise MethodError(f"The explorer shows {', '.join(METHODS)}; for {method} write a picture.")
    explain(record, method, **options)  # says in a sentence what can't be shown
    words = {"method": method}
    for name, value in options.items():
        if name in ("layer", "first", "last"):
            value %= len(record.layers)
        if isinstance(value, tuple | list):
            value = ",".join(map(str, value))
        if value is not None:
            words["fusion" if name == "head_fusion" else name] = str(value)
    return words


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

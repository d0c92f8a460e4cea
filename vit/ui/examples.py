"""The example photographs in ``assets/examples``, and small pictures of them for the page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[2] / "assets" / "examples"
OPENING = "temple"  # the one that the bundled models can name (a church): the page opens with an answer to judge
_THUMB = 96  # pixels of a thumbnail's longer side


@dataclass(frozen=True)
class Example:
    name: str
    path: Path

    @property
    def words(self) -> str:
        return self.name.replace("-", " ").replace("_", " ")

    def for_page(self) -> dict:
        """Name, words, a thumbnail as a data URL (so that the page needs no request for it), and the true shape."""
        with Image.open(self.path, formats=["JPEG"]) as photo:
            width, height = photo.size
            photo.draft("RGB", (2 * _THUMB, 2 * _THUMB))  # decodes no more than it needs
            photo.thumbnail((_THUMB, _THUMB))
            data = io.BytesIO()
            photo.convert("RGB").save(data, "JPEG", quality=70)
        thumb = "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
        return {"name": self.name, "words": self.words, "thumb": thumb, "width": width, "height": height}


def examples() -> list[Example]:
    """All example photographs: the one that the page opens with, then the others in the order of their names."""
    paths = sorted(FOLDER.glob("*.jpg"), key=lambda path: (path.stem != OPENING, path.stem))
    return [Example(path.stem, path) for path in paths]

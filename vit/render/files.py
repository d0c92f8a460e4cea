"""Pictures as files: small, fast, with nothing in them but the picture."""

import os
import uuid
from pathlib import Path

import cv2
import numpy as np

from vit.errors import VitError
from vit.render.heat import check_picture

_SETTINGS = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]),
    "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),  # level 1 costs a tenth of level 9's time for little more space
}
_FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}


def encode(picture: np.ndarray, format: str = "jpeg") -> bytes:
    """An RGB picture as the bytes of a file, ``"jpeg"`` (quality 90) or ``"png"``, without metadata."""
    check_picture(picture)
    name = "jpeg" if format == "jpg" else format
    if name not in _SETTINGS:
        raise VitError(f"A picture can be written as jpeg or png, not as {format!r}.")
    suffix, settings = _SETTINGS[name]
    if name == "jpeg" and max(picture.shape) > 65_500:
        raise VitError("A JPEG holds at most 65,500 pixels a side; write this picture as png.")
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    if not done:
        raise VitError(f"The picture couldn't be written as {name}.")
    return encoded.tobytes()


def save(picture: np.ndarray, path: str | Path) -> None:
    """Writes a picture into a ``.jpg``, ``.jpeg`` or ``.png`` file, whole or not at all."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise VitError(f"A picture's file ends in {', '.join(_FORMATS)}; {Path(path).name} doesn't.")
    write_whole(encode(picture, _FORMATS[suffix]), path)


def write_whole(content: bytes, path: str | Path) -> None:
    """Writes a file under a name of its own and renames it, so that nobody ever reads half of it."""
    path = Path(path)
    draft = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        raise VitError(f"{path.name} couldn't be written: {error.strerror or 'the disk refused it'}.") from None
    finally:
        draft.unlink(missing_ok=True)

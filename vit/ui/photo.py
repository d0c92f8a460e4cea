"""The place on the page where a photo comes in: gr.Image, with our own reader behind it."""

import base64
import os
import uuid
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from vit.errors import ImageError
from vit.image import fingerprint, load_image
from vit.ui.faults import shown
from vit.ui.limits import DECODING

SHOWN_BY_BROWSERS = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp"}
UNEXPECTED = "This picture could not be read: save it as JPEG or PNG and try again."


class Photo(gr.Image):
    """gr.Image whose listeners get what ``load_image`` makes of the uploaded file, or the page shows its sentence.

    gr.Image's own reading drops alpha, clips 16 bits to white, decodes any number of pixels and answers a text
    file named ``.png`` with nothing at all. Here the file itself goes to our reader. Takes what gr.Image takes;
    sources are upload, clipboard and webcam. Whatever ``type`` says, listeners get RGB uint8 (height, width, 3),
    or None where there is no photo. Listen to ``upload``: it alone comes once for each photo that a person gives.
    """

    is_template = True  # the browser draws gr.Image; there is no front end of our own

    def preprocess(self, payload: ImageData | None) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The upright RGB picture of an uploaded file; gr.Error with one sentence if it is none."""
        if payload is None:
            return None
        try:
            with DECODING:
                return load_image(_given(payload))
        except Exception as error:
            raise shown(error, "photo", UNEXPECTED) from error

    def postprocess(self, value: Any) -> Any:
        """A value that the server sets, as a file that every browser shows: an array or a TIFF becomes a JPEG."""
        if value is None or (isinstance(value, str) and value.startswith(("http://", "https://"))):
            return super().postprocess(value)
        if isinstance(value, (str, Path)) and Path(value).suffix.lower() in SHOWN_BY_BROWSERS:
            return super().postprocess(value)
        return ImageData(path=_keep(load_image(value), self.GRADIO_CACHE), orig_name="photo.jpg")


def _given(payload: ImageData) -> str | bytes:
    """What Gradio received: a file in its cache, or, from a program, the picture itself as a data address."""
    if payload.path:
        return payload.path
    if payload.url and payload.url.startswith("data:"):
        return base64.b64decode(payload.url.partition(",")[2])
    raise ImageError("No picture has arrived: choose the file again.")


def _keep(image: np.ndarray, folder: str) -> str:
    """Writes a JPEG named by its pixels where Gradio serves files from; renamed, so that nobody reads half a file."""
    home = Path(folder) / fingerprint(image)
    path, beside = home / "photo.jpg", home / f"{uuid.uuid4().hex}.part"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(beside, "JPEG", quality=90)
        os.replace(beside, path)
    return str(path)

"""Where the page's photos come in: the picture and its file, or the sentence that says why there is none."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from vit.ui.known import file_key
from vit.ui.photo import Photo

_GONE = "The server no longer keeps this photo: choose it again."


class Sent(NamedTuple):
    """A photo that a visitor has sent."""

    pixels: np.ndarray  # RGB uint8 (height, width, 3)
    file: Path

    def key(self) -> str:
        """Its file's name in what is known; none if the file has been cleaned up meanwhile."""
        try:
            return file_key(self.file.read_bytes())
        except OSError:
            return ""


class Door(Photo):
    """The way a photo comes in, as ``Sent``. A file that is no picture is handed on as the sentence that says
    so, not raised: the page shows it where the person looks."""

    def preprocess(self, payload: Any) -> Any:
        if payload is not None and payload.path and not Path(payload.path).is_file():
            return Gone(_GONE)
        try:
            pixels = super().preprocess(payload)
        except gr.Error as error:
            refused = Refused(error.message)
            refused.code = error.title.removeprefix("Error ")
            return refused
        return pixels if pixels is None or payload is None or not payload.path else Sent(pixels, Path(payload.path))


class Refused(str):
    """A sentence in place of a picture."""

    gone = False
    code = ""  # under which the log explains it


class Gone(Refused):
    """The uploaded file has been cleaned up; a page that still holds it sends it again."""

    gone = True

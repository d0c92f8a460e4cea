"""Nothing is fetched from elsewhere: whatever a question names, the server asks no other server for it.

Gradio fetches every address that stands where a file may stand, in any component, whole and into memory.
"""

from typing import Any, NoReturn

from gradio import processing_utils

from vit.errors import ImageError
from vit.ui.faults import shown

_SENTENCE = "Send the picture itself: nothing is fetched from elsewhere."


def fetch_nothing() -> None:
    """From now on Gradio's own way to fetch a file from an address is a sentence."""
    processing_utils.async_ssrf_protected_download = _refuse


async def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise shown(ImageError(_SENTENCE), "address", _SENTENCE)

"""Explorer: the canvas component that gets one record's maps and draws them in the browser.

Its HTML never changes, so the canvases survive every update; labels and names reach the page by ``textContent`` alone,
because what is put into a template of ``gr.HTML`` runs as code.
"""

from pathlib import Path
from typing import Any

import gradio as gr

_HERE = Path(__file__).parent
# One idea a file; each may use what stands before it. They become one script, and share one scope.
SCRIPTS = (
    *("colours", "decode", "attention", "paint"),  # bytes to maps to pixels: no page needed
    *("sheet", "controls", "door", "stage", "address", "save"),  # parts of the page
    *("state", "questions", "answers", "hands", "drawing", "main"),  # what holds them together
)


class Explorer(gr.HTML):
    """Shows what ``vit.ui.pack.pack`` returns, or ``{"busy": words}``, or ``{"error": sentence}``.

    Every value carries the ``ticket`` of the question that it answers (0 for the page's own opening); the page drops
    answers to older questions. The event ``ask`` says that a person has given another photo or chosen an example.
    """

    def __init__(self, value: dict[str, Any] | None = None, **props: Any):
        super().__init__(
            value=value,
            html_template=(_HERE / "explorer.html").read_text(encoding="utf-8"),
            css_template=(_HERE / "explorer.css").read_text(encoding="utf-8"),
            js_on_load=script(),
            apply_default_css=False,
            **props,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def script() -> str:
    """The page's own JavaScript, about 30 kB: no build step, nothing from elsewhere."""
    return "\n".join((_HERE / "explorer" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)

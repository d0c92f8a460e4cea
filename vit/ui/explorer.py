"""Explorer: the canvas component that gets one record's maps and draws them in the browser.

Its HTML never changes, so the canvases survive every update; labels and names reach the page by ``textContent`` alone,
because what is put into a template of ``gr.HTML`` runs as code.
"""

from typing import Any

import gradio as gr

from vit.ui.parts import read, script


class Explorer(gr.HTML):
    """Shows what ``vit.ui.pack.pack`` returns, or ``{"busy": words}``, or ``{"error": sentence}``.

    Every value carries the ``ticket`` of the question that it answers (0 for the page's own opening); the page drops
    answers to older questions. The event ``ask`` says that a person has given another photo or chosen an example.
    """

    def __init__(self, value: dict[str, Any] | None = None, **props: Any):
        super().__init__(
            value=value,
            html_template=read("explorer.html"),
            css_template=read("explorer.css"),
            js_on_load=script(),
            apply_default_css=False,
            **props,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

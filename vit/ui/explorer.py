"""Explorer: the canvas component that gets one record's maps and draws them in the browser, and the frame of all views.

Its HTML never changes, so the canvases survive every update; labels and names reach the page by ``textContent`` alone,
because what is put into a template of ``gr.HTML`` runs as code.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from vit.ui.parts import css, html, script
from vit.ui.views import View


class Explorer(gr.HTML):
    """Shows what ``vit.ui.pack.pack`` returns, or ``{"busy": words}``, or ``{"error": sentence}``.

    Every value carries the ``ticket`` of the question that it answers (0 for the page's own opening); the page drops
    answers to older questions. The event ``ask`` says that a person has given another photo or chosen an example,
    ``again`` that the same is asked once more, ``raw`` that the raw weights are wanted.
    ``views`` stand beside Explore in the navigation line; without any there is no such line.
    """

    def __init__(self, views: Sequence[View] = (), value: dict[str, Any] | None = None, **props: Any):
        super().__init__(
            value=value,
            html_template=html(views),
            css_template=css(views),
            js_on_load=script(views),
            apply_default_css=False,
            **props,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

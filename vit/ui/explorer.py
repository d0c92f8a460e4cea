"""Explorer: the canvas component that gets one record's maps and draws them in the browser, and the frame of all views.

Its HTML never changes, so the canvases survive every update; labels and names reach the page by ``textContent`` alone,
because what is put into a template of ``gr.HTML`` runs as code.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from vit.ui.languages.sentences import in_words
from vit.ui.parts import css, encoder, html, page_words, script, view_parts
from vit.ui.views import View


class Explorer(gr.HTML):
    """Shows what ``vit.ui.pack.pack`` returns, or ``{"busy": words}``, or ``{"error": sentence}``.

    Every value carries the ``ticket`` of the question that it answers (0 for the page's own opening); the page drops
    answers to older questions. The event ``ask`` says that a person has given another photo or chosen an example,
    ``again`` that the same is asked once more, ``raw`` that the raw weights are wanted.
    ``views`` stand beside Explore in the navigation line; without any there is no such line. ``at_hand`` answers the
    page's ``[photo, model]`` with a value that needs no work, or with nothing: see ``vit.ui.known``.
    """

    def __init__(
        self,
        views: Sequence[View] = (),
        at_hand: Callable[[Any], dict[str, Any] | None] = lambda asked: None,
        value: dict[str, Any] | None = None,
        **props: Any,
    ):
        named = {view.name: view for view in views}

        def part(asked: Any) -> dict[str, Any]:
            """A view's parts, for ``[name, language]``; nothing for anything else that a browser may send."""
            name, language = asked if isinstance(asked, list) and len(asked) == 2 else (None, None)
            return view_parts(named[name], language) if isinstance(name, str) and name in named else {}

        def known(asked: Any) -> dict[str, Any] | None:
            return at_hand(asked)

        super().__init__(
            value=value,
            html_template=html(views),
            css_template=css(),
            js_on_load=script(),
            server_functions=[page_words, part, encoder, known, in_words],
            apply_default_css=False,
            **props,
        )

    def postprocess(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

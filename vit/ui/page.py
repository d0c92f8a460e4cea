"""The page: a header with the list of models, and the views below it."""

import os
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
from gradio.themes import Base
from starlette.middleware import Middleware

from vit.analysis import Analysis
from vit.errors import VitError
from vit.ui import explore, limits
from vit.ui.api import add_api
from vit.ui.elsewhere import fetch_nothing
from vit.ui.examples import examples
from vit.ui.faults import code_of
from vit.ui.gate import Gate
from vit.ui.health import Health
from vit.ui.model_list import choices, model_list

TITLE = "ViT Attention Explorer"

_HERE = Path(__file__).parent
_ASSETS = _HERE.parents[1] / "assets"
_HEADER = f"<h1>{TITLE}</h1>"
_TOOLS = """
<button type="button" class="tool" data-tool="help" data-title="tools.help" data-label="tools.help">?</button>
<button type="button" class="tool" data-tool="theme" data-title="tools.theme" data-label="tools.theme"><i></i></button>
"""
_TOOLS_SCRIPT = """
window.attentionExplorer?.fillWords(element); // whichever of the two is there last gives the tools their words
element.addEventListener("click", (event) => {
  const tool = event.target.closest("[data-tool]")?.dataset.tool;
  if (tool === "help") window.attentionExplorer?.help();
  if (tool === "theme") {
    const dark = document.body.classList.toggle("dark");
    localStorage.setItem("vit-theme", dark ? "dark" : "light");
    window.dispatchEvent(new Event("resize")); // canvases take their ink from the theme
  }
});
// What is typed replaces the model's name and searches the list, in place of growing into the name.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("#model input")) setTimeout(() => target.select());
});
// Gradio's list hears a Tab after it was left, and would open once more with nobody in it.
window.addEventListener("keydown", (event) => {
  if (event.key === "Tab" && event.target.matches?.("#model input")) event.stopPropagation();
}, true);
const chosen = localStorage.getItem("vit-theme");
const asked = new URLSearchParams(location.search).has("__theme");
if (chosen && !asked) document.body.classList.toggle("dark", chosen === "dark");
"""


def build_page(analysis: Analysis) -> gr.Blocks:
    """The whole page. Imports neither torch nor timm: it opens as fast as gradio itself."""
    with gr.Blocks(title=TITLE, delete_cache=(limits.AGE, limits.AGE), fill_width=True) as page:
        with gr.Row(elem_id="header"):
            gr.HTML(html_template=_HEADER, elem_id="title", apply_default_css=False, js_on_load=None)
            model = model_list(analysis)
            gr.HTML(html_template=_TOOLS, elem_id="tools", apply_default_css=False, js_on_load=_TOOLS_SCRIPT)
        explore.build(analysis, model, page)
        add_api(analysis)

        def fill(request: gr.Request) -> Any:
            return gr.update(choices=choices(analysis, str(request.query_params.get("model") or "")))

        page.load(
            fill,
            None,
            model,
            show_progress="hidden",
            api_visibility="private",
            concurrency_limit=None,
        )
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", str(limits.EVENTS))  # Gradio reads it in ``queue``
    # No question goes around the waiting line: Gradio's direct addresses (/run/…) would.
    page.queue(default_concurrency_limit=4, max_size=limits.WAITING, api_open=False)
    fetch_nothing()
    return page


def launch_options() -> dict[str, Any]:
    """How the page is launched: its looks, its limits, and nothing that asks another server for anything."""
    fonts = ["system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    return {
        "theme": Base(font=fonts, font_mono=["ui-monospace", "monospace"], radius_size="md"),
        "css": (_HERE / "theme.css").read_text(encoding="utf-8"),
        "favicon_path": _ASSETS / "favicon.svg",
        "quiet": True,
        "app_kwargs": {"middleware": [Middleware(Gate)]},
        **limits.closed_by_default(),
    }


def warm_up(analysis: Analysis, health: Health) -> threading.Thread:
    """Begins what the first visitor would wait for, beside the running server: the default model, the first example."""

    def work() -> None:
        # As the page opens: a default that can't be had gives way to the best bundled model.
        for find in (analysis.default_model, analysis.spare_model):
            try:
                name = find()
                for example in examples()[:1]:
                    from vit.image import load_image

                    analysis.record(load_image(example.path), name)
                health.model = name
                break
            except VitError as error:
                health.fault = health.fault or str(error)  # the page says it too, to whoever opens it
            except Exception as error:
                health.fault = health.fault or f"failed, see {code_of(error, 'warm-up')} in the log"
        health.known.set()
        choices(analysis)

    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread

"""The page's list of models: what is on offer, and the dropdown that holds one of them."""

from typing import Any

import gradio as gr

from vit.analysis import Analysis
from vit.errors import VitError

Choice = tuple[str, str]  # what the list shows, and the model's name


class ModelList(gr.Dropdown):
    """gr.Dropdown that hands on any name: the list fills up late, and a name that isn't in it is answered by the
    sentence of ``load_model``, not refused before anyone looked."""

    is_template = True  # the browser draws gr.Dropdown; there is no front end of our own

    def preprocess(self, payload: Any) -> str:
        """The chosen name, or "" where there is none."""
        return payload if isinstance(payload, str) else ""


def model_list(analysis: Analysis) -> ModelList:
    """The list as it is known without timm: it fills up once the page is open."""
    try:
        first = analysis.default_model()
    except VitError:
        first = None
    return ModelList(
        _labelled(_at_hand(analysis, first)),
        value=first,
        label="Model",
        show_label=False,
        container=False,
        filterable=True,
        elem_id="model",
    )


def choices(analysis: Analysis, wanted: str = "") -> list[Choice]:
    """All models on offer, asked anew each time, so that a failure isn't kept.

    ``wanted`` is the name in the page's address. One without timm's tag is no entry of timm's list; it becomes an
    entry here, so that the list can show what was opened.
    """
    try:
        names = [name for name, _ in analysis.models()]
    except VitError:
        names = list(_at_hand(analysis, None))
    if wanted and wanted not in names and any(name.startswith(f"{wanted}.") for name in names):
        names.insert(0, wanted)
    return _labelled(names)


def _at_hand(analysis: Analysis, first: str | None) -> tuple[str, ...]:
    from vit.models.bundled import bundled_names

    return analysis.offered or tuple(dict.fromkeys([*([first] if first else []), *bundled_names()]))


def _labelled(names: list[str] | tuple[str, ...]) -> list[Choice]:
    """Models as the list shows them; a bundled one says what it learnt and how well."""
    from vit.models.bundled import bundled_names, percent, read_card

    labels = {}
    for name in bundled_names():
        try:
            card = read_card(name)
        except VitError:
            continue
        labels[name] = f"{name} · {card.data}, top-1 {percent(card.top1)}"
    return [(labels.get(name, name), name) for name in names]

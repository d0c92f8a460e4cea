"""The line that the terminal shows when the page is open."""

import os

import gradio as gr

from vit.analysis import Analysis
from vit.cores import cores
from vit.errors import VitError
from vit.models import bundled_names, cached_timm_names
from vit.models.default import is_offline


def start_line(page: gr.Blocks, analysis: Analysis) -> str:
    """Address, models, device, budget, and whether the hub may be asked. Imports no torch: the page opens at once."""
    try:
        first = analysis.default_model()
    except VitError:
        first = "none at hand"
    if analysis.offered:
        models = f"{len(analysis.offered)} models offered"
    else:
        cached = 0 if is_offline() else len(cached_timm_names())
        models = f"{len(bundled_names())} models bundled" + (f", {cached} in the hub's cache" if cached else "")
    places = analysis.line.places
    parts = [
        f"{models} (first: {first})",
        f"{cores()} CPU core{'s' if cores() > 1 else ''}, {places} picture{'s' if places > 1 else ''} at a time",
        f"{analysis.cache_bytes / 1e6:,.0f} MB for records",
        _beyond(analysis),
    ]
    if os.environ.get("VIT_PASSWORD"):
        parts.append("with a password")
    return f"{page.title}: {page.local_url}\n  {'; '.join(parts)}"


def _beyond(analysis: Analysis) -> str:
    """Where other models than the bundled ones come from."""
    if is_offline():
        return "offline: bundled models only"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):  # as huggingface_hub reads it
        return "others from the hub's cache only"
    return "those of them that aren't here come from the hub" if analysis.offered else "other models come from the hub"

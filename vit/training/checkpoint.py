"""What a run needs to go on after any kill: one file, written beside the old one and renamed."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from vit.training.data import DataError
from vit.training.recipe import Recipe

FREE = ("workers",)  # a choice that changes no number may change when a run goes on


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """A kill in the middle leaves the old checkpoint whole."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    os.replace(fresh, path)


def read_checkpoint(path: Path, recipe: Recipe) -> dict[str, Any]:
    """The state that was written; DataError if it is damaged, or of a run with other choices."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        before = state["recipe"]
    except Exception as error:  # torch raises whatever the bytes make it stumble over
        raise DataError(f"{path} is damaged; delete it to start again.") from error
    now = asdict(recipe)
    changed = [name for name in now if name not in FREE and before.get(name) != now[name]]
    if changed:
        name = changed[0]
        raise DataError(
            f"{path} is of a run with other choices: --{name.replace('_', '-')} was {before.get(name)} and is now "
            f"{now[name]}. Give the same ones to go on, or another --out to start anew."
        )
    return state

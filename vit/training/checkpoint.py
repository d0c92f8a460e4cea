"""What a run needs to go on after any kill: one file, written beside the old one and renamed."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vit.errors import DataError

FREE = ("workers",)  # a choice that changes no number may change when a run goes on


def make_folder(out: Path) -> None:
    """The folder of a run; DataError if there can't be one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--out {out} can't be made a folder: {error.strerror or 'the disk refused it'}.") from error


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """A kill in the middle leaves the old checkpoint whole."""
    fresh = path.with_suffix(".new")
    try:
        torch.save(state, fresh)
        os.replace(fresh, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        fresh.unlink(missing_ok=True)
        raise DataError(f"{path} couldn't be written: is the disk full? The one before it is kept.") from error


def read_checkpoint(path: Path, choices: Mapping[str, Any]) -> dict[str, Any]:
    """The state that was written; DataError if it is damaged, or of a run with other choices (``state["choices"]``)."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch's format; it writes checksums, but doesn't read them
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        state = torch.load(path, weights_only=True, map_location="cpu")
        before = state["choices"]
    except PermissionError as error:
        raise DataError(f"{path} may not be read by this user.") from error
    except Exception as error:  # torch raises whatever the bytes make it stumble over
        raise DataError(f"{path} is damaged; delete it to start again.") from error
    for name, now in choices.items():
        if name not in FREE and before.get(name) != now:
            flag = "--" + name.replace("_", "-")
            raise DataError(
                f"{path} is of a run with other choices: {flag} was {before.get(name)} and is now {now}. Give the same "
                "ones to go on, or another --out to start anew."
            )
    return state

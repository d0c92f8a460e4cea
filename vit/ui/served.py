"""Files that Gradio serves: each under a name made of its content, so that the same is kept once."""

import hashlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def served_file(folder: str | Path, name: str, data: bytes) -> dict[str, Any]:
    """Keeps ``data`` where Gradio serves files from, under a name made of its content, and says so in Gradio's words.

    Written beside and renamed, so that nobody ever reads half a file.
    """
    home = Path(folder) / hashlib.sha256(data).hexdigest()
    path = home / name
    try:
        os.utime(path)  # it is in use: the clean-up goes by age
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
        beside = home / f"{uuid.uuid4().hex}.part"
        beside.write_bytes(data)
        os.replace(beside, path)
    return {"path": str(path), "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def still_served(paths: Iterable[str]) -> bool:
    """Whether all files are there; they count as new then, so that a full disk loses others first."""
    try:
        for path in paths:
            os.utime(path)
    except OSError:
        return False
    return True

"""What Hugging Face's cache on this machine holds, read without importing its library, torch or timm.

The cache keeps a repository ``timm/NAME`` as ``models--timm--NAME`` with ``refs/main`` (the commit that "main" meant),
``snapshots/COMMIT/FILE`` (links) and ``blobs/ETAG`` (the bytes; for large files the ETag is their SHA-256).
See https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

WEIGHTS = "model.safetensors"  # the one file of a timm repository that we take

_LARGEST_HEADER = 25_000_000  # bytes; the safetensors format allows 100 MB, no model here needs 1


def hub_folder() -> Path:
    """The cache's folder, by the same environment variables, in the same order, as Hugging Face's library."""
    environment = os.environ
    home = environment.get("HF_HOME") or os.path.join(
        environment.get("XDG_CACHE_HOME") or os.path.join("~", ".cache"), "huggingface"
    )
    folder = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")
    return Path(os.path.expandvars(os.path.expanduser(folder)))


def cached_file(repository: str, filename: str = WEIGHTS) -> Path | None:
    """The cached file of ``timm/NAME``'s main revision, or None. It may still be damaged: see ``damage``."""
    folder = hub_folder() / ("models--" + repository.replace("/", "--"))
    try:
        commit = (folder / "refs" / "main").read_text().strip()
        if not re.fullmatch(r"[0-9a-fA-F]{1,64}", commit):
            return None
        path = folder / "snapshots" / commit / filename
        return path if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def cached_timm_names() -> list[str]:
    """The timm models whose weights lie whole in the cache, sorted. Some may be no classifiers."""
    prefix = "models--timm--"
    try:
        folders = sorted(entry.name for entry in os.scandir(hub_folder()) if entry.name.startswith(prefix))
    except OSError:
        return []
    names = [folder.removeprefix(prefix) for folder in folders]
    return [name for name in names if (path := cached_file("timm/" + name)) and _size_fits(path)]


def damage(path: Path) -> str | None:
    """What is wrong with a safetensors file, in a few words, or None.

    The length must be what the header says; where the cache's name for the bytes is their SHA-256, that must agree too
    (a second for a gigabyte or so, and the only way to notice a flipped bit).
    """
    if not _size_fits(path):
        return "it is cut off or no safetensors file"
    blob = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", blob):
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != blob:
                return "its bytes are not those that the hub promised"
    return None


def remove(path: Path) -> None:
    """Take a damaged file out of the cache, bytes and link, so that the next try downloads it afresh."""
    for part in (path.resolve(), path):
        with suppress(OSError):  # a cache mounted read-only: the error that follows says that the file is damaged
            part.unlink(missing_ok=True)


def _size_fits(path: Path) -> bool:
    """Whether the file is as long as its own header says: 8 bytes of header length, the header, the tensors."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header_length = int.from_bytes(file.read(8), "little")
            if not 2 <= header_length <= min(size - 8, _LARGEST_HEADER):
                return False
            header = json.loads(file.read(header_length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        return bool(ends) and size == 8 + header_length + max(ends)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return False

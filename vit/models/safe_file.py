"""Weights out of a safetensors file, or a sentence that says why not."""

from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor


def read_tensors(path: Path, what: str) -> "dict[str, Tensor]":
    """The tensors of a file by name; ModelError, which begins with ``what``, if it is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise ModelError(f"{what} can't be found.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{what} can't be read: the file is damaged or no safetensors file.") from error

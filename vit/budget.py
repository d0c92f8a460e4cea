"""What this machine can give: memory, cores, and how many pictures at the same time.

Work that would pass a limit is refused before it begins, with the limit in the sentence.
"""

import os

from vit.cores import cores
from vit.errors import BudgetError, VitError

MODEL_BYTES = 4_000_000_000  # of loaded weights; the least recently used models go first
_CORES_A_PICTURE = 4  # a picture uses up to so many; with more cores, more pictures go through models at once


def megabytes(variable: str, default: int) -> int:
    """A setting in megabytes, as bytes; a sentence if it is no number."""
    given = os.environ.get(variable, "").strip()
    try:
        return int(float(given or default) * 1_000_000)
    except (ValueError, OverflowError):
        raise VitError(f"{variable}={given!r} is not a number of megabytes.") from None


def at_once() -> int:
    """How many pictures may go through models at the same time: ``VIT_AT_ONCE``, or one for every four cores."""
    given = os.environ.get("VIT_AT_ONCE", "").strip()
    if not given:
        return max(1, cores() // _CORES_A_PICTURE)
    if not given.isdecimal() or int(given) < 1:
        raise VitError(f"VIT_AT_ONCE={given!r} is not a number of pictures, such as 1 or 2.")
    return int(given)


def fit_threads(at_once: int) -> None:
    """Gives each picture its share of the cores: more threads than cores would wait for each other."""
    import torch

    threads = max(1, cores() // at_once)
    if not os.environ.get("OMP_NUM_THREADS") and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def check_affordable(name: str) -> None:
    """BudgetError, before anything is fetched, for a model whose weights or maps would pass the limits."""
    from vit.capture import MEMORY_LIMIT
    from vit.models.default import is_offline
    from vit.models.weigh import weigh

    if is_offline():
        return  # no model that isn't bundled is to be had, and its own sentence says so

    weight = weigh(name)
    if weight is None:
        return
    for size, limit, what in (
        (weight.weights, MODEL_BYTES, "The weights"),
        (weight.maps, MEMORY_LIMIT, "All maps of a picture"),
    ):
        if size > limit:
            raise BudgetError(
                f"{what} in {name} would take {size / 1e9:.1f} GB; the limit is {limit / 1e9:.1f} GB. "
                "Choose a smaller model."
            )

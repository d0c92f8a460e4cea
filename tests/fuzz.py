"""Fuzzes the picture loader: ``python -m tests.fuzz [--minutes 10] [--seed 0]``.

Each odd and hostile file of ``tests/pictures.py`` is hurt further, in ways that Hypothesis chooses: bytes replaced, cut
out, repeated, put in, sizes turned into extremes, two files spliced. Whatever comes: a whole RGB picture or an
ImageError with a sentence, within ten seconds and half a gigabyte. What breaks that is kept in ``tests/finds``, until
it is mended and ``tests/pictures.py`` makes a file like it.
"""

import argparse
import hashlib
import resource
import sys
import time
import warnings
from pathlib import Path

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pictures import pictures
from vit.errors import ImageError
from vit.image import load_image

FINDS = Path(__file__).parent / "finds"
SECONDS, BYTES, PIXELS = 10.0, 500_000_000, 4_000_000
_EXTREMES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\1",
    b"\1\0\0\0",
    b"\xff\xff",
)
_WAYS = ("replace", "put in", "cut out", "repeat", "truncate", "extreme", "splice")


def check(data: bytes) -> str:
    """Loads it; "picture" or "sentence". AssertionError for anything else."""
    start = time.monotonic()
    try:
        image = load_image(data, max_pixels=PIXELS)
        outcome = "picture"
    except ImageError as error:
        assert str(error).endswith("."), "the sentence has no end"
        outcome = "sentence"
    else:
        assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.flags.c_contiguous
        assert image.shape[0] * image.shape[1] <= PIXELS
    assert time.monotonic() - start < SECONDS, "it took too long"
    return outcome


def hurt(base: bytes, wounds: list[tuple[str, float, bytes, int]], other: bytes) -> bytes:
    data = bytearray(base)
    for way, where, given_bytes, length in wounds:
        at = int(where * len(data))
        if way == "replace":
            data[at : at + len(given_bytes)] = given_bytes
        elif way == "put in":
            data[at:at] = given_bytes
        elif way == "cut out":
            del data[at : at + length]
        elif way == "repeat":
            data[at:at] = data[at : at + length] * 3
        elif way == "truncate":
            del data[at:]
        elif way == "extreme":
            extreme = _EXTREMES[length % len(_EXTREMES)]
            data[at : at + len(extreme)] = extreme
        else:
            data[at:] = other[int(where * len(other)) :]
    return bytes(data)


def keep(data: bytes) -> Path:
    FINDS.mkdir(exist_ok=True)
    path = FINDS / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow's, about metadata
    whole = [picture.data for picture in pictures() if len(picture.data) < 100_000]
    wound = st.tuples(st.sampled_from(_WAYS), st.floats(0, 1), st.binary(min_size=1, max_size=16), st.integers(0, 2000))
    counts = {"picture": 0, "sentence": 0, "finds": 0}
    end = time.monotonic() + 60 * options.minutes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    last = b""

    @settings(
        max_examples=2000,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(st.sampled_from(whole), st.lists(wound, min_size=1, max_size=6), st.sampled_from(whole))
    def fuzz(base: bytes, wounds: list, other: bytes) -> None:
        nonlocal last
        if time.monotonic() > end:
            return
        last = hurt(base, wounds, other)
        counts[check(last)] += 1

    rounds = options.seed
    while time.monotonic() < end:
        try:
            hypothesis.seed(rounds)(fuzz)()
        except Exception as error:
            counts["finds"] += 1
            print(f"{type(error).__name__}: {error}; kept in {keep(last).relative_to(FINDS.parents[1])}")
        rounds += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"{sum(counts.values()):,} files: {counts}; memory grew by {grown / 1e6:.0f} MB at most")
    sys.exit(bool(counts["finds"]) or grown > BYTES)


if __name__ == "__main__":
    main()

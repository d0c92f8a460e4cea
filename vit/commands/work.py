"""What a command says while it works: on stderr, so that what it prints can go into a file or another program.

On a terminal it is one line that is gone in the end. Anywhere else it is a line every few seconds, each by itself. The
first, "loading NAME … ", is said at once and left open: whatever comes next ends it, be it an error, so that a command
which fails before its work began leaves one line.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

EVERY = 5.0  # seconds between two lines where they stay
# A process's number in the words of torchrun, Intel's MPI, Open MPI and MVAPICH, in the order in which Accelerate asks.
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")


def is_first() -> bool:
    """Whether this is the only process of a command, or the first of several (vit/processes.py). Needs no torch."""
    return next((os.environ[name] for name in _RANKS if name in os.environ), "0") == "0"


@contextmanager
def working(words: str) -> "Iterator[Work]":
    """Says what a command is about to do, before its heavy imports: ``with working("loading tiny") as work``.

    How far the work is comes through the Work that is given. Of several processes that share it, the first speaks.
    """
    work = Work(words)
    try:
        yield work
    except BaseException:
        work.close(failed=True)
        raise
    work.close()


class Work:
    """The lines about one piece of work, on ``sys.stderr`` as it was at its start."""

    def __init__(self, words: str):
        self._out: TextIO = sys.stderr
        self.subject = ""  # what a count is of, such as "tiny: "
        self._silent = not is_first()
        self._terminal = self._out.isatty()
        self._bar: tqdm | None = None
        self._unit = ""
        self._open = not self._silent  # whether the first line is still without an end
        if not self._silent:
            self._out.write(f"{words} … ")
            self._out.flush()

    def pictures(self, done: int, total: int) -> None:
        """So many of all pictures are done; the expected time follows from the pace since the first call."""
        self._count(done, total, "pictures")

    def megabytes(self, done: int, total: int) -> None:
        """So many of all bytes have come; the total is 0 while it is unknown."""
        self._count(done // 1_000_000, total // 1_000_000, "MB")

    def close(self, failed: bool = False) -> None:
        """The end of the work. After a failure an open line is left open, for the error to stand in it."""
        if self._bar is not None:
            self._bar.close()
        self._end_line("" if failed else "done")

    def _count(self, done: int, total: int, unit: str) -> None:
        if self._silent:
            return
        if self._bar is None or unit != self._unit or done < self._bar.n:
            if self._bar is not None:
                self._bar.close()
            self._end_line()
            self._bar, self._unit = self._counter(done, total, unit), unit
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)

    def _counter(self, done: int, total: int, unit: str) -> "tqdm":
        from tqdm import tqdm

        return tqdm(
            initial=done,
            total=total or None,
            file=self._out if self._terminal else _Lines(self._out),  # type: ignore[arg-type]
            mininterval=0.1 if self._terminal else EVERY,
            delay=0 if self._terminal else EVERY,
            miniters=1,
            leave=False,
            bar_format=self.subject + "{n_fmt} of {total_fmt} " + unit + ", {remaining} left",
        )

    def _end_line(self, words: str | None = None) -> None:
        """Ends the first line; without words, because a line of progress comes next."""
        if not self._open:
            return
        if self._terminal:
            self._out.write("\r\x1b[K")
        elif words != "":
            self._out.write(f"{words or ''}\n")
        self._out.flush()
        self._open = False


class _Lines:
    """A file for tqdm in which each state is a line: no carriage return, no padding."""

    def __init__(self, out: TextIO):
        self._out = out

    def write(self, text: str) -> None:
        if line := text.strip():
            self._out.write(line + "\n")

    def flush(self) -> None:
        self._out.flush()

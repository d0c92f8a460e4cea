"""What a class meets: ``python -m tests.bench.load [--users 30] [--requests 10] [--crowd 100] [--long 1000]``.

Starts the app and asks it as browsers do. Each request has a photo of its own, one of two models, and a layer and a
head; every answer is compared with what the same picture gives in this process. Shorter by default; the options above
are the aims' sizes. ``--standin`` adds a network as large as vit_base, of random weights.
"""

import argparse
import asyncio
import io
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from tests.bench.asking import Answer, Question, Server, Visitor, client, running
from tests.bench.browser import STANDIN, standin
from vit import explain, load_image, load_model, overlay, record_attention
from vit.render import DEFAULT

# What is asked twice: the way, and whether a page that was opened anew asks the second time.
REPEATED = {
    "/analyze": ("analyze", False),
    "the page": ("ask", False),
    "another page": ("ask", True),
    "/overlay": ("overlay", False),
}


async def one_by_one(server: Server, first: int, count: int) -> list[Answer]:
    async with client() as line:
        visitor = Visitor(server, line)
        return [await visitor.ask(Question(first + n)) for n in range(count)]


async def together(server: Server, first: int, users: int, requests: int, leaving: int = 0) -> list[Answer]:
    """``users`` at once, each with ``requests`` one after another; the last ``leaving`` leave in the middle."""

    async def user(number: int) -> list[Answer]:
        async with client() as line:
            visitor = Visitor(server, line)
            numbers = range(first + number * requests, first + (number + 1) * requests)
            return [await visitor.ask(Question(n), leave=number >= users - leaving) for n in numbers]

    return [answer for answers in await asyncio.gather(*map(user, range(users))) for answer in answers]


def judged(answers: list[Answer]) -> Counter:
    """How many were right, mixed (another's picture), torn (no whole picture), turned away, or failed."""
    counts: Counter = Counter()
    for answer in answers:
        kind = answer.outcome if answer.outcome in ("full", "left") else "failed"
        if answer.outcome == "answered":
            try:
                drawn = np.asarray(Image.open(io.BytesIO(answer.file)).convert("RGB"))
                kind = "right" if np.array_equal(drawn, expected(answer.question)) else "mixed"
            except OSError:
                kind = "torn"
        elif kind == "failed":
            print("   failed:", answer.outcome)
        counts[kind] += 1
    return counts


def expected(question: Question) -> np.ndarray:
    """What /overlay is to answer."""
    image = load_image(question.photo())
    record = record_attention(load_model(question.model), image)
    return overlay(image, explain(record, "raw", layer=question.layer, head=question.head), colormap=DEFAULT)


def compared(answers: list[Answer], alone: float) -> str:
    """The 95th of 100 answered, against the seconds that as many single requests take one after another."""
    seconds = sorted(answer.seconds for answer in answers if answer.outcome == "answered")
    p95 = seconds[min(len(seconds) - 1, len(seconds) * 95 // 100)] if seconds else float("nan")
    return f"p95 {p95:.2f} s, {p95 / alone:.2f} of users × single (aim: at most 1.30)"


def told(counts: Counter) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("right", "mixed", "torn", "failed", "full", "left"))


def alone(answers: list[Answer]) -> float:
    """Seconds of a single request, in the middle; all of them must have been answered."""
    assert all(answer.outcome == "answered" for answer in answers), [answer.outcome for answer in answers]
    return float(np.median([answer.seconds for answer in answers]))


def crowds(server: Server, users: int, requests: int, crowd: int) -> None:
    before = alone(asyncio.run(one_by_one(server, 10, 9)))
    answers = asyncio.run(together(server, 1000, users, requests))
    single = (before + alone(asyncio.run(one_by_one(server, 30, 9)))) / 2  # around it: a machine is seldom quite idle
    print(f"single request: {1000 * single:.0f} ms")
    print(f"{users} users × {requests}: {told(judged(answers))}; {compared(answers, users * single)}")
    leavers(server, 5000, users, single)
    if crowd:
        answers = asyncio.run(together(server, 7000, crowd, 1))
        print(f"{crowd} users: {told(judged(answers))}; {compared(answers, crowd * single)}")
        leavers(server, 9000, crowd, single)


def leavers(server: Server, first: int, users: int, single: float) -> None:
    """The last fifth of the line leaves in the middle: after the last answer none of their work should be left."""
    answers = asyncio.run(together(server, first, users, 1, leaving=users // 5))
    start = time.perf_counter()
    while server.work() != (0, 0):
        time.sleep(0.01)
    jobs = (time.perf_counter() - start) / single
    print(f"a fifth of {users} leaves: {told(judged(answers))}; empty {jobs:.2f} jobs after the last answer (aim: 1)")


async def repeated(server: Server, way: str, anew: bool, numbers: range) -> str:
    """A photo's first request, its second, and a way there and back without any work: on the clock, and the CPU time
    that the server takes for it, which holds on a busy machine too. Medians of the clock, means of the CPU time."""
    clock, work = np.zeros((3, len(numbers))), np.zeros((3, len(numbers)))
    async with client() as line:
        visitor = Visitor(server, line)
        for column, number in enumerate(numbers):
            for row, unseen in enumerate((False, False, True)):
                visitor = Visitor(server, line) if anew else visitor
                before = sum(server.process.cpu_times()[:2])
                clock[row, column] = (await visitor.ask(Question(number), way=way, unseen=unseen)).seconds
                work[row, column] = sum(server.process.cpu_times()[:2]) - before
    lines = []
    for name, (first, again, empty) in (("clock", np.median(clock, 1) * 1000), ("CPU", work.mean(1) * 1000)):
        share, ours = 100 * again / first, 100 * max(again - empty, 0) / first
        lines.append(
            f"{name} {again:.0f} ms after {first:.0f}, {share:.1f}% (without any work {empty:.0f}; ours {ours:.1f}%)"
        )
    return "; ".join(lines)


async def oversized(server: Server) -> list[tuple[str, Answer]]:
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    question, answers = Question(1), []
    async with client() as line:
        visitor = Visitor(server, line)
        answers.append(("100 megapixels", await visitor.ask(question, bomb.getvalue())))
        answers.append(("a file of 65 MB", await visitor.ask(question, bytes(65 * 2**20))))
    return answers


async def long_run(server: Server, count: int) -> None:
    """Each request from a page of its own, one in ten is bad; prints how memory, handles, threads and files go."""
    bad = [b"I am no picture.", Question(0).photo()[:2000], b"", b"\x89PNG\r\n\x1a\n" + bytes(100)]
    sizes, refused = [], 0
    async with client() as line:
        for start in range(0, count, 10):
            asked = [Visitor(server, line).ask(Question(2_000_000 + start + n)) for n in range(9)]
            asked.append(Visitor(server, line).ask(Question(0), bad[start // 10 % len(bad)]))
            answers = await asyncio.gather(*asked)
            refused += answers[-1].outcome != "answered"
            assert all(answer.outcome == "answered" for answer in answers[:-1]), answers
            sizes.append((start + 10, *server.size()))
    half = np.array(sizes[len(sizes) // 2 :])
    slope = np.polyfit(half[:, 0], half[:, 1], 1)[0] * 1000 if len(half) > 1 else 0.0
    print(f"long: {count} requests, {refused} bad ones refused")
    print(f"   memory of the second half within {np.ptp(half[:, 1]):.1f} MB (aim: at most 50) of {half[-1, 1]:.0f} MB,")
    print(f"   slope {slope:.1f} kB a request (aim: at most 40)")
    for name, column in (("handles", 2), ("threads", 3), ("MB of files", 4)):
        middle, most, last = half[0, column], half[:, column].max(), half[-1, column]
        print(f"   {name}: {middle:.0f} in the middle, {most:.0f} at most, {last:.0f} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=30, help="0: no crowds")
    parser.add_argument("--requests", type=int, default=2, help="for each user; the aim's size is 10")
    parser.add_argument("--crowd", type=int, default=100, help="users at the same time with one request each; 0: none")
    parser.add_argument("--long", type=int, default=100, help="requests of the long run; the aim's size is 1000")
    parser.add_argument("--repeats", type=int, default=9, help="photos that are asked about twice")
    parser.add_argument("--models", nargs="+", default=Question.models, help="of six layers and four heads at least")
    parser.add_argument("--standin", action="store_true", help="repeats also with a network as large as vit_base")
    options = parser.parse_args()
    Question.models = tuple(options.models)
    with running() as server:
        asyncio.run(one_by_one(server, 0, 2))  # both models are loaded
        if options.users:
            crowds(server, options.users, options.requests, options.crowd)
        repeats(server, options.repeats, options.models[0])
        for name, answer in asyncio.run(oversized(server)):
            print(f"{name}: {answer.seconds:.2f} s, {answer.outcome}")
        if options.long:
            asyncio.run(long_run(server, options.long))
    if options.standin:
        Question.models = (STANDIN,)
        with TemporaryDirectory() as folder, running(standin(Path(folder)), VIT_CACHE_MB="512") as server:
            asyncio.run(one_by_one(server, 0, 2))
            repeats(server, options.repeats, STANDIN)


def repeats(server: Server, count: int, model: str) -> None:
    if not count:
        return
    for number, (name, (way, anew)) in enumerate(REPEATED.items()):
        first = 1_000_000 * (number + 1)
        told = asyncio.run(repeated(server, way, anew, range(first, first + count)))
        print(f"the same photo again, {model}, {name}: {told}")


if __name__ == "__main__":
    main()

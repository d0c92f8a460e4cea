"""What a class meets: ``python -m tests.bench.load [--users 30] [--requests 10] [--crowd 100] [--long 1000]``.

Starts the app and asks it as browsers do: upload, ``queue/join``, the stream of events (``gradio_client`` is too slow
to load anything). Each request has a photo of its own, one of two models, and a layer and a head; every answer is
compared with what the same picture gives in this process. Shorter by default; the options above are the aims' sizes.
"""

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from vit import explain, load_image, load_model, overlay, record_attention

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds


@dataclass
class Question:
    """One request, made of its number alone."""

    number: int
    models = ("vit_imagenette", "deit_imagenette")  # --models

    @property
    def model(self) -> str:
        return self.models[self.number % len(self.models)]

    @property
    def layer(self) -> int:
        return self.number // 2 % 6

    @property
    def head(self) -> int:
        return self.number // 3 % 4

    def photo(self) -> bytes:
        """A PNG of 320 × 240 that no other question has."""
        random = np.random.default_rng(self.number)
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(file, "PNG")
        return file.getvalue()


@dataclass
class Answer:
    question: Question
    outcome: str  # "answered", "full", "left", or an error's sentence
    seconds: float
    picture: bytes = b""


class Server:
    """The app in a process of its own."""

    def __init__(self, address: str, process: subprocess.Popen, folder: Path):
        self.address, self.process, self.folder = address, psutil.Process(process.pid), folder
        config = httpx.get(address + "config", timeout=60).json()
        self.listeners = {each["api_name"]: each["id"] for each in config["dependencies"] if each["api_name"]}

    async def ask(
        self, client: httpx.AsyncClient, question: Question, photo: bytes | None = None, leave=False
    ) -> Answer:
        """An overlay of one head of one layer. ``leave``: closes the stream once the question stands in the queue."""
        start = time.perf_counter()
        files = {"files": ("photo.png", question.photo() if photo is None else photo, "image/png")}
        sent = await client.post(self.address + "gradio_api/upload", files=files)
        if sent.status_code != 200:
            return Answer(question, f"upload refused with {sent.status_code}", time.perf_counter() - start)
        given = {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}
        data = [given, question.model, "raw", question.layer, str(question.head), None, None, None]
        session = os.urandom(8).hex()
        body = {"data": data, "fn_index": self.listeners["overlay"], "session_hash": session}
        joined = await client.post(self.address + "gradio_api/queue/join", json=body)
        if joined.status_code == 503 and "full" in joined.text:
            return Answer(question, "full", time.perf_counter() - start)
        joined.raise_for_status()
        stream = client.stream("GET", self.address + "gradio_api/queue/data", params={"session_hash": session})
        async with stream as events:
            async for line in events.aiter_lines():
                if not line.startswith("data:"):
                    continue
                event = json.loads(line[5:])
                if leave and event["msg"] in ("estimation", "process_starts"):
                    return Answer(question, "left", time.perf_counter() - start)
                if event["msg"] == "process_completed":
                    output = event["output"]
                    if not event["success"]:
                        return Answer(question, str(output.get("error")), time.perf_counter() - start)
                    fetched = await client.get(output["data"][0]["url"])
                    return Answer(question, "answered", time.perf_counter() - start, fetched.content)
        return Answer(question, "the stream ended without an answer", time.perf_counter() - start)

    def work(self) -> tuple[int, int]:
        health = httpx.get(self.address + "healthz", timeout=60).json()
        return health["working"], health["waiting"]

    def size(self) -> tuple[float, int, int, float]:
        """Memory in MB, file handles, threads, and MB of temporary files."""
        files = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        with self.process.oneshot():
            memory = self.process.memory_info().rss
            return memory / 1e6, self.process.num_fds(), self.process.num_threads(), files / 1e6


@contextmanager
def running() -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": folder}
        environment |= {"VIT_CACHE_MB": "64", "VIT_FILES_MB": "20"}
        environment.pop("PORT", None)
        command = [sys.executable, "app.py"]
        with open(Path(folder).with_suffix(".log"), "w") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/"
            while True:
                assert process.poll() is None, "the app ended before it answered"
                with suppress(httpx.HTTPError):
                    if httpx.get(address + "healthz?ready=1", timeout=60).status_code == 200:
                        break
                time.sleep(0.2)
            yield Server(address, process, Path(folder))
        finally:
            process.terminate()
            process.wait(20)
            Path(folder).with_suffix(".log").unlink()


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=PATIENCE, limits=httpx.Limits(max_connections=None), trust_env=False)


async def one_by_one(server: Server, first: int, count: int) -> list[Answer]:
    async with client() as visitor:
        return [await server.ask(visitor, Question(first + n)) for n in range(count)]


async def together(server: Server, first: int, users: int, requests: int, leaving: int = 0) -> list[Answer]:
    """``users`` at once, each with ``requests`` one after another; the first ``leaving`` leave in the middle."""

    async def user(number: int) -> list[Answer]:
        async with client() as visitor:
            numbers = range(first + number * requests, first + (number + 1) * requests)
            return [await server.ask(visitor, Question(n), leave=number < leaving) for n in numbers]

    return [answer for answers in await asyncio.gather(*map(user, range(users))) for answer in answers]


def judged(answers: list[Answer]) -> Counter:
    """How many were right, mixed (another's picture), torn (no whole picture), turned away, or failed."""
    counts: Counter = Counter()
    for answer in answers:
        kind = answer.outcome if answer.outcome in ("full", "left") else "failed"
        if answer.outcome == "answered":
            try:
                drawn = np.asarray(Image.open(io.BytesIO(answer.picture)).convert("RGB"))
                kind = "right" if np.array_equal(drawn, expected(answer.question)) else "mixed"
            except OSError:
                kind = "torn"
        elif kind == "failed":
            print("   failed:", answer.outcome)
        counts[kind] += 1
    return counts


def expected(question: Question) -> np.ndarray:
    image = load_image(question.photo())
    record = record_attention(load_model(question.model), image)
    return overlay(image, explain(record, "raw", layer=question.layer, head=question.head))


def compared(answers: list[Answer], alone: float) -> str:
    """The 95th of 100 answered, against the seconds that as many single requests take one after another."""
    seconds = sorted(answer.seconds for answer in answers if answer.outcome == "answered")
    p95 = seconds[min(len(seconds) - 1, len(seconds) * 95 // 100)]
    return f"p95 {p95:.2f} s, {p95 / alone:.2f} of users × single (aim: at most 1.30)"


def told(counts: Counter) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("right", "mixed", "torn", "failed", "full", "left"))


async def repeated(server: Server) -> tuple[float, float]:
    """Seconds of the first request with a photo, and of the quickest of five with the same."""
    async with client() as visitor:
        question = Question(10**6)
        first = await server.ask(visitor, question)
        again = [await server.ask(visitor, question) for _ in range(5)]
        return first.seconds, min(answer.seconds for answer in again)


async def oversized(server: Server) -> list[tuple[str, Answer]]:
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    question, answers = Question(1), []
    async with client() as visitor:
        answers.append(("100 megapixels", await server.ask(visitor, question, bomb.getvalue())))
        answers.append(("a file of 65 MB", await server.ask(visitor, question, bytes(65 * 2**20))))
    return answers


async def long_run(server: Server, count: int) -> None:
    """One request in ten is bad; prints how memory, handles, threads and files go."""
    bad = [b"I am no picture.", Question(0).photo()[:2000], b"", b"\x89PNG\r\n\x1a\n" + bytes(100)]
    sizes, refused = [], 0
    async with client() as visitor:
        for start in range(0, count, 10):
            asked = [server.ask(visitor, Question(2_000_000 + start + n)) for n in range(9)]
            asked.append(server.ask(visitor, Question(0), bad[start // 10 % len(bad)]))
            answers = await asyncio.gather(*asked)
            refused += answers[-1].outcome != "answered"
            assert all(answer.outcome == "answered" for answer in answers[:-1]), answers
            sizes.append((start + 10, *server.size()))
    half = np.array(sizes[len(sizes) // 2 :])
    slope = np.polyfit(half[:, 0], half[:, 1], 1)[0] * 1000 if len(half) > 1 else 0.0
    print(f"long: {count} requests, {refused} bad ones refused")
    print(f"   memory of the second half within {np.ptp(half[:, 1]):.1f} MB, slope {slope:.1f} kB a request")
    for name, column in (("handles", 2), ("threads", 3), ("MB of files", 4)):
        middle, most, last = half[0, column], half[:, column].max(), half[-1, column]
        print(f"   {name}: {middle:.0f} in the middle, {most:.0f} at most, {last:.0f} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--requests", type=int, default=2, help="for each user; the aim's size is 10")
    parser.add_argument("--crowd", type=int, default=100, help="users at the same time with one request each; 0: none")
    parser.add_argument("--long", type=int, default=100, help="requests of the long run; the aim's size is 1000")
    parser.add_argument("--models", nargs="+", default=Question.models, help="of six layers and four heads at least")
    options = parser.parse_args()
    Question.models = tuple(options.models)
    users, requests = options.users, options.requests
    with running() as server:
        asyncio.run(one_by_one(server, 0, 2))  # both models are loaded
        single = float(np.median([answer.seconds for answer in asyncio.run(one_by_one(server, 10, 9))]))
        print(f"single request: {1000 * single:.0f} ms")
        answers = asyncio.run(together(server, 1000, users, requests))
        print(f"{users} users × {requests}: {told(judged(answers))}; {compared(answers, users * single)}")
        answers = asyncio.run(together(server, 5000, users, 1, leaving=users // 5))
        start = time.perf_counter()
        while server.work() != (0, 0):
            time.sleep(0.01)
        drained = time.perf_counter() - start
        print(f"a fifth leaves: {told(judged(answers))}; empty {drained / single:.2f} jobs after the last answer")
        if options.crowd:
            answers = asyncio.run(together(server, 7000, options.crowd, 1))
            print(f"{options.crowd} users: {told(judged(answers))}; {compared(answers, options.crowd * single)}")
        first, again = asyncio.run(repeated(server))
        print(f"the same photo again: {1000 * again:.0f} ms after {1000 * first:.0f} ms, {100 * again / first:.1f}%")
        for name, answer in asyncio.run(oversized(server)):
            print(f"{name}: {answer.seconds:.2f} s, {answer.outcome}")
        if options.long:
            asyncio.run(long_run(server, options.long))


if __name__ == "__main__":
    main()

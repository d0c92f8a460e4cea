"""Asks the app as browsers do: upload, ``queue/join``, the stream of events, and the file that the answer names.

``gradio_client`` is too slow to load anything.
"""

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds
START = """
import sys
from pathlib import Path
import vit.models.bundled as bundled
bundled.FOLDER = Path(sys.argv[1])
import app
app.main()
"""


@dataclass
class Question:
    """One request, made of its number alone."""

    number: int
    models: ClassVar[tuple[str, ...]] = ("vit_imagenette", "deit_imagenette")  # --models

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
    file: bytes = b""  # what the answer names: a picture, or the maps for the page


class Server:
    """The app in a process of its own."""

    def __init__(self, address: str, process: subprocess.Popen, folder: Path):
        self.address, self.process, self.folder = address, psutil.Process(process.pid), folder
        config = httpx.get(address + "config", timeout=60, trust_env=False).json()
        listeners = config["dependencies"]
        # The component whose function tells what is known.
        self.explorer = next(c["id"] for c in config["components"] if "known" in c["props"].get("server_fns", ()))
        # The page's own question is the first of its explorer's events, and has no name.
        ways = {way: each for each in reversed(listeners) for way in (each["api_name"], each["targets"][0][1])}
        self.ways = {way: (ways[way]["id"], len(ways[way]["inputs"])) for way in ("overlay", "analyze", "ask")}

    def work(self) -> tuple[int, int]:
        health = httpx.get(self.address + "healthz", timeout=60, trust_env=False).json()
        return health["working"], health["waiting"]

    def size(self) -> tuple[float, int, int, float]:
        """Memory in MB, file handles, threads, and MB of temporary files."""
        files = 0
        for home, _, names in os.walk(self.folder):  # which skips the folders that the server sweeps away meanwhile
            for name in names:
                with suppress(FileNotFoundError):
                    files += os.stat(os.path.join(home, name)).st_size
        with self.process.oneshot():
            memory = self.process.memory_info().rss
            return memory / 1e6, self.process.num_fds(), self.process.num_threads(), files / 1e6


class Visitor:
    """One open page: its questions come one after another."""

    def __init__(self, server: Server, client: httpx.AsyncClient):
        self.server, self.client, self.session = server, client, os.urandom(8).hex()
        self.held: dict[str, bytes] = {}  # maps that the page was given, by address

    async def ask(
        self,
        question: Question,
        photo: bytes | None = None,
        way: str = "overlay",
        leave=False,
        unseen=False,
        name: str = "photo.png",
    ) -> Answer:
        """``way``: an overlay of one head ("overlay"), "analyze", or what the page itself asks ("ask").

        ``leave``: closes the page once the question stands in the queue, and opens another. ``unseen``: uploads the
        photo and asks about none, which is refused before anything is read: what is left is the way there and back.
        ``name``: what the visitor's file is called.
        """
        upload = question.photo() if photo is None else photo
        start = time.perf_counter()

        def answer(outcome: str, file: bytes = b"") -> Answer:
            return Answer(question, outcome, time.perf_counter() - start, file)

        if way == "ask" and not unseen and (known := await self._known(upload, question.model)):
            address = self.server.address + known["maps"]["url"]
            if address not in self.held:
                self.held[address] = (await self.client.get(address)).content
            return answer("answered", self.held[address])
        files = {"files": (name, upload, "image/png")}
        sent = await self.client.post(self.server.address + "gradio_api/upload", files=files)
        if sent.status_code != 200:
            return answer(f"upload refused with {sent.status_code}")
        given = None if unseen else {"path": sent.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        listener, inputs = self.server.ways[way]
        data: list[Any] = {
            "overlay": [given, question.model, "raw", question.layer, str(question.head)],
            "analyze": [given, question.model],
            "ask": [given, '{"ticket": 1, "example": null}', question.model],
        }[way]
        body = {"data": data + [None] * (inputs - len(data)), "fn_index": listener, "session_hash": self.session}
        joined = await self.client.post(self.server.address + "gradio_api/queue/join", json=body)
        if joined.status_code == 503 and "full" in joined.text:
            return answer("full")
        joined.raise_for_status()
        outcome, value = "the stream ended without an answer", {}
        async for event in self._events():
            if leave and event["msg"] in ("estimation", "process_starts"):
                self.session = os.urandom(8).hex()
                return answer("left")
            if event["msg"] == "process_completed":
                outcome = "answered" if event["success"] else str(event["output"].get("error"))
                value = event["output"]["data"][0] if event["success"] else {}
        if outcome != "answered" or value.get("error"):
            return answer(value.get("error") or outcome)
        file = value.get("maps", value).get("url")
        content = (await self.client.get(file)).content if file else b""
        if way == "ask":
            self.held[file] = content
        return answer("answered", content)

    async def _known(self, photo: bytes, model: str) -> dict[str, Any] | None:
        """What the server has at hand: the page asks that before it sends a photo."""
        asked = [hashlib.sha256(photo).hexdigest(), model]
        body = {"data": asked, "component_id": self.server.explorer, "fn_name": "known", "session_hash": self.session}
        answer = await self.client.post(self.server.address + "gradio_api/component_server", json=body)
        answer.raise_for_status()
        return answer.json()

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        """To the stream's end: who leaves it before takes his next question along."""
        address, asked = self.server.address + "gradio_api/queue/data", {"session_hash": self.session}
        async with self.client.stream("GET", address, params=asked) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])


@contextmanager
def running(weights: Path | None = None, **settings: str) -> Iterator[Server]:
    """The app, ready, with little room for records and files. ``weights``: a folder in place of assets/weights."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": folder}
        environment |= {"VIT_CACHE_MB": "64", "VIT_FILES_MB": "20", **settings}
        environment.pop("PORT", None)
        command = [sys.executable, *(["-c", START, str(weights)] if weights else ["app.py"])]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/"
            while True:
                assert process.poll() is None, "the app ended before it answered"
                with suppress(httpx.HTTPError):
                    if httpx.get(address + "healthz?ready=1", timeout=60, trust_env=False).status_code == 200:
                        break
                time.sleep(0.2)
            yield Server(address, process, Path(folder))
        finally:
            if process.poll() is not None:
                print(f"   the app ended by itself, with {process.returncode}")
            process.terminate()
            process.wait(20)


def client() -> httpx.AsyncClient:
    """Lets go of an idle connection before the server does: both after five seconds meet in the middle."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=1.0)
    return httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False)

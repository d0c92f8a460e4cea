"""The running app as a host meets it: its first line, its health, its password, its log, its end."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from PIL import Image

from tests.bench.asking import Question, Server, Visitor, client
from tests.checkpoints import add_checkpoint
from tests.families import photo
from vit.line import CLOSING

ROOT = Path(__file__).parents[2]
START = """
import sys, time
from pathlib import Path
import vit.models.bundled as bundled
bundled.FOLDER = Path(sys.argv[1])
import vit.capture
record, slowness = vit.capture.record_attention, float(sys.argv[2])
def slow(model, image, progress=None, **options):
    def later(done, name):
        for _ in range(20):  # so that a cancelled one notices within a twentieth
            time.sleep(slowness / 20)
            progress(done, name)
    return record(model, image, progress=later, **options)
vit.capture.record_attention = slow
import app
app.main()
"""


class App:
    """A running app: its address, its process, and what it wrote."""

    def __init__(self, address: str, process: subprocess.Popen):
        self.address, self.process, self.line = address, process, ""

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self) -> dict:
        end = time.monotonic() + 90
        while True:
            status, answer = self.get("healthz?ready")
            if status == 200:
                return json.loads(answer)
            assert time.monotonic() < end, answer
            time.sleep(0.1)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float, str, list[dict]]:
        """The exit status, the seconds that it took, all that it wrote after its first lines, and the log's lines."""
        start = time.monotonic()
        self.process.send_signal(number)
        out, log = self.process.communicate(timeout=30)
        return self.process.returncode, time.monotonic() - start, out + log, list(map(json.loads, log.splitlines()))


@contextmanager
def running(tmp_path: Path, slowness: float = 0.0, start: str = START, **settings: str) -> Iterator[App]:
    add_checkpoint(tmp_path, "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "VIT_OFFLINE": "1", **settings}
    for name in ("PORT", "GRADIO_TEMP_DIR"):
        if name not in settings:
            environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-c", start, str(tmp_path), str(slowness)],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value != "(none)"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    app = App(f"http://127.0.0.1:{port}/", process)
    try:
        assert process.stdout is not None
        app.line = process.stdout.readline() + process.stdout.readline()
        yield app
    finally:
        process.kill()
        process.communicate()


async def ask_on_the_page(app: App, folder: Path, *files: tuple[str, bytes]) -> list[str]:
    """What a visitor's page is answered to files of these names."""
    async with client() as line:
        visitor = Visitor(Server(app.address, app.process, folder), line)
        return [(await visitor.ask(Question(1), data, way="ask", name=name)).outcome for name, data in files]


def test_the_first_line_health_log_and_end(tmp_path, monkeypatch):
    monkeypatch.setattr(Question, "models", ("tiny",))
    given = tmp_path / "private name.png"
    Image.fromarray(photo()).save(given)
    home = tmp_path / "temporary"
    home.mkdir()
    with running(tmp_path, TMPDIR=str(home)) as app:
        line = app.line
        for words in (app.address, "first: tiny", "CPU core", "512 MB for records", "offline"):
            assert words in line
        health = app.ready()
        assert health["alive"] and health["model"] == "tiny" and health["working"] == health["waiting"] == 0
        client = Client(app.address, verbose=False, download_files=str(tmp_path / "answers"))
        client.predict(handle_file(given), "tiny", api_name="/analyze")
        (tmp_path / "private text.png").write_text("no picture")
        with pytest.raises(AppError) as caught:
            client.predict(handle_file(tmp_path / "private text.png"), "tiny", api_name="/analyze")
        files = ("private page.png", Question(1).photo()), ("private words.png", b"no picture")
        with ThreadPoolExecutor(1) as thread:  # an earlier test's browser may keep an event loop in this one
            answered, told = thread.submit(lambda: asyncio.run(ask_on_the_page(app, home, *files))).result()
        assert answered == "answered" and told.startswith("This file is no JPEG")
        assert app.get("monitoring")[0] == 403 and app.get("monitoring/summary")[0] == 403
        assert app.get("gradio_api/file=" + str(ROOT / "README.md"))[0] == 403
        assert list(home.glob("vit-*"))
        status, seconds, wrote, lines = app.end()
    assert status == 0 and seconds < 10
    assert not list(home.glob("vit-*"))  # uploads and answers are gone with the server
    refused, again = [line for line in lines if line["event"] == "refused"]
    assert refused["says"] == again["says"] == str(caught.value) == told and refused["code"].startswith("image-")
    assert "private" not in wrote
    assert [line["event"] for line in lines][-2:] == ["ending", "ended"]


def test_work_that_takes_too_long_is_cancelled_at_the_end(tmp_path):
    given = tmp_path / "photo.png"
    Image.fromarray(photo(3)).save(given)
    sentences: list[str] = []
    with running(tmp_path, slowness=6.0) as app:
        app.ready()  # what is cancelled is a picture in the model, and not the model's loading
        client = Client(app.address, verbose=False)

        def ask() -> None:
            try:
                client.predict(handle_file(given), "tiny", api_name="/analyze")
            except Exception as error:
                sentences.append(str(error))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while json.loads(app.get("healthz")[1])["working"] == 0:
            time.sleep(0.05)
        status, seconds, _, _ = app.end()
        asking.join(5)
    assert sentences == [CLOSING]
    assert status == 0 and seconds < 10


def test_a_class_s_password_opens_and_nothing_else_does(tmp_path):
    with running(tmp_path, VIT_PASSWORD="sesame") as app:
        assert "with a password" in app.line and "sesame" not in app.line
        assert app.get("healthz")[0] == 200
        assert app.get("config")[0] == 401 and app.get("gradio_api/queue/data?session_hash=x")[0] == 401
        with pytest.raises((AuthenticationError, ValueError)):
            Client(app.address, verbose=False, auth=("anybody", "wrong"))
        client = Client(app.address, verbose=False, auth=("anybody", "sesame"))
        given = tmp_path / "photo.png"
        Image.fromarray(photo()).save(given)
        assert client.predict(handle_file(given), "tiny", api_name="/analyze")["model"] == "tiny"


def test_it_runs_without_a_home_and_says_where_it_can_t_write(tmp_path):
    with running(tmp_path, HOME="(none)", TMPDIR=str(tmp_path)) as app:
        assert app.ready()["model"] == "tiny"
    locked = tmp_path / "no" / "such" / "\0".replace("\0", "file")
    locked.parent.mkdir(parents=True)
    locked.write_text("a file, where a folder is wanted")
    with running(tmp_path, GRADIO_TEMP_DIR=str(locked)) as app:
        _, log = app.process.communicate(timeout=60)
    assert app.process.returncode == 1 and "GRADIO_TEMP_DIR" in log and "Traceback" not in log


def test_a_machine_without_any_folder_for_temporary_files(tmp_path):
    nowhere = "import tempfile\ntempfile._candidate_tempdir_list = lambda: ['/no/such/folder']\n" + START
    with running(tmp_path, start=nowhere) as app:
        _, log = app.process.communicate(timeout=60)
    assert app.process.returncode == 1 and "GRADIO_TEMP_DIR" in log and "Traceback" not in log
    given = tmp_path / "photo.png"
    Image.fromarray(photo()).save(given)
    with running(tmp_path, start=nowhere, GRADIO_TEMP_DIR=str(tmp_path / "mounted")) as app:
        client = Client(app.address, verbose=False)
        assert client.predict(handle_file(given), "tiny", api_name="/analyze")["model"] == "tiny"


def test_a_page_that_gradio_forgot_is_answered_all_the_same(tmp_path):
    given = tmp_path / "photo.png"
    Image.fromarray(photo()).save(given)
    with running(tmp_path, start="import vit.ui.limits\nvit.ui.limits.SESSIONS = 1\n" + START) as app:
        pages = [Client(app.address, verbose=False) for _ in range(3)]
        for page in pages * 2:
            assert page.predict(handle_file(given), "tiny", api_name="/analyze")["model"] == "tiny"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("VIT_CACHE_MB=much", "VIT_CACHE_MB='much'"),
        ("VIT_FILES_MB=much", "VIT_FILES_MB='much'"),
        ("VIT_AT_ONCE=much", "VIT_AT_ONCE='much'"),
        ("VIT_FILES_MB=0", "VIT_FILES_MB must be 1 or more"),
        ("VIT_MAX_PIXELS=64e6", "VIT_MAX_PIXELS must be a whole number"),
        ("GRADIO_SERVER_PORT=70000", "'70000' is no number up to 65535"),
        ("PORT=http", "'http' is no number up to 65535"),
    ],
)
def test_a_setting_that_can_t_be_is_a_sentence_at_the_start(tmp_path, setting, says):
    name, _, value = setting.partition("=")
    with running(tmp_path, 0.0, **{name: value}) as app:
        _, log = app.process.communicate(timeout=60)
    assert app.process.returncode == 1 and says in log and "Traceback" not in log


def test_an_empty_setting_is_none(tmp_path):
    """As files of settings have them. An empty address would be all addresses to a server."""
    environment = {**os.environ, "GRADIO_SERVER_PORT": "", "GRADIO_SERVER_NAME": "", "PORT": "", "VIT_OFFLINE": "1"}
    code = "import app, os; print([app.setting(n) for n in ('PORT', 'GRADIO_SERVER_NAME')], 'PORT' in os.environ)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert said.stdout.strip() == "['', ''] False", said.stderr
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        assert "http://127.0.0.1:" in process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_signal_before_it_serves_ends_it(tmp_path):
    environment = {**os.environ, "VIT_OFFLINE": "1", "GRADIO_TEMP_DIR": str(tmp_path)}
    slow = "import sys, app, vit.ui.disk as disk\nown = disk.own_folder\n"
    slow += "disk.own_folder = lambda: (print('here', flush=True), own(), __import__('time').sleep(1))[1]\napp.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", slow], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "here\n"
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0 and not list(tmp_path.iterdir())


def test_arguments_are_answered_by_where_the_settings_are():
    ended = subprocess.run([sys.executable, "app.py", "--port", "1"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "GRADIO_SERVER_PORT=7861 python app.py" in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {**os.environ, "GRADIO_SERVER_PORT": port, "VIT_OFFLINE": "1"}
        environment.pop("PORT", None)
        command = [sys.executable, "app.py"]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert ended.stderr == f"The port {port} can't be opened: choose another with GRADIO_SERVER_PORT.\n"

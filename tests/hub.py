"""A stand-in for the Hugging Face hub on loopback: serves files as the hub does, and misbehaves when told to."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SMALL = "test_vit.r160_in1k"  # 0.4 million parameters, 160 px; a real name of timm's list
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server holds, how it behaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)  # "timm/NAME/FILE" -> bytes
    mode: str = "good"  # good, slow, cut, corrupt, fault (503), refused (403), hang, hang_body, nothing (404)
    delay: float = 0.1  # seconds between two pieces of a slow answer
    piece: int = 100_000  # bytes of a piece of a slow answer
    asked: list[str] = field(default_factory=list)  # "HEAD timm/NAME/FILE", in order
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            self.close_connection = True
            name = self.path.lstrip("/").replace("/resolve/main/", "/").split("?")[0]
            hub.asked.append(f"{self.command} {name}")
            if hub.mode == "hang" or (hub.mode == "hang_body" and with_body):
                hub.closing.wait(30)
                return
            status = {"fault": 503, "refused": 403, "nothing": 404}.get(hub.mode, 200 if name in hub.files else 404)
            if status != 200:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()
                return
            body = hub.files[name]
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if with_body:
                self.send(body)

        def send(self, body: bytes) -> None:
            if hub.mode == "cut":
                body = body[: len(body) // 2]
            elif hub.mode == "corrupt":  # as long as promised, with one byte of the tensors turned over
                body = body[:-100] + bytes([body[-100] ^ 255]) + body[-99:]
            step = hub.piece if hub.mode == "slow" else len(body)
            try:
                for start in range(0, len(body), step):
                    self.wfile.write(body[start : start + step])
                    if hub.mode == "slow":
                        time.sleep(hub.delay)
            except OSError:
                pass  # the other side gave up, as some tests want

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()

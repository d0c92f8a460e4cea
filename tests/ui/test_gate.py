"""What is turned away before Gradio: asking for elsewhere, and more than one request may hold."""

import httpx
import pytest
from gradio_client.exceptions import AppError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from vit.ui import gate
from vit.ui.gate import Gate


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(gate, "MOST", 1000)

    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    routes = [Route("/{path:path}", answer, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Gate)]))


@pytest.mark.parametrize(
    "path",
    [
        "file=https://example.org/a.png",
        "file=HTTP://example.org",
        "file/https://example.org/a.png",
        "proxy=https://a.org/b",
        "process_recording",
    ],
)
def test_nothing_is_fetched_from_elsewhere_or_kept_unasked(client, path):
    assert client.get(f"/gradio_api/{path}").status_code == 404


def test_own_files_pass(client):
    assert client.get("/gradio_api/file=/tmp/vit-1/ab/photo.jpg").status_code == 200


def test_a_request_may_hold_as_much_as_a_file_and_no_more(client):
    assert client.post("/upload", content=bytes(1000)).text == "1000"
    refused = client.post("/upload", content=bytes(1001))
    assert refused.status_code == 413 and "too large" in refused.text


def test_a_request_that_does_not_say_how_long_it_is_ends_there(client):
    def parts(count: int):
        yield from (bytes(100) for _ in range(count))

    assert client.post("/upload", content=parts(10)).text == "1000"
    assert client.post("/upload", content=parts(11)).status_code == 413


def test_the_page_fetches_no_photo_from_an_address(tmp_path):
    from gradio_client import Client

    from tests.bench.asking import running

    with running(VIT_OFFLINE="1") as server:
        client = Client(server.address, verbose=False)
        photo = {"path": "https://example.org/photo.png", "meta": {"_type": "gradio.FileData"}}
        for asked in ((photo, "vit_cifar10"), (None, photo)):  # in a text's place too
            with pytest.raises(AppError, match="Send the picture itself"):
                client.predict(*asked, api_name="/analyze")
        # No question goes around the waiting line.
        for way in ("run", "api"):
            answer = httpx.post(f"{server.address}gradio_api/{way}/analyze", json={"data": [None, ""]}, trust_env=False)
            assert answer.status_code == 404, way

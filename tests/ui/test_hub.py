"""The page while the hub is at its worst: it stays alive, says what works, and a later try succeeds."""

import json
import time

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.families import photo
from tests.hub import SMALL, running_hub
from tests.models.conftest import small_weights as small_weights  # a fixture
from tests.ui.test_serving import running


@pytest.fixture
def hub(small_weights):
    with running_hub() as hub:
        hub.files[f"timm/{SMALL}/model.safetensors"] = small_weights
        yield hub


@pytest.fixture
def settings(hub, tmp_path):
    """A server with a hub of its own and an empty cache."""
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "HF_HUB_CACHE")
    return {
        **dict.fromkeys((*names, "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE"), "(none)"),
        "VIT_OFFLINE": "0",
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "VIT_DOWNLOAD_DEADLINE": "6",
    }


@pytest.fixture
def given(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    return handle_file(tmp_path / "photo.png")


def test_whatever_the_hub_does_the_page_answers_and_a_later_try_succeeds(hub, settings, given, tmp_path):
    with running(tmp_path, **settings) as app:
        assert app.ready()["model"] == "tiny"
        client = Client(app.address, verbose=False)
        ways = {"fault": "503", "hang": "6 s|does not answer", "cut": "broke off|6 s", "corrupt": "damaged file"}
        for mode, words in ways.items():
            hub.mode = mode
            start = time.monotonic()
            with pytest.raises(AppError, match=words) as caught:
                client.predict(given, SMALL, api_name="/analyze")
            assert "The bundled models work without one: tiny" in str(caught.value)
            assert time.monotonic() - start < 60  # the deadline, and what a busy machine adds
            assert client.predict(given, "tiny", api_name="/analyze")["model"] == "tiny"  # and this still works
        hub.mode = "good"
        assert client.predict(given, SMALL, api_name="/analyze")["provenance"] == f"hub:timm/{SMALL}"


def test_a_server_killed_in_the_middle_of_a_download_answers_after_a_restart(hub, settings, given, tmp_path):
    hub.mode, hub.delay = "slow", 0.5
    settings["VIT_DOWNLOAD_DEADLINE"] = "60"
    with running(tmp_path, **settings) as app:
        app.ready()
        Client(app.address, verbose=False).submit(given, SMALL, api_name="/analyze")
        while not any(line.startswith("GET") for line in hub.asked):
            time.sleep(0.05)
        time.sleep(0.5)
        app.process.kill()
        app.process.wait()
    hub.mode = "good"
    with running(tmp_path, **settings) as app:
        assert json.loads(app.get("healthz")[1])["alive"]
        client = Client(app.address, verbose=False)
        assert client.predict(given, "tiny", api_name="/analyze")["model"] == "tiny"
        assert client.predict(given, SMALL, api_name="/analyze")["provenance"] == f"hub:timm/{SMALL}"

"""A real Chromium, and the real app in a process of its own with small stand-in checkpoints."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from vit.ui.views import all_views

ROOT = Path(__file__).parents[2]
HOSTILE = '<img src=x onerror="window.hacked=1">${1+1}{{value}}'
LABELS = (HOSTILE, "church", "parachute", "golf ball")
_VIT = {"image_size": [64, 64], "patch": 8, "width": 48}
_SWIN = {"image_size": [64, 64], "patch": 4, "width": 24}
MODELS = {
    "standin_vit": {"network": "vit", "shape": {**_VIT, "depth": 3, "heads": 3}},
    "standin_deit": {"network": "deit", "shape": {**_VIT, "depth": 2, "heads": 2}},
    "standin_swin": {"network": "swin", "shape": {**_SWIN, "depths": [2, 2], "heads": [2, 4], "windows": [4, 4]}},
}
VIEWS = ("explore", *(view.name for view in all_views() if view.name != "standin"))  # as the page shows them
START = """
import sys
from pathlib import Path
from typing import Any
import vit.models.bundled as bundled
bundled.FOLDER = Path(sys.argv[1])
import tests.browser.standin_view
import app
app.main()
"""


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A folder like assets/weights, with networks of random weights under cards; the first ranks first."""
    import torch
    from safetensors.torch import save_file

    from tests.families import add_noise
    from vit.models.bundled import build, read_card

    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vit.models.bundled.FOLDER", folder)
        for rank, (name, card) in enumerate(MODELS.items()):
            fields = {"labels": LABELS, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
            fields |= {"data": "nothing", "top1": 50.0 - rank, **card}
            (folder / f"{name}.json").write_text(json.dumps(fields))
            torch.manual_seed(rank)
            network = add_noise(build(read_card(name)), 0.2)
            save_file(network.state_dict(), folder / f"{name}.safetensors")
    return folder


@pytest.fixture(scope="session")
def uploads(tmp_path_factory) -> Path:
    """Where the app keeps what visitors send."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="session")
def server(weights, uploads) -> Iterator[str]:
    """The address of the running app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "VIT_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment["GRADIO_TEMP_DIR"] = str(uploads)
    environment.pop("PORT", None)
    process = subprocess.Popen([sys.executable, "-c", START, str(weights)], cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str, process: subprocess.Popen, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, "the app ended before it answered"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the app did not answer")


@dataclass
class Visit:
    """A page of one visitor, with what it asked for and what went wrong."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.page, name)

    def shown(self, state: str = "ready, example") -> "Visit":
        """Waits until a result is shown and all its layers are here."""
        states = ", ".join(f'.explorer[data-state="{name.strip()}"][data-loaded="all"]' for name in state.split(","))
        self.page.wait_for_selector(states, timeout=60_000)
        self.frame()
        return self

    def frame(self) -> None:
        """Waits until what was asked for is painted."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def give(self, *files) -> None:
        self.page.set_input_files("input[data-testid=photo-file]", *files)

    def open_view(self, name: str) -> None:
        """Opens a view by its tab and waits until it shows its result."""
        self.page.click(f"#tab-{name}")
        if name != "explore":
            self.page.wait_for_selector(f"#view-{name}[data-state=ready]", timeout=60_000)
        self.page.mouse.move(1, 1)
        self.page.wait_for_timeout(200)  # what fades in is whole
        self.frame()

    def hover(self, y: float, x: float) -> None:
        """Points at a place of the picture, 0 … 1."""
        box = self.page.locator(".marks").bounding_box()
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.frame()

    def pick(self, group: str, value: str) -> None:
        self.page.click(f'[data-pick="{group}"] [data-value="{value}"]')
        self.frame()

    def slide(self, name: str, value: float) -> None:
        self.page.locator(f'[data-set="{name}"]').fill(str(value))
        self.frame()

    def pixels(self, width: int, height: int) -> np.ndarray:
        """The overlay's upper left corner, RGBA ``(height, width, 4)``."""
        code = "([w, h]) => [...document.querySelector('.heat').getContext('2d').getImageData(0, 0, w, h).data]"
        return np.array(self.page.evaluate(code, [width, height])).reshape(height, width, 4)

    def heat(self) -> str:
        """The overlay's pixels."""
        return self.page.evaluate("document.querySelector('.heat').toDataURL()")


@pytest.fixture
def visit(chromium, server):
    """Opens the page as a new visitor; at the end, nothing may have gone wrong in the browser or left the server."""
    visits, contexts = [], []

    def open_page(query: str = "", width: int = 1280, height: int = 800, **context) -> Visit:
        context.setdefault("reduced_motion", "reduce")  # nothing moves by itself, unless a test looks at just that
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **context))
        page = contexts[-1].new_page()
        one = Visit(page)
        page.on("request", lambda request: one.requests.append(request.url))
        page.on("pageerror", lambda error: one.errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and one.errors.append(line.text))
        page.goto(server + query)
        visits.append(one)
        return one

    yield open_page
    for one in visits:
        assert not one.errors
        outside = [url for url in one.requests if not url.startswith((server, "data:", f"blob:{server}"))]
        assert not outside
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> list[Path]:
    """Two real photographs, of different shapes."""
    examples = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
    assert len(examples) >= 2
    folder = tmp_path_factory.mktemp("photos")
    return [Path(shutil.copy(path, folder / f"mine-{path.name}")) for path in examples[1:3]]


@pytest.fixture
def unseen(photos, tmp_path) -> Path:
    """A photograph that the server has never been sent: no other test has quite the same."""
    with Image.open(photos[0]) as photo:
        turned = photo.rotate(float(np.random.default_rng().uniform(1, 9)))
    turned.save(tmp_path / "unseen.png")
    return tmp_path / "unseen.png"


def by_rank(painted: np.ndarray, numbers: np.ndarray) -> float:
    """Whether what is painted is the brighter the larger the numbers: Spearman's correlation."""
    found: Any = spearmanr(painted.ravel(), numbers.ravel())
    return float(found.statistic)

"""What a visitor waits for, in headless Chromium: ``python -m tests.bench.browser [--model NAME] [--rounds 9]``.

Upload to overlay, the server's answer to the first painted map and the bytes that come before it, hover to painted
(attention and rollout, the sheet live) and the requests meanwhile, and the page's own weight. ``--standin`` takes a
network of random weights in the shape of vit_base, so that its figures need no download. The app runs in a process of
its own, as a person starts it. An idle machine is assumed.
"""

import argparse
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

ROOT = Path(__file__).parents[2]
HOVERS = 200
PHOTO = 1000  # pixels of a side of the photos that are uploaded
SIDES = (448, 900)  # pixels of the stage
STANDIN = "standin_vit_base"
OWN = ("*.html", "*.css", "explorer/*.js")  # what the page weighs of our own, in vit/ui
# Points at a patch, and waits for the task after the frame that paints it.
HOVER = """async (count) => {
    const marks = document.querySelector(".marks"), box = marks.getBoundingClientRect(), times = [];
    for (let n = 0; n < count; n++) {
        const start = performance.now();
        const [x, y] = [((n * 37) % 97) / 97, ((n * 53) % 89) / 89];
        const at = {clientX: box.x + box.width * x, clientY: box.y + box.height * y};
        marks.dispatchEvent(new PointerEvent("pointermove", {...at, pointerType: "mouse"}));
        await new Promise((done) => requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = done;
            channel.port2.postMessage(0);
        }));
        times.push(performance.now() - start);
    }
    return times;
}"""


# From the moment that the answer reaches the explorer to the task after the frame that paints the first map, in
# milliseconds, and the bytes of photo and maps that had been asked for by then.
FIRST = """() => new Promise((done) => {
    const root = document.querySelector(".explorer"), words = root.querySelector(".busy span");
    let start = 0;
    const watch = new MutationObserver(() => {
        if (words.textContent === "bringing the maps") start ||= performance.now();
        if (!start || root.dataset.state !== "ready") return;
        watch.disconnect();
        const files = performance.getEntriesByType("resource")
            .filter(({name}) => /attention[.]bin|photo[.]jpg/.test(name));
        const bytes = files.reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0);
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => done([performance.now() - start, bytes]);
            channel.port2.postMessage(0);
        });
    });
    watch.observe(root, {attributes: true, subtree: true, childList: true, characterData: true});
})"""
# Starts the app as app.py does, with another folder of bundled weights.
START = """
import sys
from pathlib import Path
import vit.models.bundled as bundled
bundled.FOLDER = Path(sys.argv[1])
import app
app.main()
"""


@contextmanager
def running(weights: Path | None = None) -> Iterator[str]:
    """The app's address; ``weights`` is a folder of checkpoints in place of the bundled ones."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    environment.pop("PORT", None)
    command = [sys.executable, "-c", START, str(weights)] if weights else [sys.executable, "app.py"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "http" in line:
                break
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def shown(page) -> None:
    page.wait_for_selector(
        '.explorer:is([data-state="ready"], [data-state="example"])[data-loaded="all"]', timeout=180_000
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="", help="a model's name; default: the page's own choice")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--standin", action="store_true", help="random weights in the shape of vit_base at 224 px")
    parser.add_argument("--address", default="", help="measure an app that is running already")
    options = parser.parse_args()
    if options.address:
        measure(options.address, options.model, options.rounds)
    elif options.standin:
        with TemporaryDirectory() as folder, running(standin(Path(folder))) as address:
            measure(address, STANDIN, options.rounds)
    else:
        with running() as address:
            measure(address, options.model, options.rounds)


def standin(folder: Path) -> Path:
    """A folder like assets/weights with one network of random weights, as large as vit_base at 224 px."""
    from safetensors.torch import save_file

    from vit.models.bundled import build, read_card

    card = {
        "network": "vit",
        "shape": {"image_size": [224, 224], "patch": 16, "width": 768, "depth": 12, "heads": 12},
        "labels": [f"class {number}" for number in range(1000)],
        **{"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "data": "nothing", "top1": 0.0},
    }
    (folder / f"{STANDIN}.json").write_text(json.dumps(card))
    save_file(build(read_card(STANDIN, folder)).state_dict(), folder / f"{STANDIN}.safetensors")
    return folder


def measure(address: str, model: str, rounds: int) -> None:
    from playwright.sync_api import sync_playwright

    photos = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address + (f"?model={model}" if model else ""))
        shown(page)
        page.wait_for_timeout(1000)
        results = [upload(page, photos[n % len(photos)], n) for n in range(rounds)]
        waits, firsts, sizes = ([result[part] for result in results] for part in range(3))
        print(f"upload to overlay    {middle(waits)} of {rounds} photos")
        print(f"answer to first map  {middle(firsts)}, {max(sizes) / 1000:.0f} kB at most asked for by then")
        for method in ("raw", "rollout"):
            page.click(f'[data-pick="method"] [data-value="{method}"]')
            shown(page)
            page.wait_for_timeout(1000)
            for side in SIDES:
                hover(page, method, side)
        browser.close()
    own = sum(path.stat().st_size for part in OWN for path in (ROOT / "vit" / "ui").glob(part))
    print(f"our own page         {own / 1000:.0f} kB, as it is written")


def middle(times: list[float]) -> str:
    return f"p50 {statistics.median(times):6.0f} ms, best {min(times):.0f} ms"


def hover(page, method: str, side: int) -> None:
    """Hovers with a stage of so many pixels a side, and counts what is asked of the server meanwhile."""
    page.set_viewport_size({"width": side + 700, "height": side + 600})
    page.evaluate("(side) => (document.querySelector('.place').style.maxWidth = `${side}px`)", side)
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    times = sorted(page.evaluate(HOVER, HOVERS))
    box = page.locator(".stage").bounding_box() or {"width": 0, "height": 0}
    size = f"{box['width']:.0f}×{box['height']:.0f}"
    p50, p95 = times[HOVERS // 2], times[HOVERS * 95 // 100]
    words = f"{method}, {size}, sheet live, {len(asked)} requests"
    print(f"hover to painted     p50 {p50:6.1f} ms, p95 {p95:.1f} ms, {words}")


def upload(page, photo: Path, number: int) -> tuple[float, float, int]:
    """Milliseconds from the file's choice to the overlay, those from the answer on, and the bytes asked for by then.

    Each picture is square and new to the server: one pixel differs.
    """
    data = io.BytesIO()
    with Image.open(photo) as picture:
        square = ImageOps.fit(picture, (PHOTO, PHOTO))
    square.putpixel((0, 0), (number, 2 * number, 0))
    square.save(data, "PNG")
    page.evaluate(f"performance.clearResourceTimings(); window.first = ({FIRST})(); 0")
    start = time.perf_counter()
    page.set_input_files(
        "input[data-testid=photo-file]", {"name": f"{number}.png", "mimeType": "image/png", "buffer": data.getvalue()}
    )
    page.wait_for_selector('.explorer[data-state="busy"]')
    page.wait_for_selector('.explorer[data-state="ready"]', timeout=120_000)
    wait = 1000 * (time.perf_counter() - start)
    first, size = page.evaluate("window.first")
    shown(page)
    return wait, first, size


if __name__ == "__main__":
    main()

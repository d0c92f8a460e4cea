"""What a visitor waits for, in headless Chromium: ``python -m tests.bench.browser [--model NAME] [--rounds 9]``.

Upload to overlay, hover to painted (attention and rollout, the sheet live), the page's own weight, and the bytes that
come before the first paint. The app runs in a process of its own, as a person starts it. An idle machine is assumed.
"""

import argparse
import io
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

from PIL import Image

ROOT = Path(__file__).parents[2]
HOVERS = 200
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


@contextmanager
def running() -> Iterator[str]:
    """The app's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    environment.pop("PORT", None)
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
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
    parser.add_argument("--address", default="", help="measure an app that is running already")
    options = parser.parse_args()
    if options.address:
        measure(options.address, options.model, options.rounds)
    else:
        with running() as address:
            measure(address, options.model, options.rounds)


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
        waits = [upload(page, photos[n % len(photos)], n) for n in range(rounds)]
        print(
            f"upload to overlay    p50 {statistics.median(waits):6.0f} ms, best {min(waits):.0f} ms of {rounds} photos"
        )
        for method in ("raw", "rollout"):
            page.click(f'[data-pick="method"] [data-value="{method}"]')
            shown(page)
            page.wait_for_timeout(1000)
            for width, height in ((1280, 800), (1920, 1400)):
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(300)
                times = sorted(page.evaluate(HOVER, HOVERS))
                box = page.locator(".stage").bounding_box() or {"width": 0, "height": 0}
                size = f"{box['width']:.0f}×{box['height']:.0f}"
                p50, p95 = times[HOVERS // 2], times[HOVERS * 95 // 100]
                print(f"hover to painted     p50 {p50:6.1f} ms, p95 {p95:.1f} ms, {method}, {size}, sheet live")
        browser.close()


def upload(page, photo: Path, number: int) -> float:
    """Milliseconds from the file's choice to the overlay. Each picture is new to the server: one pixel differs."""
    data = io.BytesIO()
    with Image.open(photo) as picture:
        picture.putpixel((0, 0), (number, 2 * number, 0))
        picture.save(data, "PNG")
    start = time.perf_counter()
    page.set_input_files(
        "input[data-testid=photo-file]", {"name": f"{number}.png", "mimeType": "image/png", "buffer": data.getvalue()}
    )
    page.wait_for_selector('.explorer[data-state="busy"]')
    page.wait_for_selector('.explorer[data-state="ready"]', timeout=120_000)
    wait = 1000 * (time.perf_counter() - start)
    shown(page)
    return wait


if __name__ == "__main__":
    main()

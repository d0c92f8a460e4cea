"""Start to first page, against bare gradio: ``python -m tests.bench.startup [--rounds 5]``.

Each program starts in a process of its own, in turn, and is asked for its page until it answers. Aim: at most 1.3.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
BARE = """
import gradio as gr
with gr.Blocks() as page:
    gr.Image()
    gr.HTML()
page.launch(quiet=True)
"""
OURS = "import app; app.main()"


def seconds(code: str) -> float:
    """From the start of the process to the first page's last byte."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    environment.pop("PORT", None)
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                    answer.read()
                return time.perf_counter() - start
            except OSError:
                assert process.poll() is None, "the program ended before it answered"
                time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for code in (BARE, OURS):
        seconds(code)  # files come into the page cache
    pairs = [(seconds(BARE), seconds(OURS)) for _ in range(rounds)]
    bare, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(our / plain for plain, our in pairs)
    print(f"bare gradio {bare:.2f} s, this page {ours:.2f} s, ratio {ratio:.2f} (aim: at most 1.30)")


if __name__ == "__main__":
    main()

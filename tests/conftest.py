"""What every test shares."""

import os
import shutil

import pytest

# Before anything imports gradio or the hub: no test asks the network for anything.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Tiny models run faster on one thread, and two threads that wait for each other on a busy machine take minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Chromium as root, and without its own requests to its makers.
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests. Without one they are skipped, except in CI, where that is a failure."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        message = "No Chromium here: install the package chromium, or name one in CHROMIUM."
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()

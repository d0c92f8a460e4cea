"""The app: settings from the environment, build the page, launch."""

import os
import signal
import sys
import threading

from vit.analysis import Analysis
from vit.errors import VitError
from vit.image import pixel_limit
from vit.ui import disk, heap
from vit.ui.zero import register


def main() -> None:
    register()
    told = listen()
    given = setting("PORT"), setting("GRADIO_SERVER_PORT")
    port = given[0] or given[1]
    if port and not (port.isdecimal() and int(port) <= 65535):
        sys.exit(f"The port {port!r} is no number up to 65535.")
    try:
        analysis, file_bytes = Analysis(), disk.file_bytes()
        pixel_limit()
        folder = disk.own_folder()
    except VitError as error:
        sys.exit(str(error))
    # Gradio from here on: it can't be imported without a folder for its files.
    from vit.ui import faults
    from vit.ui.ending import serve_until_told
    from vit.ui.health import Health
    from vit.ui.page import build_page, launch_options, warm_up
    from vit.ui.start import start_line

    faults.write_lines()
    page, health = build_page(analysis), Health(analysis)
    try:
        page.launch(
            server_name=setting("GRADIO_SERVER_NAME") or ("0.0.0.0" if setting("PORT") else "127.0.0.1"),
            server_port=int(port) if port else None,
            prevent_thread_lock=True,
            **launch_options(),
        )
    except OSError:  # Gradio's word for a port that is taken, or that this user may not open
        disk.remove_own_folder()
        which = f"The port {port} can't be opened" if port else "None of the ports from 7860 on can be opened"
        print(f"{which}: choose another with GRADIO_SERVER_PORT.", file=sys.stderr, flush=True)
        os._exit(1)  # Gradio leaves a hundred half-made event loops, which would complain one by one
    health.serve(page)
    print(start_line(page, analysis), flush=True)
    warm_up(analysis, health)
    disk.keep_small(folder, file_bytes)
    heap.give_back_often()
    serve_until_told(told, page, analysis, health)
    disk.remove_own_folder()
    os._exit(0)  # a thread that still waits on somebody's slow network must not keep the process


def setting(name: str) -> str:
    """A setting from the environment. An empty one is taken out of it: Gradio would read it as if it said something."""
    if not os.environ.get(name):
        os.environ.pop(name, None)
    return os.environ.get(name, "")


def listen() -> threading.Event:
    """What SIGTERM and Ctrl-C set, from the first moment on: before it serves, the process ends as soon as it does."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(
            "app.py takes no arguments. Its settings are in the environment: GRADIO_SERVER_PORT=7861 python app.py"
        )
    main()

"""The app: settings from the environment, build the page, launch."""

import os
import sys

from vit.analysis import Analysis
from vit.errors import VitError
from vit.ui.page import build_page, launch_options, warm_up


def main() -> None:
    port = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or None
    if port and not port.isdecimal():
        sys.exit(f"The port {port!r} is not a number.")
    try:
        analysis = Analysis()
    except VitError as error:
        sys.exit(str(error))
    page = build_page(analysis)
    page.launch(
        server_name=os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if os.environ.get("PORT") else "127.0.0.1"),
        server_port=int(port) if port else None,
        prevent_thread_lock=True,
        **launch_options(),
    )
    print(f"{page.title}: {page.local_url}", flush=True)
    warm_up(analysis)
    page.block_thread()


if __name__ == "__main__":
    main()

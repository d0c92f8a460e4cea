"""The app: settings from the environment, build the page, launch."""

import os

from vit.analysis import Analysis
from vit.ui.page import build_page, launch_options, warm_up


def main() -> None:
    analysis = Analysis()
    page = build_page(analysis)
    port = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT")
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

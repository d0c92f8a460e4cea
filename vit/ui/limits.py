"""What visitors may take: how many at once, how long a line, how large a file. All that isn't needed is off.

Gradio's queue hands questions to the program, and has one list a name. What takes a model through a picture has one
list, and what is fetched of it (pictures, archives) another, so that a download never waits behind questions. How many
pictures really go through models at the same time is ``Analysis.line``'s to say.
"""

import asyncio
import hmac
import os
import threading
from typing import Any

from vit.cores import cores

INFERENCE, FILES = "inference", "files"  # Gradio's ``concurrency_id``; give the limit beside it
LISTENERS: dict[str, dict[str, Any]] = {
    # More than go through models: those who wait for a download must not keep others out (see vit.loaded.LOADS).
    INFERENCE: {"concurrency_id": INFERENCE, "concurrency_limit": 32},
    FILES: {"concurrency_id": FILES, "concurrency_limit": 4},
}
WAITING = 64  # questions that wait in Gradio's lists, all together; one more is told that the queue is full
THREADS = 48  # for all that Gradio runs in threads: more than the limits above together, so that small questions are
# answered too
UPLOAD_BYTES = 64 << 20  # of a file
SESSIONS = 200  # open pages that Gradio keeps its copy of the page for, up to 0.4 MB each; an older one gets another
AGE = 3600  # seconds that an uploaded or written file is kept
EVENTS = 100  # past events that Gradio remembers for its monitoring, which is off

DECODING = threading.BoundedSemaphore(max(2, cores()))  # pictures unpacked at the same time: each may take 600 MB

_WRONG_PASSWORD = 0.5  # seconds that a wrong password costs


def closed_by_default() -> dict[str, Any]:
    """Options of ``launch`` that keep the server closed."""
    return {
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "share": False,
        "pwa": False,
        "allowed_paths": [],
        "max_file_size": UPLOAD_BYTES,
        "max_threads": THREADS,
        "state_session_capacity": SESSIONS,
        "show_error": False,  # our sentences are shown all the same; other errors' words may quote paths
        **_password(),
    }


def _password() -> dict[str, Any]:
    """With ``VIT_PASSWORD``, everybody gives any name and this one word before the page opens."""
    word = os.environ.get("VIT_PASSWORD", "")
    if not word:
        return {}

    async def admit(_name: str, given: str) -> bool:
        if hmac.compare_digest(given.encode(), word.encode()):
            return True
        await asyncio.sleep(_WRONG_PASSWORD)
        return False

    return {"auth": admit, "auth_message": "Any name, and the password of your class."}

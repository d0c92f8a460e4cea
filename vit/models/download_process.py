"""The process that downloads one file into Hugging Face's cache: ``python -m vit.models.download_process REPO FILE``.

It talks in lines of JSON on standard output: ``{"done": bytes, "total": bytes or 0}`` while it goes, then
``{"ready": true}`` or ``{"error": kind, "status": HTTP status}``. It ends when its standard input closes.
"""

import errno
import json
import os
import signal
import sys
import threading
import time

_TRIES = 3  # for the first question: a hub that has a fault at the moment gets two more chances, not forty seconds
_LINE_EVERY = 0.1  # seconds
_CHUNK = 256 * 1024  # bytes; the library's own 10 MB would leave a slow line without progress for a minute


def main(repository: str, filename: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exception, so that half-written files are removed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    try:
        for attempt in range(_TRIES):
            try:
                metadata = get_hf_file_metadata(hf_hub_url(repository, filename))
                break
            except HfHubHTTPError as error:
                if error.response.status_code < 500 or attempt == _TRIES - 1:
                    raise
                time.sleep(attempt + 1)
        total = metadata.size or 0
        _say(done=0, total=total)
        hf_hub_download(repository, filename, tqdm_class=_progress_class(total))
        _say(ready=True)
    except Exception as error:  # whatever it is becomes one line; the parent turns it into a sentence
        _say(**_kind(error))
        sys.exit(1)


def _kind(error: BaseException) -> dict:
    """An exception as a message. The HTTP library's classes are told by name: it changes with the hub's library."""
    if type(error).__name__ == "LocalEntryNotFoundError" and error.__cause__ is not None:
        error = error.__cause__  # "not in the cache either" hides why the hub could not be asked
    response = getattr(error, "response", None)
    if response is not None and getattr(response, "status_code", None):
        return {"error": "status", "status": int(response.status_code)}
    names = [kind.__name__ for kind in type(error).__mro__]
    if any(name in ("ConnectTimeout", "ConnectError", "ProxyError", "UnsupportedProtocol") for name in names):
        return {"error": "connection"}
    if any("Timeout" in name for name in names):
        return {"error": "silent"}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"error": "space"}
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return {"error": "unwritable"}
    if isinstance(error, OSError) or "TransportError" in names:
        return {"error": "cut"}
    return {"error": "other"}


def _progress_class(total: int) -> type:
    from huggingface_hub.utils import tqdm

    class Lines(tqdm):
        """Says how far the download is in lines, where the library would draw a bar."""

        def __init__(self, *_, **__):
            super().__init__(disable=True)
            self.done, self.said = 0, 0.0

        def update(self, n: float | None = 1) -> None:
            self.done += int(n or 0)
            if time.monotonic() - self.said >= _LINE_EVERY or self.done == total:
                self.said = time.monotonic()
                _say(done=self.done, total=total)

    return Lines


def _say(**message) -> None:
    print(json.dumps(message), flush=True)


def _end_with_parent() -> None:
    """When the parent is gone, its end of our standard input is closed."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:3])

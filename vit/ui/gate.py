"""What is turned away before Gradio sees it: too much at once, and requests that would make the server fetch from
elsewhere.

Gradio limits each file, but not how many come in one request, and passes on whatever address a page names.
"""

from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vit.ui.limits import UPLOAD_BYTES

MOST = UPLOAD_BYTES + (1 << 20)  # bytes of a request: a file as large as may be, and what stands around it
# What would be fetched from elsewhere, in Gradio's newer way to say it and in its older one; and what takes files that
# no part of the page sends, into a folder that nobody watches over.
_CLOSED = ("/file=http:", "/file=https:", "/file/http:", "/file/https:", "/proxy=", "/process_recording")


class Gate:
    """An ASGI middleware: 404 for what is closed, 413 for a request that is too large."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if any(part in scope["path"].lower() for part in _CLOSED):
            return await PlainTextResponse("Only this server's own files are here.", 404)(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > MOST:
            return await PlainTextResponse("That is too large for one request.", 413)(scope, receive, send)
        await self.app(scope, counted(receive), send)


def counted(receive: Receive) -> Receive:
    """Ends a request that says nothing, or the untruth, about how long it is."""
    came = 0

    async def next_part() -> Message:
        nonlocal came
        message: Any = await receive()
        came += len(message.get("body", b""))
        if came > MOST:
            raise HTTPException(413, "That is too large for one request.")
        return message

    return next_part

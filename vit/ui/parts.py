"""What the explorer is made of in the browser: its HTML, its CSS and its scripts. No gradio here: the page and the
self-contained file are put together from the same parts."""

from pathlib import Path

_HERE = Path(__file__).parent
# One idea a file; each may use what stands before it. They become one script, and share one scope.
SCRIPTS = (
    *("colours", "decode", "attention", "paint", "gif"),  # bytes to maps to pixels: no page needed
    *("sheet", "controls", "door", "stage", "address", "save"),  # parts of the page
    *("state", "questions", "answers", "hands", "drawing", "downloads", "main"),  # what holds them together
)


def script() -> str:
    """The explorer's own JavaScript: no build step, nothing from elsewhere."""
    return "\n".join(read(f"explorer/{name}.js") for name in SCRIPTS)


def read(name: str) -> str:
    """A file beside this one."""
    return (_HERE / name).read_text(encoding="utf-8")

"""The self-contained page with nothing in it yet. Python fills it (vit/ui/standalone.py), and so does the browser when
somebody downloads what is on the screen (explorer/downloads.js)."""

from functools import cache

from vit.ui.parts import css, html, read, script


@cache
def shell() -> str:
    """The page without a photo: ``@value@`` and ``@maps@`` stand once each where those go."""
    page = read("shell.html")
    for name, text in (
        ("theme", read("theme.css")),
        ("css", css()),
        ("html", html()),
        ("script", script(alone=True)),
    ):
        page = page.replace(f"@{name}@", text)
    return page


def shell_parts() -> tuple[str, str, str]:
    """What stands before the value, between the value and the maps, and after the maps."""
    start, rest = shell().split("@value@")
    middle, end = rest.split("@maps@")
    return start, middle, end

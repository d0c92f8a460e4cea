"""Lines on what is being done, known again: Python says them in English, and the page in its visitor's language.

Each stands as a sentence with places in the section ``doing`` of vit/ui/languages, the more particular ones first.
"""

import re
from functools import cache

from vit.ui.languages import languages

_PLACES = re.compile(r"\\\{(\w+)\\\}")


@cache
def _sentences() -> list[tuple[str, re.Pattern[str]]]:
    sentences = languages()["en"]["doing"].items()
    return [(key, re.compile(_PLACES.sub(r"(?P<\1>.+?)", re.escape(text)))) for key, text in sentences]


def known(line: str) -> dict[str, list]:
    """``{"doing": [key, fields]}``, with which the page finds its own words; nothing for a line that isn't listed."""
    for key, pattern in _sentences():
        if found := pattern.fullmatch(line):
            return {"doing": [key, found.groupdict()]}
    return {}

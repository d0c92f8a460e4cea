"""The page's words: one JSON file a language, the same keys in each. The browser chooses by its visitor's languages."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def languages() -> dict[str, dict[str, Any]]:
    """Each language's sections, ``{"en": {"door": {"choose": "Choose a photo", …}, …}, …}``."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}

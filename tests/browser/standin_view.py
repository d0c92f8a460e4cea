"""A view as anyone would add it, for the tests of the frame: it counts the layers, as slowly as it is told to."""

import time

from vit.errors import MethodError
from vit.ui.views import Ask, view


@view("standin", place=5)
def standin(ask: Ask) -> dict:
    """How many layers the record has, and the photo's size."""
    record = ask.analysis.record(ask.image, ask.model, say=ask.say)
    for line in range(int(ask.options.get("lines", 0))):
        ask.say(f"line {line + 1}")
        time.sleep(0.2)
    if ask.options.get("wrong"):
        raise MethodError("This can’t be worked out.")
    height, width = ask.image.shape[:2]
    return {"layers": len(record.layers), "file": ask.keep("size.bin", bytes(f"{width} {height}", "ascii"))}

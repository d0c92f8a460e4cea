"""The Lesson view: seven steps from pixels to an answer, on the photo that the person chose, with the real numbers.

An eighth closes it: what attention does not tell, by a truth check, which is worked out when that step is opened.
"""

from typing import TYPE_CHECKING, Any

from vit.errors import ModelError
from vit.ui.checked import checked, counted
from vit.ui.views import Ask, view
from vit.ui.views.methods import BATCH, STEPS

if TYPE_CHECKING:
    from vit.lesson import Worked


COMPARED = ("raw", "relevance")  # what is read, and what the class owes to it


@view("lesson", place=60)
def lesson(ask: Ask) -> dict[str, Any]:
    """The numbers of each step. For a network not our own, ``why`` says so; what needs no insides still works.

    ``{"do": "truth"}`` asks for those of the closing step alone.
    """
    if ask.options.get("do") == "truth":
        return {"truth": truth(ask)}
    model = ask.analysis.model(ask.model, ask.say)
    from vit.lesson import work_through

    ask.say("working through the photo")
    height, width = model.prepare.size
    known = {"size": [height, width]}
    try:
        with ask.analysis.line.place(ask.say):
            worked = work_through(model, ask.image)
        return {**known, **packed(worked, model.labels, ask)}
    except ModelError as error:
        return {**known, "why": str(error)}


def truth(ask: Ask) -> dict[str, Any]:
    """Raw attention's map and relevance's for the likeliest class, and what painting out their patches does."""
    found = ask.analysis.check(
        *(ask.image, ask.model, COMPARED),
        **{"say": ask.say, "progress": counted(ask.say), "steps": STEPS, "batch": BATCH, "backwards": False},
    )
    maps = {}
    for name in (result.method for result in found.results):
        heat = ask.analysis.heatmap(ask.image, ask.model, name, found.target, say=ask.say)
        rows, cols = heat.values.shape
        maps[name] = {"rows": rows, "cols": cols, "values": heat.values.flatten().tolist()}
    return {"check": checked(found), "maps": maps}


def packed(worked: "Worked", labels: tuple[str, ...], ask: Ask) -> dict[str, Any]:
    """The small numbers as JSON; vectors of all tokens in one file, float32, each array at its offset in numbers."""
    arrays = {name: getattr(worked, name) for name in ("patches", "places", "queries", "keys", "values")}
    table, offset = {}, 0
    for name, array in arrays.items():
        table[name] = {"offset": offset, "shape": list(array.shape)}
        offset += array.numel()
    data = b"".join(array.contiguous().numpy().astype("<f4").tobytes() for array in arrays.values())
    best = int(worked.logits.argmax())
    return {
        "rows": worked.layout.grid.rows,
        "cols": worked.layout.grid.cols,
        "prefix": list(worked.layout.prefix),
        "arrays": table,
        "file": ask.keep("lesson.bin", data),
        "lengths": worked.lengths.tolist(),
        "lens": [[labels[int(step.argmax())], float(step.max()), float(step[best])] for step in worked.lens],
        "logits": [[labels[n], float(worked.logits[n])] for n in worked.logits.argsort(descending=True).tolist()],
    }

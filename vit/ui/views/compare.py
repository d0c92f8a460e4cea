"""The Compare view: a second record beside the page's own, of another model or of another photo."""

from typing import Any

from vit.errors import ImageError, MethodError, VitError
from vit.ui.model_list import choices
from vit.ui.pack import pack, trained_on
from vit.ui.views import Ask, view


@view("compare", place=50)
def compare(ask: Ask) -> dict[str, Any]:
    """The second record, packed like the first, so that all looking happens in the browser; or ``why`` there is none.

    ``ask.options``: ``by``, which says what differs, "model" or "photo"; ``model``, the second model's name, or "" for
    the first other one on offer; ``list``, whether the page still lacks the list of models.
    """
    models = choices(ask.analysis, _text(ask, "model")) if ask.options.get("list") or not _text(ask, "model") else []
    answer: dict[str, Any] = {"models": [[label, name] for label, name in models]} if ask.options.get("list") else {}
    try:
        return {**answer, "record": _second(ask, [name for _, name in models])}
    except VitError as error:
        return {**answer, "why": str(error)}


def _second(ask: Ask, names: list[str]) -> dict[str, Any]:
    """The other record: the same photo through another model, or another photo through the same model."""
    image, model = ask.image, ask.model
    by = _text(ask, "by")
    if by == "model":
        model = _text(ask, "model") or next((name for name in names if name != ask.model), "")
        if not model:
            raise MethodError(f"Only {ask.model} is offered here: compare two photos in it instead.")
    elif by == "photo":
        if isinstance(ask.second, str):
            raise ImageError(ask.second)
        image = ask.second
    else:
        raise MethodError(f"What is compared is a model or a photo, not {by!r}.")
    record = ask.analysis.record(image, model, say=ask.say)
    return pack(image, record, ask.folder, about=trained_on(model, record.provenance))


def _text(ask: Ask, name: str) -> str:
    """A field of what the browser sent; what is no text counts as none."""
    value = ask.options.get(name)
    return value if isinstance(value, str) else ""

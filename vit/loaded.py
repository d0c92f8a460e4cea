"""The models that may be asked for: each loaded once, and kept as long as the memory for weights lasts."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from vit import budget
from vit.errors import ModelError
from vit.line import Line, Say
from vit.once import Once

if TYPE_CHECKING:  # torch is imported when the first model is loaded, so that the page opens at once
    from vit.models.vision_model import VisionModel

LOADS = 24  # people who may wait for models from elsewhere, so that a slow hub leaves room for those who need none
_LOADS_FULL = f"{LOADS} people are waiting for models to load already: try again in a minute, or choose a bundled one."


class LoadedModels:
    """Models by name, safe for many threads; two that ask for the same one wait for one load.

    ``offered`` are the names that may be asked for; empty: all. ``at_once`` is how many pictures go through models at
    the same time, and so share the machine's cores. ``loads`` is the line of those who wait for a model from elsewhere.
    """

    def __init__(self, offered: tuple[str, ...], at_once: int):
        self.offered = offered
        self.loads = Line(LOADS, longest=0, full=_LOADS_FULL)
        self._at_once = at_once
        self._once = Once()
        self._lock = threading.Lock()  # guards what follows
        self._models: OrderedDict[str, VisionModel] = OrderedDict()

    def names(self) -> list[str]:
        """The models that are loaded, the least recently used first."""
        with self._lock:
            return list(self._models)

    def on_offer(self) -> list[tuple[str, str]]:
        """The models on offer: (name, a few words about it), the bundled ones first."""
        from vit.models import bundled_names, describe, list_models

        bundled = bundled_names()
        names = self._offered_now() if self.offered else list_models()
        return [(name, describe(name) if name in bundled else "timm, weights from the hub") for name in names]

    def default(self) -> str:
        """The best model whose weights are at hand; with VIT_MODELS, the first of those that is, else its first."""
        from vit.models import bundled_names, cached_timm_names, default_model

        if not self.offered:
            return default_model()
        at_hand = {*bundled_names(), *cached_timm_names()}
        at_hand |= {name.partition(".")[0] for name in at_hand}
        offered = self._offered_now()
        return next((name for name in offered if name in at_hand), offered[0])

    def spare(self) -> str:
        """The best bundled model on offer; ModelError if there is none."""
        from vit.models import bundled_names

        for name in bundled_names():
            if not self.offered or name in self.offered:
                return name
        raise ModelError("No bundled model is offered here.")

    def _offered_now(self) -> tuple[str, ...]:
        """Of the models that VIT_MODELS names, those that VIT_OFFLINE leaves."""
        from vit.models import bundled_names
        from vit.models.default import is_offline

        offered = tuple(name for name in self.offered if name in bundled_names()) if is_offline() else self.offered
        if not offered:
            raise ModelError("VIT_OFFLINE allows bundled models only, and VIT_MODELS names none of them.")
        return offered

    def get(self, name: str, say: Say | None = None) -> "VisionModel":
        """A loaded model, from memory after the first time; ``say`` is told of waiting and of the download.

        ModelError for a name that isn't offered or weights that can't be had, BudgetError for more memory than there
        is, BusyError while too many wait for models from elsewhere.
        """
        if self.offered and name not in self.offered:
            raise ModelError(f"{name!r} is not offered here; choose one of: {', '.join(self.offered)}.")
        if (model := self._at_hand(name)) is not None:
            return model
        from vit.models import bundled_names, load_model

        bundled = name in bundled_names()  # loads at once, and needs nobody
        with (
            nullcontext() if bundled else self.loads.place(say),
            self._once(("model", name), say, f"loading {name}, as others wait for it too"),
        ):
            if (model := self._at_hand(name)) is not None:
                return model
            if say:
                say(f"loading {name}")
            if not bundled:
                budget.check_affordable(name)
            model = load_model(name, progress=_download_words(name, say))
            budget.fit_threads(self._at_once)
            with self._lock:
                self._models[name] = model
                while len(self._models) > 1 and sum(map(_bytes_of, self._models.values())) > budget.MODEL_BYTES:
                    self._models.popitem(last=False)
            return model

    def _at_hand(self, name: str) -> "VisionModel | None":
        with self._lock:
            if name in self._models:
                self._models.move_to_end(name)
            return self._models.get(name)


def _bytes_of(model: "VisionModel") -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.network.parameters())


def _download_words(name: str, say: Say | None) -> Callable[[int, int], None] | None:
    if say is None:
        return None

    def progress(done: int, total: int) -> None:
        of = f" of {total / 1e6:.0f}" if total else ""
        say(f"loading {name}, {done / 1e6:.0f}{of} MB")

    return progress

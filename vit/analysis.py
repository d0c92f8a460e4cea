"""Analysis: pictures through models, remembered. What the page, the command line and HTTP call.

A picture that was seen before costs nothing: records are kept, the least recently used go first, up to a number of
bytes. Safe for many threads; two that ask for the same thing wait for one computation.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from vit import budget
from vit.errors import BusyError, ModelError
from vit.image import fingerprint
from vit.line import CLOSING, Line, Say, held

if TYPE_CHECKING:  # torch is imported when the first model is loaded, so that the page opens at once
    from torch import Tensor

    from vit.attention import AttentionRecord, Heatmap
    from vit.measures import Measured
    from vit.models.vision_model import VisionModel
    from vit.truth.check import Check
    from vit.what_if import Silenced, WhatIf

LOADS = 24  # people who may wait for models from elsewhere, so that a slow hub leaves room for those who need none
_LOADS_FULL = f"{LOADS} people are waiting for models to load already: try again in a minute, or choose a bundled one."


class Analysis:
    """One picture through one model, as often as anyone asks, computed once.

    ``cache_bytes`` bounds the memory of kept records (``VIT_CACHE_MB``, default 512), ``offered`` the models that may
    be asked for (``VIT_MODELS``, comma-separated; default: all), ``at_once`` how many pictures go through models at the
    same time (``VIT_AT_ONCE``, default: one for every four cores); the others wait in ``line``, in their order.

    ``say`` of the methods is told what is being done. What it raises ends the work at its next layer, or at once while
    it waits: that is how work ends for which nobody waits any more.
    """

    def __init__(
        self, cache_bytes: int | None = None, offered: tuple[str, ...] | None = None, at_once: int | None = None
    ):
        if cache_bytes is None:
            cache_bytes = budget.megabytes("VIT_CACHE_MB", 512)
        if offered is None:
            offered = tuple(name.strip() for name in os.environ.get("VIT_MODELS", "").split(",") if name.strip())
        self.cache_bytes, self.offered = cache_bytes, offered
        self.line = Line(budget.at_once() if at_once is None else at_once)
        self._loads = Line(LOADS, longest=0, full=_LOADS_FULL)
        self._stopped = False
        self._lock = threading.Lock()  # guards what follows
        self._records: OrderedDict[tuple, AttentionRecord] = OrderedDict()
        self._models: OrderedDict[str, VisionModel] = OrderedDict()
        self._under_way: WeakValueDictionary[tuple, threading.Lock] = WeakValueDictionary()

    def models(self) -> list[tuple[str, str]]:
        """The models on offer: (name, a few words about it), the bundled ones first."""
        from vit.models import bundled_names, describe, list_models

        bundled = bundled_names()
        names = self._offered_now() if self.offered else list_models()
        return [(name, describe(name) if name in bundled else "timm, weights from the hub") for name in names]

    def default_model(self) -> str:
        """The best model whose weights are at hand; with VIT_MODELS, the first of those that is, else its first."""
        from vit.models import bundled_names, cached_timm_names, default_model

        if not self.offered:
            return default_model()
        at_hand = {*bundled_names(), *cached_timm_names()}
        at_hand |= {name.partition(".")[0] for name in at_hand}
        offered = self._offered_now()
        return next((name for name in offered if name in at_hand), offered[0])

    def _offered_now(self) -> tuple[str, ...]:
        """Of the models that VIT_MODELS names, those that VIT_OFFLINE leaves."""
        from vit.models import bundled_names
        from vit.models.default import is_offline

        offered = tuple(name for name in self.offered if name in bundled_names()) if is_offline() else self.offered
        if not offered:
            raise ModelError("VIT_OFFLINE allows bundled models only, and VIT_MODELS names none of them.")
        return offered

    def model(self, name: str, say: Say | None = None) -> "VisionModel":
        """A loaded model, from memory after the first time."""
        if self.offered and name not in self.offered:
            raise ModelError(f"{name!r} is not offered here; choose one of: {', '.join(self.offered)}.")
        if (model := self._at_hand(name)) is not None:
            return model
        from vit.models import bundled_names, load_model

        bundled = name in bundled_names()  # loads at once, and needs nobody
        with (
            nullcontext() if bundled else self._loads.place(say),
            self._once(("model", name), say, f"loading {name}, as others wait for it too"),
        ):
            if (model := self._at_hand(name)) is not None:
                return model
            if say:
                say(f"loading {name}")
            if not bundled:
                budget.check_affordable(name)
            model = load_model(name, progress=_download_words(name, say))
            budget.fit_threads(self.line.places)
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

    def record(
        self,
        image: np.ndarray,
        model: str,
        say: Say | None = None,
        target: int | None = None,
        keep: tuple[str, ...] = (),
    ) -> "AttentionRecord":
        """Every layer's attention for a picture, from memory if it was asked for before.

        ``target`` and ``keep`` are those of ``record_attention``: a class whose gradients are taken, and what else the
        record holds.
        """
        key = (fingerprint(image), model, target, keep)
        with self._once(key, say, "waiting for somebody who asked the same"):
            with self._lock:
                if key in self._records:
                    self._records.move_to_end(key)
                    return self._records[key]
            loaded = self.model(model, say)
            from vit.capture import record_attention

            def progress(done: int, _: str) -> None:
                if self._stopped:
                    raise BusyError(CLOSING)
                if say:
                    say(f"layer {done}")

            with self.line.place(say):
                record = record_attention(loaded, image, target=target, progress=progress, keep=keep)
            self._keep(key, record)
            return record

    def heatmap(
        self,
        image: np.ndarray,
        model: str,
        method: str,
        target: int | None = None,
        against: int | None = None,
        say: Say | None = None,
        **options: Any,
    ) -> "Heatmap":
        """A method's map of a picture, recorded with what the method needs and no more.

        ``target`` is the class that a method with gradients explains; without one, the likeliest. ``against`` is a
        second class: the map is then the first class's minus the second's, and signed.
        """
        from vit.methods import explain, get_method
        from vit.methods.difference import compare_classes
        from vit.methods.gradients import likeliest_class

        chosen = get_method(method)
        if not chosen.of_a_class:
            target = None
        elif target is None:
            target = likeliest_class(self.record(image, model, say))
        record = self.record(image, model, say, target=target, keep=chosen.keep)
        if against is None:
            return explain(record, method, **options)
        other = self.record(image, model, say, target=against, keep=chosen.keep)
        return compare_classes(record, other, method, **options)[2]

    def what_if(
        self,
        image: np.ndarray,
        model: str,
        hide: "Tensor | None" = None,
        silence: "Sequence[Silenced]" = (),
        say: Say | None = None,
    ) -> "WhatIf":
        """The answer with patches hidden and heads silent, beside the answer without; nothing of it is kept."""
        from vit.what_if import what_if

        loaded = self.model(model, say)
        with self.line.place(say):
            return what_if(loaded, image, hide, silence)

    def measure(self, image: np.ndarray, model: str, name: str, say: Say | None = None, **options: Any) -> "Measured":
        """What a measure finds on a picture; what it needs of the record and of the model is seen to."""
        from vit.measures import get_measure, measure
        from vit.measures.registry import check_options
        from vit.models.parts import parts

        chosen = get_measure(name)
        check_options(name, options)
        record = self.record(image, model, say, keep=chosen.keep)
        return measure(record, name, **options, **parts(self.model(model, say), record, chosen.parts))

    def check(
        self,
        image: np.ndarray,
        model: str,
        maps: "Sequence[str | Heatmap] | None" = None,
        target: int | None = None,
        say: Say | None = None,
        progress: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> "Check":
        """The truth check of maps of a picture, as ``vit.check``; methods' maps are made of kept records.

        A place is held for one batch at a time, so that nobody waits for the whole of another's check. Of waiting
        ``say`` hears before the first batch alone: afterwards the words stay those of the work.
        """
        loaded = self.model(model, say)
        from vit.truth.check import check, predictor

        predict = predictor(loaded)
        begun = False

        def in_turn(pixels: "Tensor") -> "Tensor":
            nonlocal begun
            with self.line.place(say, silently=begun):
                begun = True
                return predict(pixels)

        def heatmap(method: str, target: int) -> "Heatmap":
            return self.heatmap(image, model, method, target, say=say)

        return check(loaded, image, maps, target, predict=in_turn, heatmap=heatmap, progress=progress, **settings)

    def close(self) -> None:
        """The server is about to end: whoever waits or comes is sent away; what is in work may finish."""
        self.line.close()
        self._loads.close()

    def stop(self) -> None:
        """After ``close``: what is still in work ends at its next layer."""
        self._stopped = True

    def _keep(self, key: tuple, record: "AttentionRecord") -> None:
        with self._lock:
            self._records[key] = record
            while self._records and sum(kept.bytes for kept in self._records.values()) > self.cache_bytes:
                self._records.popitem(last=False)

    def _once(self, key: tuple, say: Say | None, words: str) -> AbstractContextManager[None]:
        """Holds the lock under which a thing is made; whoever comes second waits and then finds it made.

        Locks are held weakly: when nobody makes or awaits the thing any more, its lock is gone.
        """
        with self._lock:
            lock = self._under_way.setdefault(key, threading.Lock())
        return held(lock, say, words)


def _bytes_of(model: "VisionModel") -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.network.parameters())


def _download_words(name: str, say: Say | None) -> Callable[[int, int], None] | None:
    if say is None:
        return None

    def progress(done: int, total: int) -> None:
        of = f" of {total / 1e6:.0f}" if total else ""
        say(f"loading {name}, {done / 1e6:.0f}{of} MB")

    return progress

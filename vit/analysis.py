"""Analysis: pictures through models, remembered. What the page, the command line and HTTP call.

A picture that was seen before costs nothing: records are kept, the least recently used go first, up to a number of
bytes. Safe for many threads; two that ask for the same thing wait for one computation.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from vit import budget
from vit.errors import BusyError
from vit.image import fingerprint
from vit.line import CLOSING, Line, Say
from vit.loaded import LoadedModels
from vit.once import Once

if TYPE_CHECKING:  # torch is imported when the first model is loaded, so that the page opens at once
    from torch import Tensor

    from vit.ablation import Silenced, WhatIf
    from vit.attention import AttentionRecord, Heatmap
    from vit.measures import Measured
    from vit.models.vision_model import VisionModel
    from vit.truth.check import Check


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
        self.cache_bytes = cache_bytes
        self.line = Line(budget.at_once() if at_once is None else at_once)
        self.loaded = LoadedModels(offered, self.line.places)
        self._once = Once()
        self._stopped = False
        self._lock = threading.Lock()  # guards what follows
        self._records: OrderedDict[tuple, AttentionRecord] = OrderedDict()

    @property
    def offered(self) -> tuple[str, ...]:
        """The models that may be asked for; empty: all."""
        return self.loaded.offered

    def models(self) -> list[tuple[str, str]]:
        """The models on offer: (name, a few words about it), the bundled ones first."""
        return self.loaded.on_offer()

    def default_model(self) -> str:
        """The best model whose weights are at hand; with VIT_MODELS, the first of those that is, else its first."""
        return self.loaded.default()

    def spare_model(self) -> str:
        """The best bundled model on offer, for when the default can't be had just now; ModelError if there is none."""
        return self.loaded.spare()

    def model(self, name: str, say: Say | None = None) -> "VisionModel":
        """A loaded model, from memory after the first time."""
        return self.loaded.get(name, say)

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
        if key not in self._records:
            self.model(model, say)  # before anybody waits for the same: who waits for a model waits in its own line
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

    def use(self, record: "AttentionRecord") -> bool:
        """Whether this record is still kept; if so, it counts as asked for just now."""
        with self._lock:
            for key, kept in self._records.items():
                if kept is record:
                    self._records.move_to_end(key)
                    return True
        return False

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
        if against is not None:
            other = self.record(image, model, say, target=against, keep=chosen.keep)
            return compare_classes(record, other, method, **options)[2]
        with self.line.place(say) if chosen.slow else nullcontext():
            return explain(record, method, **options)

    def what_if(
        self,
        image: np.ndarray,
        model: str,
        hide: "Tensor | None" = None,
        silence: "Sequence[Silenced]" = (),
        say: Say | None = None,
    ) -> "WhatIf":
        """The answer with patches hidden and heads silent, beside the answer without; nothing of it is kept."""
        from vit.ablation import what_if

        loaded = self.model(model, say)
        with self.line.place(say):
            return what_if(loaded, image, hide, silence)

    def measure(
        self,
        image: np.ndarray,
        model: str,
        name: str,
        say: Say | None = None,
        record: "AttentionRecord | None" = None,
        **options: Any,
    ) -> "Measured":
        """What a measure finds on a picture; what it needs of the record and of the model is seen to.

        ``record`` is one that holds what it needs, where there is one: a large record is not kept, and would be made
        again for each measure.
        """
        from vit.measures import get_measure, measure
        from vit.measures.registry import check_options
        from vit.models.parts import parts

        chosen = get_measure(name)
        check_options(name, options)
        if record is None:
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
        self.loaded.loads.close()

    def stop(self) -> None:
        """After ``close``: what is still in work ends at its next layer."""
        self._stopped = True

    def _keep(self, key: tuple, record: "AttentionRecord") -> None:
        if record.bytes > self.cache_bytes:  # it would drive out all others, and then itself
            return
        with self._lock:
            self._records[key] = record
            while sum(kept.bytes for kept in self._records.values()) > self.cache_bytes:
                self._records.popitem(last=False)

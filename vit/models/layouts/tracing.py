"""Where every attention layer of any network looks: each token carries its number through the network's own code.

The network is run once with a plain picture while every vector's number goes along: through patch embeddings, window
cuts, rolls, paddings, merges, whatever the network does to it. Where a matrix of shares meets the values, the numbers
of its rows and columns say which token looks at which, whether the layer sees the whole picture, a window of it, or a
coarser grid. No family of networks is known here by name.
"""

from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from vit.models.layouts.calls import (
    ADDITIONS,
    BATCHED,
    FUSED,
    PRODUCTS,
    SOFTMAX,
    calling_module,
    flat,
    modules_by_id,
)
from vit.models.layouts.multihead import MULTIHEAD, multihead
from vit.models.layouts.numbers import MIXED, is_constant, token_names
from vit.models.layouts.rules import RULES, Call, Traced
from vit.models.layouts.sights import Sight, Sights, Sum


class Trace(TorchFunctionMode):
    """Follows the numbers of tokens through everything that this thread computes while it is entered."""

    def __init__(self, network: nn.Module, given: frozenset[str] = frozenset()):
        super().__init__()
        self.sights = Sights()
        self.given = given  # modules whose softmax makes shares even where the numbers of its tokens were lost
        self.modules = modules_by_id(network)
        named = [*network.named_parameters(), *network.named_buffers()]
        self.held = [tensor for _, tensor in named]  # a network may replace a buffer, and its id would be another's
        self.parameters = {id(tensor): name for name, tensor in named}
        self.known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.learned: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # moved parameters, with their names
        self.seen_pixels: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.between_channels: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.weighed: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # tokens times something made of tokens
        self.calls = 0
        self.additions: Counter = Counter()  # of each module

    def begin(self, pixels: Tensor) -> None:
        """The picture's pixels are the finest grid."""
        self.known[pixels] = Traced(self.sights.numbers.grid(*pixels.shape[-2:]).expand(pixels.shape))
        self.seen_pixels[pixels] = True

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is MULTIHEAD:
            with self:
                opened = multihead(*args, **kwargs)
            if opened is not None:
                return opened
        tensors = [each for each in flat((*args, *kwargs.values())) if isinstance(each, Tensor)]
        before = {id(each): self.known.get(each) for each in tensors}
        from_pixels = any(each in self.seen_pixels for each in tensors)
        result = function(*args, **kwargs)
        results = [each for each in flat((result,)) if isinstance(each, Tensor)]
        call_number = self.calls
        self.calls += function is FUSED or function in PRODUCTS
        if function is Tensor.__setitem__ and from_pixels:
            held, value = before.get(id(args[0])), before.get(id(args[2]))
            if held is not None or value is not None:
                self.known[args[0]] = _written(args[0], held, args[1], value)
            self._note_write(args[0])
        if not results:
            return result
        if not from_pixels:
            self._follow_learned(args, results)
            self._note_addition(function, result)
            return result
        for each in results:
            self.seen_pixels[each] = True
        traced = self._follow(function, args, kwargs, result, before, call_number)
        for each, numbers in zip(results, traced if isinstance(traced, list) else [traced], strict=False):
            if numbers is not None and numbers.rows.shape == each.shape:
                self.known[each] = numbers
            else:
                self.known.pop(each, None)
        if id(results[0]) in before:  # in place
            had, has = before[id(results[0])], self.known.get(results[0])
            lost = has is None and (had is not None or function.__name__ not in RULES)
            if lost or (has is not None and not has.same_as(had)):
                self._note_write(results[0])
        self._note_addition(function, result)
        return result

    def _note_write(self, written: Tensor) -> None:
        """Tensors over the same memory have changed along with this one, who knows where: they lose their numbers."""
        memory = written.untyped_storage()._cdata
        for other in list(self.known):
            if other is not written and other.untyped_storage()._cdata == memory:
                del self.known[other]
        self.seen_pixels[written] = True
        if written._base is not None:
            self.seen_pixels[written._base] = True

    def _note_addition(self, function, result: Any) -> None:
        if function.__name__ not in ADDITIONS:
            return
        module, known = self._module(), self.known.get(result)
        if known is not None and known.cols is None:
            self.sights.sums[module] = Sum(self.additions[module], self.calls, known.rows)
        self.additions[module] += 1

    def _follow(self, function, args, kwargs, result, before, call_number: int) -> Any:
        def known(argument: Any) -> Traced | None:
            return before.get(id(argument)) if isinstance(argument, Tensor) else None

        call = Call(function, args, kwargs, result, known, self._token, self.sights.numbers)
        if function is FUSED:
            return self._fused(call, call_number)
        if function in PRODUCTS:
            return self._product(call, call_number)
        if function in SOFTMAX:
            self._note_softmax(call)
            source = known(args[0])
            if (source is None or source.cols is None) and self.given and self._module() in self.given:
                lost = torch.full(result.shape, MIXED)
                return Traced(lost, lost, shares=True)
        elif isinstance(result, Tensor) and any(
            each in self.between_channels for each in args if isinstance(each, Tensor)
        ):
            self.between_channels[result] = True  # scaled, or with a bias
        follow = RULES.get(function.__name__)
        try:
            followed = follow(call) if follow else None
        except (RuntimeError, IndexError, TypeError, ValueError):  # a use of the function that its rule doesn't know
            return None
        self._note_sum(call, followed)
        return followed

    def _follow_learned(self, args, results: list[Tensor]) -> None:
        """A parameter that was only moved or expanded is still that parameter: a learned token keeps its name."""
        first = args[0] if args else None
        if isinstance(first, Tensor) and len(results) == 1:
            name = self.parameters.get(id(first)) or self.learned.get(first)
            if name is not None and results[0] is not first:
                self.learned[results[0]] = name

    def _token(self, tensor: Tensor) -> Tensor | None:
        """A learned token's numbers, in the shape of its tensor ``(…, tokens, channels)``; None if it is none."""
        name = self.parameters.get(id(tensor)) or self.learned.get(tensor)
        if name is None or tensor.ndim < 2 or tensor in self.seen_pixels:
            return None
        names = token_names(name, tensor.shape[-2])
        numbers = torch.tensor([self.sights.numbers.token(each) for each in names])
        return numbers.unsqueeze(-1).expand(tensor.shape)

    def _fused(self, call: Call, call_number: int) -> Traced | None:
        query, key = call.argument(0, "query"), call.argument(1, "key")
        rows, cols = self._vectors(query, call.known(query)), self._vectors(key, call.known(key))
        shape = (*np.broadcast_shapes(query.shape[:-2], key.shape[:-2]), query.shape[-2], key.shape[-2])
        if query.shape[-3:-2] != key.shape[-3:-2]:  # grouped: several heads of queries share one of keys
            shape = (*query.shape[:-1], key.shape[-2])
            cols = None if cols is None else cols.repeat_interleave(query.shape[-3] // key.shape[-3], -2)
        known = call.known(query)
        if known is not None and rows is None:
            self.sights.channels.append(self._module())
            return None
        rows = self._see(call_number, shape, rows, cols, transposed=False, values=call.argument(2, "value"))
        return None if rows is None else call.shaped(rows.unsqueeze(-1))

    def _vectors(self, tensor: Tensor, known: Traced | None) -> Tensor | None:
        """The numbers of the vectors of ``(…, tokens, channels)``; learned queries of a pool have theirs too."""
        if known is not None:
            return known.rows[..., 0] if is_constant(known.rows, -1) else None
        if tensor in self.seen_pixels:
            return None
        count = tensor.shape[-2]
        names = ["pool"] if count == 1 else [f"pool{i + 1}" for i in range(count)]
        return torch.tensor([self.sights.numbers.token(name) for name in names]).expand(tensor.shape[:-1])

    def _product(self, call: Call, call_number: int) -> Traced | None:
        if call.function is torch.einsum:  # no rule yet: shares that end there make an error
            return None
        left, right = call.args[0], call.argument(1, "mat2" if call.function in BATCHED else "other")
        one, other = call.known(left), call.known(right)
        if one is not None and one.cols is not None and (other is None or other.cols is None):
            if not (is_constant(one.rows, -1) and is_constant(one.cols, -2)):
                return None
            rows, cols = one.rows[..., 0], one.cols[..., 0, :]
            if one.shares:
                rows = self._see(call_number, tuple(left.shape), rows, cols, transposed=False)
            return None if rows is None else call.shaped(rows.unsqueeze(-1))
        if other is not None and other.cols is not None and (one is None or one.cols is None):
            if not (is_constant(other.rows, -2) and is_constant(other.cols, -1)):
                return None
            rows, cols = other.rows[..., 0, :], other.cols[..., 0]
            if other.shares:
                rows = self._see(call_number, tuple(right.mT.shape), rows, cols, transposed=True)
            return None if rows is None else call.shaped(rows.unsqueeze(-2))
        if one is not None and other is not None and _looks_around(one, other):
            around = other.rows[..., 0]
            self._see(call_number, tuple(left.shape), around, around, transposed=False)
            return call.shaped(around.unsqueeze(-1))
        if one is not None and other is not None:
            if is_constant(one.rows, -1) and is_constant(other.rows, -2):
                return call.shaped(one.rows[..., :1], other.rows[..., :1, :])
            if tuple(call.result.shape[-2:]).count(1) != 1:  # one column is a weighed sum of tokens (global context)
                self.between_channels[call.result] = True
            if not (is_constant(one.rows, -1) or is_constant(other.rows, -2)):
                self.sights.summed.append(self._module())  # keys times values, over all tokens: linear attention
            return None
        if one is not None:
            return call.shaped(call.numbers.merged(one.rows).unsqueeze(-1))
        return None if other is None else call.shaped(call.numbers.merged(other.rows.mT).unsqueeze(-2))

    def _see(
        self,
        call_number: int,
        shape: tuple[int, ...],
        rows: Tensor | None,
        cols: Tensor | None,
        transposed: bool,
        values: Tensor | None = None,
    ):
        """Keeps a sight; returns the numbers of its rows as what comes out of it has them."""
        rows = None if rows is None else rows.expand(shape[:-1])
        cols = None if cols is None else cols.expand((*shape[:-2], shape[-1]))
        if rows is not None and cols is not None and rows.shape == cols.shape and _same_everywhere(rows, cols):
            # One set of queries for all windows (GCViT): row i of a window writes to the window's slot i.
            rows = cols
        self.sights.seen.append(Sight(self._module(), call_number, transposed, shape, rows, cols, values))
        return rows

    def _note_softmax(self, call: Call) -> None:
        source, known = call.args[0], call.known(call.args[0])
        if source in self.between_channels:
            # A single score compares nothing with anything: of one picture with itself, say.
            alone = source.shape[-2:] == (1, 1)
            (self.sights.one_score if alone else self.sights.channels).append(self._module())
        elif known is not None and known.cols is not None and call.argument(1, "dim") in (-1, source.ndim - 1):
            self.sights.shares.append(self._module())
        elif known is None and source.ndim > 2:  # with two dimensions it may be the classes'
            self.sights.lost.append(self._module())
        elif known is not None and known.cols is None and not is_constant(known.rows, call.argument(1, "dim")):
            self.sights.softmaxes.append(self._module())

    def _note_sum(self, call: Call, followed: Any) -> None:
        """Notes a module that weighs tokens with each other and sums them up over the whole picture (SwiftFormer)."""
        kind = call.function.__name__.strip("_")
        if kind in ("mul", "rmul", "multiply"):
            both = [call.known(each) for each in call.args[:2]]
            tokens = all(each is not None and each.cols is None for each in both)
            if tokens and call.args[0] is not call.args[1] and isinstance(call.result, Tensor):
                self.weighed[call.result] = True
        elif kind == "sum" and call.args[0] in self.weighed and isinstance(followed, Traced):
            before = call.known(call.args[0])
            whole = followed.rows == self.sights.numbers.grid(1, 1)
            if bool(whole.all()) and before is not None and not bool((before.rows == followed.rows.flatten()[0]).all()):
                self.sights.summed.append(self._module())

    def _module(self) -> str:
        module = calling_module(self.modules)
        return "" if module is None else self.modules[id(module)]


def _written(tensor: Tensor, known: Traced | None, where: Any, value: Traced | None) -> Traced:
    """What is known of a tensor after vectors, or scores, were written into a part of it."""
    known = known or Traced(torch.full(tensor.shape, MIXED))
    rows, cols = known.rows.clone(), None if known.cols is None else known.cols.clone()
    rows[where] = MIXED if value is None else value.rows
    if cols is not None:
        cols[where] = MIXED if value is None or value.cols is None else value.cols
    return Traced(rows, cols, known.shares)


def _same_everywhere(rows: Tensor, cols: Tensor) -> bool:
    """Whether the rows are the same in every window while the columns are not."""
    rows, cols = rows.flatten(0, -2), cols.flatten(0, -2)
    return is_constant(rows, 0) and not is_constant(cols, 0)


def _looks_around(one: Traced, other: Traced) -> bool:
    """Whether shares that one place has made by itself meet the values of the places around it (VOLO's outlook).

    The shares ``(…, around, around)`` are all of one place; what comes out is folded back to the places around it, so
    they are the queries as well as the keys.
    """
    square = one.rows.shape[-1] == one.rows.shape[-2] == other.rows.shape[-2]
    by_itself = one.shares and square and is_constant(one.rows, -1) and is_constant(one.rows, -2)
    return by_itself and is_constant(other.rows, -1) and not is_constant(other.rows, -2)

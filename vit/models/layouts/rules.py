"""How the numbers of tokens go through each of torch's functions: one rule for each kind of function.

A function that only moves vectors moves their numbers the same way; one that works on each vector by itself leaves
them; one that mixes vectors merges them. A function without a rule loses them, and a layer that needs them then has
no known place: an error, never a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vit.models.layouts.numbers import MIXED, PADDING, Numbers, is_constant, joined


@dataclass(frozen=True, eq=False)
class Traced:
    """What is known of a tensor, element by element, in its own shape.

    ``rows`` are the numbers of the tokens that its vectors belong to. A matrix of scores has ``cols`` too: its element
    says how token ``rows`` looks at token ``cols``. ``shares`` once it went through a softmax over its last dimension.
    """

    rows: Tensor
    cols: Tensor | None = None
    shares: bool = False

    def same_as(self, other: "Traced | None") -> bool:
        """Whether the numbers are the same."""
        if self is other:
            return True
        if other is None or not torch.equal(self.rows, other.rows):
            return False
        if self.cols is None or other.cols is None:
            return self.cols is other.cols
        return torch.equal(self.cols, other.cols)

    def each(self, move: Callable[[Tensor], Any]) -> Any:
        """The same after a move of both; a list of them where the move gives several."""
        rows, cols = move(self.rows), None if self.cols is None else move(self.cols)
        if isinstance(rows, Tensor):
            return Traced(rows, cols, self.shares)
        return [Traced(row, None if cols is None else cols[i], self.shares) for i, row in enumerate(rows)]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a torch function, with what is known of its arguments."""

    function: Callable
    args: tuple
    kwargs: dict
    result: Any
    known: Callable[[Any], Traced | None]  # what is known of an argument
    token: Callable[[Tensor], Tensor | None]  # a learned token's numbers, in its own shape
    numbers: Numbers

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)

    def shaped(self, rows: Tensor, cols: Tensor | None = None, shares: bool = False) -> Traced:
        """Spread over the shape of the result."""
        shape = self.result.shape
        return Traced(rows.expand(shape), None if cols is None else cols.expand(shape), shares)


RULES: dict[str, Callable[[Call], Any]] = {}


def rule(names: str) -> Callable:
    """Marks how the named functions are followed: a call to a Traced, a list of them, or None."""

    def mark(follow: Callable[[Call], Any]) -> Callable[[Call], Any]:
        RULES.update(dict.fromkeys(names.split(), follow))
        return follow

    return mark


@rule(
    "reshape view permute transpose flatten unflatten roll expand expand_as repeat repeat_interleave squeeze unsqueeze "
    "contiguous clone swapaxes swapdims movedim moveaxis narrow select index_select flip tile detach view_as "
    "reshape_as t adjoint split chunk unbind tensor_split split_with_sizes __getitem__ __get__ pixel_unshuffle "
    "pixel_shuffle gather to float half double type bfloat16"
)
def moved(call: Call) -> Any:
    """Vectors change their places in the tensor, or its number format."""
    known = call.known(call.args[0])
    if known is None or not isinstance(call.result, Tensor | tuple | list):
        return None
    if call.function.__name__ in ("to", "float", "half", "double", "type", "bfloat16"):
        return known
    return known.each(lambda numbers: call.function(numbers, *call.args[1:], **call.kwargs))


@rule(
    "relu relu_ gelu silu silu_ hardswish hardswish_ sigmoid sigmoid_ dropout dropout_ dropout2d layer_norm batch_norm "
    "group_norm instance_norm rms_norm normalize abs exp sqrt rsqrt pow __pow__ neg __neg__ clamp clamp_ type_as tanh "
    "softplus hardtanh hardtanh_ relu6 elu leaky_relu mish hardsigmoid hardsigmoid_ masked_fill masked_fill_ square "
    "clamp_max clamp_min nan_to_num sin cos"
)
def kept(call: Call) -> Traced | None:
    """Each vector is worked on by itself."""
    known = call.known(call.args[0])
    return known if known is not None and known.rows.shape == call.result.shape else None


@rule("copy_")
def copied(call: Call) -> Traced | None:
    """What is written over a whole tensor brings its numbers along."""
    source = call.known(call.argument(1, "src"))
    return None if source is None else call.shaped(source.rows, source.cols, source.shares)


@rule("softmax")
def shared_out(call: Call) -> Traced | None:
    """Over its last dimension a matrix of scores becomes one of shares."""
    known = call.known(call.args[0])
    if known is None or known.rows.shape != call.result.shape:
        return None
    last = call.argument(1, "dim") in (-1, call.result.ndim - 1)
    return Traced(known.rows, known.cols, known.shares or last)


@rule(
    "add sub mul div add_ sub_ mul_ div_ __add__ __sub__ __mul__ __truediv__ __radd__ __rsub__ __rmul__ __rtruediv__ "
    "__iadd__ __isub__ __imul__ __itruediv__ __idiv__ where maximum minimum lerp addcmul true_divide multiply subtract"
)
def combined(call: Call) -> Traced | None:
    """Two tensors, element by element: of two vectors at one place, or of scores with a bias."""
    known = [each for each in map(call.known, call.args) if each is not None]
    if not known:
        return None
    scores = [each for each in known if each.cols is not None]
    known = scores or known  # a bias or a gate changes nothing of who looks at whom
    first = call.shaped(known[0].rows, known[0].cols, any(each.shares for each in known))
    for each in known[1:]:
        other = call.shaped(each.rows, each.cols)
        cols = None if first.cols is None or other.cols is None else joined(first.cols, other.cols)
        first = Traced(joined(first.rows, other.rows), cols, first.shares)
    return first


@rule("cat concat concatenate stack")
def put_together(call: Call) -> Traced | None:
    """Tokens side by side, learned ones among them."""
    parts = call.args[0]
    known = [call.known(part) for part in parts]
    if not any(known):
        return None
    if any(each is not None and each.cols is not None for each in known):
        return None  # scores beside something else: whose they are is not known
    rows = []
    for part, each in zip(parts, known, strict=True):
        learned = call.token(part) if each is None else each.rows
        rows.append(torch.full(part.shape, MIXED) if learned is None else learned)
    return Traced(call.function(rows, *call.args[1:], **call.kwargs))


@rule("linear")
def mixed_in_channels(call: Call) -> Traced | None:
    """The last dimension is mixed: channels of one vector, or of those that lie side by side in it."""
    known = call.known(call.args[0])
    if known is None:
        return None
    if known.cols is not None:  # scores whose last dimension is their heads
        if not (is_constant(known.rows, -1) and is_constant(known.cols, -1)):
            return None
        return call.shaped(known.rows[..., :1], known.cols[..., :1], known.shares)
    return call.shaped(call.numbers.merged(known.rows).unsqueeze(-1))


@rule(
    "conv2d conv_transpose2d avg_pool2d max_pool2d adaptive_avg_pool2d adaptive_max_pool2d interpolate "
    "boolean_dispatch fn _max_pool2d lp_pool2d"
)
def mixed_in_space(call: Call) -> Traced | None:
    """A convolution or pooling: cells keep their places, or become those of a coarser (or finer) grid."""
    known = call.known(call.args[0])
    if known is None or not isinstance(call.result, Tensor) or call.result.ndim != 4 or known.rows.ndim != 4:
        return None
    rows, cols = call.result.shape[2:]
    if known.cols is not None:  # a 1 × 1 mix of the heads of scores
        if known.rows.shape[2:] != (rows, cols) or not (is_constant(known.rows, 1) and is_constant(known.cols, 1)):
            return None
        return call.shaped(known.rows[:, :1], known.cols[:, :1], known.shares)
    cells = call.numbers.merged(known.rows.movedim(1, -1))  # (batch, rows, cols)
    if tuple(cells.shape[1:]) != (rows, cols):
        resampled = call.numbers.resampled(cells, rows, cols)
        if resampled is None:
            return None
        cells = resampled
    return call.shaped(cells.unsqueeze(1))


@rule("conv1d conv3d")
def mixed_at_one_place(call: Call) -> Traced | None:
    """A convolution over a list of tokens, or over several maps of them, as long as it changes no number of places."""
    known = call.known(call.args[0])
    if known is None or known.cols is not None or known.rows.shape[2:] != call.result.shape[2:]:
        return None
    return call.shaped(known.rows[:, :1]) if is_constant(known.rows, 1) else None


@rule("avg_pool1d")
def pooled_in_order(call: Call) -> Traced | None:
    """Every so many tokens of a list become one: ``(batch, channels, tokens)``."""
    known, several = call.known(call.args[0]), call.argument(1, "kernel_size")
    several = several[0] if isinstance(several, tuple | list) else several
    if known is None or known.cols is not None or known.rows.shape[-1] != several * call.result.shape[-1]:
        return None
    merged = call.numbers.merged(known.rows.unflatten(-1, (-1, several)))
    if bool((merged == MIXED).any()):
        runs = call.numbers.runs(known.rows, several)
        merged = merged if runs is None else runs
    return Traced(merged)


@rule("mean sum amax max amin")
def reduced(call: Call) -> Any:
    """Vectors along a dimension become one."""
    known, dim = call.known(call.args[0]), call.argument(1, "dim")
    if known is None or known.cols is not None or not isinstance(dim, int):
        return None
    rows = call.numbers.merged(known.rows.movedim(dim, -1))
    first = call.result if isinstance(call.result, Tensor) else call.result[0]
    return Traced(rows.unsqueeze(dim) if first.ndim > rows.ndim else rows)


@rule("pad")
def padded(call: Call) -> Traced | None:
    known, mode = call.known(call.args[0]), call.argument(2, "mode", "constant")
    if known is None or mode != "constant":
        return None
    return known.each(lambda numbers: F.pad(numbers, call.argument(1, "pad"), value=PADDING))


@rule("unfold")
def unfolded(call: Call) -> Traced | None:
    """Sliding windows, of a tensor's dimension or of a picture."""
    known = call.known(call.args[0])
    if known is None:
        return None
    if call.function is not F.unfold:
        return known.each(lambda numbers: call.function(numbers, *call.args[1:], **call.kwargs))
    # A picture's windows are cut from floats, and beside it lies 0: doubles hold the numbers exactly, moved up by one.
    shift = -PADDING
    return known.each(lambda n: call.function((n + shift).double(), *call.args[1:], **call.kwargs).long() - shift)


@rule("fold")
def folded(call: Call) -> Traced | None:
    """Overlapping windows are added up where they came from."""
    known = call.known(call.args[0])
    if known is None or call.result.ndim != 4:
        return None
    rows, cols = call.result.shape[2:]
    return call.shaped(call.numbers.grid(rows, cols))

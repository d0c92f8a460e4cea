"""What one traced run of a network has shown: matrices on their way to the values, and sums of tokens."""

from dataclasses import dataclass, field

from torch import Tensor

from vit.models.layouts.numbers import Numbers


@dataclass(frozen=True, eq=False)
class Sight:
    """One matrix of shares on its way to the values: which call it was, and whose rows and columns it holds."""

    module: str  # the path of the module in whose forward the call was made
    call: int  # the number of the call among all products and fused attentions of the run
    transposed: bool  # the values came first: v · Aᵀ
    shape: tuple[int, ...]  # of the matrix: (…, queries, keys)
    rows: Tensor | None  # numbers (…, queries); None where they were lost
    cols: Tensor | None  # numbers (…, keys)
    values: Tensor | None = None  # what the matrix is multiplied with, where it is a fused attention's


@dataclass(frozen=True, eq=False)
class Sum:
    """The result of an addition in a module: the tokens after a block, if it is the block's last."""

    number: int  # of the addition among all of this module
    after: int  # the number of products and fused attentions before it
    numbers: Tensor  # of its elements, in the shape of the result


@dataclass(eq=False)
class Sights:
    """What a run has shown."""

    numbers: Numbers = field(default_factory=Numbers)
    seen: list[Sight] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)  # modules with a softmax over scores of one token for another
    channels: list[str] = field(default_factory=list)  # modules whose attention runs between channels
    one_score: list[str] = field(default_factory=list)  # modules with a softmax over a single score
    summed: list[str] = field(default_factory=list)  # modules that sum up tokens, weighed by what the tokens are
    softmaxes: list[str] = field(default_factory=list)  # modules with a softmax over tokens that makes no map
    lost: list[str] = field(default_factory=list)  # modules with a softmax over something whose numbers were lost
    sums: dict[str, Sum] = field(default_factory=dict)  # of each module, the last addition of tokens with a place
    answer: Tensor | None = None  # numbers of what the network puts out; None where they were lost

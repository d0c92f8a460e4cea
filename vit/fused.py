"""The matrix inside torch's fused attention, which never leaves its kernel: computed once more, beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


def attention_weights(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The matrix inside ``scaled_dot_product_attention``: ``softmax(query · keyᵀ · scale + mask)``, in float32.

    Takes what that function takes but the values, ``(…, heads, queries, width)`` and ``(…, heads, keys, width)``, and
    returns ``(…, heads, queries, keys)``. Source: the reference code in torch's documentation of the function.
    """
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    if enable_gqa and key.shape[-3] != query.shape[-3]:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])  # one head of keys may serve many of queries
    query, key = query.expand(*lead, -1, -1), key.expand(*lead, -1, -1)
    # One fused product and scaling; beta=0 says that nothing is to be added to it.
    flat_query, flat_key = query.float().flatten(0, -3), key.float().flatten(0, -3)  # (… * heads, tokens, width)
    scores = torch.baddbmm(flat_query.new_empty(1, 1, 1), flat_query, flat_key.mT, beta=0, alpha=factor)
    scores = scores.unflatten(0, lead)  # (…, heads, queries, keys)
    if is_causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), float("-inf"))
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf")) if attn_mask.dtype == torch.bool else scores + attn_mask
    # In place where no gradient needs the scores: a fresh matrix for every layer costs more than the softmax itself.
    return torch.softmax(scores, dim=-1, out=None if scores.requires_grad else scores)


@dataclass(frozen=True, eq=False)
class KeptScores:
    """A fused attention's queries and keys, kept in place of the matrix that they make.

    They grow with the number of tokens, the matrix with its square: for vit_base at 384 pixels they take a fifth.
    """

    query: Tensor  # (…, heads, queries, width)
    key: Tensor  # (…, heads, keys, width)
    more: dict[str, Any]  # the rest of what attention_weights takes: mask, scale, …
    arrange: Callable[[Tensor], Tensor]  # (…, heads, queries, keys) to (windows, heads, queries, keys)
    shape: tuple[int, ...]  # (windows, heads, queries, keys)

    @property
    def bytes(self) -> int:
        kept = [each for each in (self.query, self.key, *self.more.values()) if isinstance(each, Tensor)]
        return sum(each.numel() * each.element_size() for each in kept)

    @torch.no_grad()
    def __call__(self) -> Tensor:
        return self.arrange(attention_weights(self.query, self.key, **self.more).float())

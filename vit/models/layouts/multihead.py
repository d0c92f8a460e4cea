"""torch's ``nn.MultiheadAttention`` opened up: the same steps, each a call that can be seen.

Its own function computes everything inside, where no mode looks. These are its steps for the plain case (one weight
for query, key and value, nothing added to the keys), in the same order, so the result is the same to the last bit.
Where the shares are asked for too, its own steps round otherwise: there the result is the same but for rounding.
"""

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

MULTIHEAD = F.multi_head_attention_forward


def seen_by(mode: TorchFunctionMode, args: tuple, kwargs: dict) -> tuple[Tensor, Tensor | None]:
    """What the function returns, in steps that the mode sees; in one where the case isn't plain."""
    with mode:
        opened = multihead(*args, **kwargs)
    return MULTIHEAD(*args, **kwargs) if opened is None else opened


def multihead(
    query: Tensor,  # (tokens, batch, width)
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    **more,
) -> tuple[Tensor, Tensor | None] | None:
    """What ``F.multi_head_attention_forward`` returns; None for a case that isn't the plain one."""
    unusual = ("key_padding_mask", "attn_mask", "use_separate_proj_weight", "static_k", "static_v", "is_causal")
    if any(more.get(name) not in (None, False) for name in unusual):
        return None
    if bias_k is not None or bias_v is not None or add_zero_attn or in_proj_weight is None or query.ndim != 3:
        return None
    tokens, batch, width = query.shape
    head = width // num_heads
    project = getattr(F, "_in_projection_packed")  # noqa: B009 (not among its public names)
    projected = project(query, key, value, in_proj_weight, in_proj_bias)
    queries, keys, values = [
        each.view(each.shape[0], batch * num_heads, head).transpose(0, 1).view(batch, num_heads, each.shape[0], head)
        for each in projected
    ]  # each (batch, heads, tokens, width of a head)
    mixed = F.scaled_dot_product_attention(queries, keys, values, None, dropout_p if training else 0.0, False)
    mixed = mixed.permute(2, 0, 1, 3).contiguous().view(batch * tokens, width)
    result = F.linear(mixed, out_proj_weight, out_proj_bias).view(tokens, batch, -1)
    if not more.get("need_weights", True):
        return result, None
    shares = (queries * head**-0.5 @ keys.mT).softmax(-1)  # (batch, heads, queries, keys)
    return result, shares.mean(1) if more.get("average_attn_weights", True) else shares

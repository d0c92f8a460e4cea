"""How much memory a model would take, known before a byte of it is fetched.

The network is built, and a picture goes through it, on torch's "meta" device, where tensors have shapes and no numbers:
a network of a billion parameters is weighed in a second.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from vit.models.bundled import build, bundled_names, read_card

_SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)


@dataclass(frozen=True)
class Weight:
    weights: int  # bytes of the network's parameters
    maps: int  # bytes of all attention matrices for one picture, in float32


@lru_cache(maxsize=256)
def weigh(name: str) -> Weight | None:
    """What a model that ``load_model`` takes would need; None where that isn't known without its weights."""
    try:
        with torch.device("meta"), torch.no_grad():
            network, size = _unfilled(name)
            count = Count()
            with count:
                network(torch.zeros(1, 3, *size))
    except Exception:  # no such model, or one that needs numbers to be built or run: ``load_model`` will say so
        return None
    return Weight(sum(each.numel() * each.element_size() for each in network.parameters()), count.bytes)


def _unfilled(name: str) -> tuple[nn.Module, tuple[int, int]]:
    """The network without numbers, in eval mode, and the size (height, width) of the pictures it takes."""
    if name in bundled_names():
        card = read_card(name)
        return build(card).eval(), card.shape["image_size"]
    import timm
    from timm.data.config import resolve_model_data_config

    from vit.models.timm_models import known_name

    network = timm.create_model(known_name(name, pretrained=True), pretrained=False).eval()
    _, height, width = resolve_model_data_config(network)["input_size"]
    return network, (height, width)


class Count(TorchFunctionMode):
    """Adds up the matrices of all fused attentions and softmaxes that are called while it is entered.

    A layer that mixes two softmaxes into one map (ConViT's gates) counts twice: its work takes that much too.
    """

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is F.multi_head_attention_forward:  # nn.MultiheadAttention, which computes all inside
            queries, keys, heads = args[0], args[1], args[4]  # (tokens, batch, width) each
            self.bytes += 4 * heads * queries.shape[:-1].numel() * keys.shape[0]
        elif function is F.scaled_dot_product_attention and len(args) >= 2:
            self.bytes += 4 * args[0].shape[:-1].numel() * args[1].shape[-2]
        elif function in _SOFTMAX and result.ndim > 2:
            self.bytes += 4 * result.numel()
        return result

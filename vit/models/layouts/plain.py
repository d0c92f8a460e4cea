"""Plain Vision Transformers: every layer sees the prefix tokens and all patches, in raster order.

ViT, DeiT (CLS, DIST), DINOv2 (CLS, registers), BEiT, EVA-02, SigLIP (no prefix), and the attention pool at the end of
some, in which one learned query looks at all patches.
"""

import torch
from torch import nn

from vit.attention import Grid, TokenLayout
from vit.models.layouts import Place, Sides, layout


@layout
def plain(place: Place) -> Sides | None:
    """Every token looks at every token: ``(1, heads, prefix + patches, prefix + patches)``."""
    grid, prefix = patch_grid(place.network, place.image_size), prefix_names(place.network)
    if grid is None or prefix is None:
        return None
    tokens = TokenLayout.whole(grid, prefix)
    return tokens, tokens


@layout
def pool(place: Place) -> Sides | None:
    """One learned query looks at the patches (and at the prefix, in some models): ``(1, heads, 1, tokens)``."""
    grid, prefix = patch_grid(place.network, place.image_size), prefix_names(place.network)
    if grid is None or prefix is None or place.name.rpartition(".")[2] != "attn_pool":
        return None
    asking = TokenLayout(grid, ("pool",), torch.zeros(1, 1, dtype=torch.int64))
    with_prefix = place.shape[3] == len(prefix) + grid.size
    return asking, TokenLayout.whole(grid, prefix if with_prefix else ())


def patch_grid(network: nn.Module, image_size: tuple[int, int]) -> Grid | None:
    """The grid that the patch embedding makes of a picture of this size; None if the network has none."""
    embedding = getattr(network, "patch_embed", None)
    if embedding is None or not (hasattr(network, "pos_embed") or hasattr(network, "rope")):
        return None
    if hasattr(embedding, "dynamic_feat_size"):  # timm's
        return Grid(*map(int, embedding.dynamic_feat_size(image_size)))
    if isinstance(getattr(embedding, "patch", None), int):  # ours
        return Grid(image_size[0] // embedding.patch, image_size[1] // embedding.patch)
    return None


def prefix_names(network: nn.Module) -> tuple[str, ...] | None:
    """The names of the tokens before the patches, read from the parameters that hold them, not from their number.

    None where the network says it has another number of them than its parameters account for.
    """
    names: list[str] = []
    for parameter, name in (("cls_token", "cls"), ("dist_token", "dist"), ("reg_token", "reg")):
        held = getattr(network, parameter, None)
        if held is not None:
            names += [f"reg{i + 1}" for i in range(held.shape[1])] if name == "reg" else [name] * held.shape[1]
    if getattr(network, "num_prefix_tokens", len(names)) != len(names) or len(set(names)) != len(names):
        return None
    return tuple(names)

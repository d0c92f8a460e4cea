"""What a network knows before it sees a picture: its position embeddings and the filters of its patch embedding."""

import torch
from torch import Tensor, nn

from vit.errors import ModelError
from vit.models.vision_model import VisionModel


def position_embeddings(model: VisionModel) -> Tensor:
    """The learned embedding of each patch's place, ``(rows, cols, width)``, on the grid that the weights have.

    Prefix tokens have no place and are left out. ModelError where places are known otherwise (relative or rotary
    positions, convolutions), or the embeddings' grid can't be vouched for.
    """
    network = model.network
    positions = getattr(network, "pos_embed", None)
    if positions is None:  # timm's NaFlexViT
        positions = getattr(getattr(network, "embeds", None), "pos_embed", None)
    if not isinstance(positions, Tensor):
        raise ModelError(
            f"{model.name} adds no position embeddings to its patches, or none that are known here: such networks know "
            "where a patch is in other ways, as by how far two patches are apart."
        )
    positions = positions.detach().float()
    patches = getattr(network, "patch_embed", None)
    if positions.ndim == 4 and positions.shape[0] == 1 and not hasattr(network, "pos_embed_window"):  # a second part
        made = getattr(getattr(patches, "proj", None), "out_channels", None)
        width = getattr(network, "embed_dim", made if made == positions.shape[1] else positions.shape[-1])
        if positions.shape[-1] == width:
            return positions[0]
        if positions.shape[1] == width:  # channels first
            return positions[0].permute(1, 2, 0)
    grid = getattr(network, "grid", None) or getattr(patches, "grid_size", None)
    if positions.ndim == 3 and positions.shape[0] == 1 and grid is not None:
        rows, cols = grid
        prefix = positions.shape[1] - rows * cols
        if prefix in (0, _prefix_tokens(network)):
            return positions[0, prefix:].reshape(rows, cols, -1)
    raise ModelError(f"On which grid the position embeddings of {model.name} lie is not known.")


def patch_filters(model: VisionModel) -> Tensor:
    """The filters that turn patches into tokens, ``(width, 3, height, width of a patch)``, for pixels from 0 to 1.

    The network takes ``(pixel − mean) / std``, so its weights are divided by ``std`` here; the mean is a constant.
    ModelError where more than one linear map stands between pixels and tokens.
    """
    embedding = getattr(model.network, "patch_embed", None)
    projection = getattr(embedding, "proj", None)
    if not isinstance(projection, nn.Conv2d) or projection.in_channels != 3 or hasattr(embedding, "backbone"):
        raise ModelError(
            f"{model.name} does not turn pixels into tokens by one linear map, so its filters are no pictures."
        )
    weights = projection.weight.detach().float()  # (width, 3, height, width of a patch)
    return weights / torch.tensor(model.prepare.std).view(1, 3, 1, 1)


def _prefix_tokens(network: nn.Module) -> int:
    """How many tokens of the network are no patch, as it says itself."""
    ours = getattr(network, "prefix", None)
    return len(ours) if isinstance(ours, tuple) else int(getattr(network, "num_prefix_tokens", 0))

"""The Vision Transformer, from scratch, and DeiT, which adds one token to it.

A picture is cut into square patches, each patch becomes a vector (a *token*), and a stack of equal
blocks lets every token look at every other. One extra token, CLS, collects what the classifier needs.

Papers: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (ViT), https://arxiv.org/abs/2010.11929
        Touvron et al. 2021, "Training data-efficient image transformers" (DeiT), https://arxiv.org/abs/2012.12877

Parameter names are timm's, so a timm checkpoint of a plain ``vit_*`` or ``deit_*`` loads as it is. It may be
shown pictures of any other size afterwards: position embeddings are interpolated on the way, as timm does it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit.errors import ModelError


def patch_grid(image_size: tuple[int, int], patch: int) -> tuple[int, int]:
    """The (rows, cols) of patches in a picture of (height, width) pixels; ModelError if they don't fit exactly."""
    height, width = image_size
    if height < patch or width < patch or height % patch or width % patch:
        raise ModelError(
            f"A picture of {height} × {width} pixels can't be cut into patches of {patch} × {patch}: "
            f"resize it so that both sides are multiples of {patch}."
        )
    return height // patch, width // patch


class PatchEmbedding(nn.Module):
    """Cuts the picture into patches and turns each into a token by one linear map.

    A convolution whose stride equals its kernel is exactly that: the same linear map on every patch.
    """

    def __init__(self, patch: int, width: int):
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, pixels: Tensor) -> Tensor:
        patch_grid((pixels.shape[-2], pixels.shape[-1]), self.patch)  # an error rather than a strip left unseen
        tokens = self.proj(pixels)  # (batch, width, rows, cols)
        return tokens.permute(0, 2, 3, 1)  # (batch, rows, cols, width)


class Attention(nn.Module):
    """Every token asks (query), offers (key) and tells (value); the answers are mixed by how well they fit.

    The mix is made in three steps, in each head by itself:

        scores = queries @ keys.transpose(-2, -1) / sqrt(width of a head)   # (batch, heads, queries, keys)
        attention = scores.softmax(dim=-1)   # every query's row sums to 1: this is what we draw
        mixed = attention @ values   # (batch, heads, tokens, width of a head)

    ``scaled_dot_product_attention`` does all three at once, without ever writing the matrix down. timm calls it too,
    and the answers are then timm's to the last bit: the three steps one by one round differently, which twelve wide
    layers amplify to 6e-6 in the logits. The Swin beside this file takes them one by one.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, width of a head)
        mixed = F.scaled_dot_product_attention(queries, keys, values)  # (batch, heads, tokens, width of a head)
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, width))


class MLP(nn.Module):
    """Two linear maps with a GELU between, on each token by itself."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))


def drop_path(update: Tensor, share: float, training: bool) -> Tensor:
    """Stochastic depth (Huang et al. 2016, https://arxiv.org/abs/1603.09382).

    In training, leaves out a block's update for a random ``share`` of the pictures and scales the others up,
    so that the expected update stays the same. Outside training it does nothing.
    """
    if share == 0.0 or not training:
        return update
    keep = torch.rand(update.shape[0], *[1] * (update.ndim - 1), device=update.device) >= share
    return update * keep / (1.0 - share)


class Block(nn.Module):
    """One layer: tokens look at each other, then each thinks for itself. Both add to the residual stream."""

    def __init__(self, width: int, heads: int, mlp_ratio: float, drop: float = 0.0):
        super().__init__()
        self.drop = drop
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, int(width * mlp_ratio))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + drop_path(self.attn(self.norm1(tokens)), self.drop, self.training)
        return tokens + drop_path(self.mlp(self.norm2(tokens)), self.drop, self.training)


class ViT(nn.Module):
    """A Vision Transformer; with ``distilled=True``, a DeiT with a distillation token beside CLS.

    Takes pixels ``(batch, 3, height, width)`` whose sides are multiples of ``patch`` (else ModelError), returns
    logits ``(batch, classes)``. Any such size works: position embeddings are interpolated to its grid.
    With ``classes=0`` there is no classifier, and the normed token itself comes out, ``(batch, width)``.
    """

    def __init__(
        self,
        image_size: tuple[int, int] = (224, 224),
        patch: int = 16,
        width: int = 192,
        depth: int = 12,
        heads: int = 3,
        mlp_ratio: float = 4.0,
        classes: int = 1000,
        distilled: bool = False,
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.image_size, self.patch, self.distilled = image_size, patch, distilled
        self.grid = patch_grid(image_size, patch)  # (rows, cols) of the position embeddings
        self.prefix = ("cls", "dist") if distilled else ("cls",)  # the tokens that are no patch, in order

        self.patch_embed = PatchEmbedding(patch, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if distilled:
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, len(self.prefix) + self.grid[0] * self.grid[1], width))
        # Deeper blocks are left out more often, as in DeiT.
        drops = [drop_path * layer / max(depth - 1, 1) for layer in range(depth)]
        self.blocks = nn.Sequential(*[Block(width, heads, mlp_ratio, drop) for drop in drops])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes) if classes else nn.Identity()
        if distilled:
            self.head_dist = nn.Linear(width, classes) if classes else nn.Identity()
        self.apply(start_weights)
        for token in (self.pos_embed, self.cls_token, *([self.dist_token] if distilled else [])):
            nn.init.trunc_normal_(token, std=0.02)

    def embed(self, pixels: Tensor) -> Tensor:
        """Pixels to the first block's tokens: ``(batch, prefix + rows * cols, width)``, each knowing its place."""
        patches = self.patch_embed(pixels)  # (batch, rows, cols, width)
        batch, rows, cols, width = patches.shape
        prefix = [self.cls_token, self.dist_token] if self.distilled else [self.cls_token]
        tokens = torch.cat([token.expand(batch, -1, -1) for token in prefix] + [patches.reshape(batch, -1, width)], 1)
        return tokens + resize_positions(self.pos_embed, len(self.prefix), self.grid, (rows, cols))

    def forward_features(self, pixels: Tensor) -> Tensor:
        """The last layer's tokens after the final norm: ``(batch, prefix + rows * cols, width)``."""
        return self.norm(self.blocks(self.embed(pixels)))

    def heads(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """One tensor of logits ``(batch, classes)`` for each classifying token: CLS, and DIST where there is one.

        Training with a teacher needs them apart: CLS learns from the label, DIST from the teacher's answer.
        """
        return self.by_token(self.forward_features(pixels))

    def by_token(self, normed: Tensor) -> tuple[Tensor, ...]:
        """The same from the normed tokens of the last layer, ``(batch, tokens, width)``."""
        by_class = self.head(normed[:, 0])
        return (by_class, self.head_dist(normed[:, 1])) if self.distilled else (by_class,)

    def forward_head(self, normed: Tensor) -> Tensor:
        """Normed tokens ``(batch, tokens, width)`` to logits ``(batch, classes)``."""
        # DeiT answers with the mean of its two heads (paper, section 4).
        return torch.stack(self.by_token(normed)).mean(0)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(pixels))


def resize_positions(positions: Tensor, prefix: int, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Position embeddings for a grid of another size; the prefix tokens have no place and stay as they are.

    ``positions`` is ``(1, prefix + old rows * old cols, width)``. Bicubic with antialiasing, as timm does it.
    """
    if old == new:
        return positions
    fixed, grid = positions[:, :prefix], positions[:, prefix:]
    grid = grid.reshape(1, *old, -1).permute(0, 3, 1, 2)  # (1, width, rows, cols)
    # In float32 whatever the weights are: half precision would round each of the bicubic's sums.
    grid = F.interpolate(grid.float(), size=new, mode="bicubic", antialias=True).to(positions.dtype)
    return torch.cat([fixed, grid.permute(0, 2, 3, 1).reshape(1, new[0] * new[1], -1)], dim=1)


def start_weights(module: nn.Module) -> None:
    """The start that DeiT's and Swin's code uses for linear maps: small truncated normals, zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

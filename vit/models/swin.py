"""The Swin Transformer, from scratch: attention inside small windows, on a grid that gets coarser.

In a ViT every patch looks at every other, which costs the square of their number. Swin cuts the grid into windows
and lets a patch look only at its own window. Every second block first rolls the grid by half a window, so that
what was a border lies inside a window and news can cross it. Between stages 2 × 2 patches merge into one. There
is no CLS token: the classifier reads the mean of all patches. Where a patch sits is not added to it; each head
adds a learned number to the score of a pair instead, which depends only on how far apart the two are.

Paper: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
       https://arxiv.org/abs/2103.14030

Parameter names are timm's, so a timm checkpoint of a ``swin_*`` loads as it is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit.models.vit import MLP, drop_path, patch_grid, start_weights

Size = tuple[int, int]  # (rows, cols), in patches unless it says pixels


class PatchEmbedding(nn.Module):
    """Cuts the picture into patches, turns each into a token by one linear map, and norms it."""

    def __init__(self, patch: int, width: int):
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, pixels: Tensor) -> Tensor:
        patch_grid((pixels.shape[-2], pixels.shape[-1]), self.patch)  # an error rather than a strip left unseen
        return self.norm(self.proj(pixels).permute(0, 2, 3, 1))  # (batch, rows, cols, width)


def partition(grid: Tensor, window: Size) -> Tensor:
    """Cuts a grid into windows, in raster order: ``(batch, rows, cols, width)`` to ``(batch * windows, slots, width)``.

    The slots of a window are its patches in raster order. The sides must be multiples of the window's.
    """
    batch, rows, cols, width = grid.shape
    down, across = rows // window[0], cols // window[1]
    # (batch, down, window rows, across, window cols, width) to (batch, down, across, window rows, window cols, width)
    tiles = grid.reshape(batch, down, window[0], across, window[1], width).transpose(2, 3)
    return tiles.reshape(batch * down * across, window[0] * window[1], width)


def unpartition(windows: Tensor, window: Size, grid: Size) -> Tensor:
    """Puts the windows back: ``(batch * windows, slots, width)`` to ``(batch, rows, cols, width)``."""
    down, across = grid[0] // window[0], grid[1] // window[1]
    tiles = windows.reshape(-1, down, across, *window, windows.shape[-1]).transpose(2, 3)  # the other way round
    return tiles.reshape(-1, *grid, windows.shape[-1])


def relative_positions(window: Size, table: Size) -> Tensor:
    """Which entry of the bias table each pair of slots uses: ``(queries, keys)``.

    The table has an entry for each offset query − key in a window of size ``table``: −(rows − 1) … rows − 1 down, the
    same across, flattened row by row. A smaller window uses its middle.
    """
    rows, cols = torch.meshgrid(torch.arange(window[0]), torch.arange(window[1]), indexing="ij")
    rows, cols = rows.flatten(), cols.flatten()  # each (slots,)
    down = rows[:, None] - rows[None, :] + table[0] - 1  # (queries, keys), from 0
    across = cols[:, None] - cols[None, :] + table[1] - 1
    return down * (2 * table[1] - 1) + across


def shift_mask(grid: Size, window: Size, shift: Size) -> Tensor:
    """Keeps patches apart that only the roll made neighbours: ``(windows, queries, keys)``, 0 or −100.

    After the roll, the last window of a row holds patches of the right edge and, beyond the seam, of the left. Either
    side has three bands (before the last window, in it before the seam, beyond the seam); a pair in two different
    regions gets −100, which the softmax turns into nothing. ``grid`` is the padded one.
    """
    bands = torch.zeros(grid[0]), torch.zeros(grid[1])
    for band, extent, by in zip(bands, window, shift, strict=True):
        if by:
            band[-extent:-by], band[-by:] = 1, 2
    regions = bands[0][:, None] * 3 + bands[1][None, :]  # (rows, cols)
    regions = partition(regions[None, :, :, None], window).squeeze(-1)  # (windows, slots)
    return (regions[:, :, None] != regions[:, None, :]) * -100.0


class WindowAttention(nn.Module):
    """The attention of a ViT inside each window, with a learned bias for each offset and head."""

    def __init__(self, width: int, heads: int, window: Size):
        super().__init__()
        self.heads, self.window = heads, window
        self.scale = (width // heads) ** -0.5
        offsets = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, tokens: Tensor, window: Size, mask: Tensor | None) -> Tensor:
        """``tokens`` is ``(batch * windows, slots, width)``; ``mask`` is ``(windows, slots, slots)`` or None."""
        count, slots, width = tokens.shape
        qkv = self.qkv(tokens).reshape(count, slots, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)  # each (batch * windows, heads, slots, width of a head)
        scores = (queries * self.scale) @ keys.transpose(-2, -1)  # (batch * windows, heads, queries, keys)
        pairs = relative_positions(window, self.window).to(tokens.device)  # (queries, keys)
        scores = scores + self.relative_position_bias_table[pairs].permute(2, 0, 1)  # the bias: (heads, queries, keys)
        if mask is not None:
            windows = mask.shape[0]
            scores = scores.reshape(-1, windows, self.heads, slots, slots) + mask[:, None]  # one mask for all heads
            scores = scores.reshape(count, self.heads, slots, slots)
        attention = scores.softmax(dim=-1)  # every query's row sums to 1: this is what we draw
        mixed = attention @ values  # (batch * windows, heads, slots, width of a head)
        return self.proj(mixed.transpose(1, 2).reshape(count, slots, width))


class SwinBlock(nn.Module):
    """One layer: patches look around in their window, then each thinks for itself."""

    def __init__(self, width: int, heads: int, window: Size, shifted: bool, mlp_ratio: float, drop: float = 0.0):
        super().__init__()
        self.window, self.shifted, self.drop = window, shifted, drop
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.mlp = MLP(width, int(width * mlp_ratio))

    def windowing(self, grid: Size) -> tuple[Size, Size]:
        """The window (rows, cols) and the shift (down, across) that this block uses on a grid.

        Where the grid is no larger than the window, the window is its whole side, with no border to shift away.
        """
        rows, cols = min(self.window[0], grid[0]), min(self.window[1], grid[1])
        down = rows // 2 if self.shifted and grid[0] > rows else 0
        across = cols // 2 if self.shifted and grid[1] > cols else 0
        return (rows, cols), (down, across)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(batch, rows, cols, width)`` in and out."""
        tokens = tokens + drop_path(self.look_around(self.norm1(tokens)), self.drop, self.training)
        return tokens + drop_path(self.mlp(self.norm2(tokens)), self.drop, self.training)

    def look_around(self, tokens: Tensor) -> Tensor:
        """Attention in windows: roll, pad, cut, attend, and all of it backwards."""
        rows, cols = tokens.shape[1:3]
        window, (down, across) = self.windowing((rows, cols))
        padded = (rows + -rows % window[0], cols + -cols % window[1])  # up to whole windows
        mask = None
        if down or across:
            mask = shift_mask(padded, window, (down, across)).to(tokens)
        # Roll, then pad: the order that timm's weights are run in. Padding is zeros, and patches may look at it.
        tokens = tokens.roll((-down, -across), dims=(1, 2))
        tokens = F.pad(tokens, (0, 0, 0, padded[1] - cols, 0, padded[0] - rows))  # (batch, padded rows, cols, width)
        windows = self.attn(partition(tokens, window), window, mask)  # (batch * windows, slots, width)
        tokens = unpartition(windows, window, padded)[:, :rows, :cols]  # (batch, rows, cols, width)
        return tokens.roll((down, across), dims=(1, 2))


def merge(tokens: Tensor) -> Tensor:
    """Four neighbours side by side: ``(batch, rows, cols, width)`` to ``(batch, rows / 2, cols / 2, 4 * width)``.

    In the order top left, bottom left, top right, bottom right, as in training. An odd side is padded with zeros.
    """
    tokens = F.pad(tokens, (0, 0, 0, tokens.shape[2] % 2, 0, tokens.shape[1] % 2))
    top, bottom = tokens[:, 0::2], tokens[:, 1::2]
    return torch.cat([top[:, :, 0::2], bottom[:, :, 0::2], top[:, :, 1::2], bottom[:, :, 1::2]], dim=-1)


class PatchMerging(nn.Module):
    """Each 2 × 2 patches become one of twice the width."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=1e-5)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.reduction(self.norm(merge(tokens)))  # (batch, rows / 2, cols / 2, 2 * width)


class Stage(nn.Module):
    """Blocks on a grid of one size; every stage but the first begins by merging patches."""

    def __init__(self, width: int, heads: int, window: Size, mlp_ratio: float, drops: list[float], merges: bool):
        super().__init__()
        self.downsample = PatchMerging(width // 2) if merges else nn.Identity()
        self.blocks = nn.Sequential(
            *[SwinBlock(width, heads, window, layer % 2 == 1, mlp_ratio, drop) for layer, drop in enumerate(drops)]
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return self.blocks(self.downsample(tokens))


class Classifier(nn.Module):
    """The mean over all patches, then one linear map."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.fc = nn.Linear(width, classes) if classes else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(tokens.mean(dim=(1, 2)))  # (batch, rows, cols, width) to (batch, classes)


class Swin(nn.Module):
    """A Swin Transformer. Takes pixels ``(batch, 3, height, width)``, returns logits ``(batch, classes)``.

    Any size works whose sides are multiples of ``patch`` (else ModelError): a grid that is no multiple of the window
    is padded. ``image_size`` matters only to a stage whose grid is smaller than its window: window and bias table are
    made for that grid. ``windows`` are each stage's own, as in Swin-S3 (https://arxiv.org/abs/2111.14725).
    """

    def __init__(
        self,
        image_size: tuple[int, int] = (224, 224),  # pixels
        patch: int = 4,
        width: int = 96,
        depths: tuple[int, ...] = (2, 2, 6, 2),
        heads: tuple[int, ...] = (3, 6, 12, 24),
        windows: tuple[int, ...] = (7, 7, 7, 7),
        mlp_ratio: float = 4.0,
        classes: int = 1000,
        drop_path: float = 0.0,
    ):
        super().__init__()
        self.image_size, self.patch = image_size, patch
        self.grid = patch_grid(image_size, patch)  # (rows, cols) of the first stage
        self.prefix = ()  # every token is a patch
        self.patch_embed = PatchEmbedding(patch, width)
        # Deeper blocks are left out more often.
        drops = [drop_path * layer / max(sum(depths) - 1, 1) for layer in range(sum(depths))]
        stages, grid = [], self.grid
        for stage, depth in enumerate(depths):
            if stage:
                grid, width = ((grid[0] + 1) // 2, (grid[1] + 1) // 2), 2 * width
            window = (min(windows[stage], grid[0]), min(windows[stage], grid[1]))
            done = sum(depths[:stage])
            stages.append(Stage(width, heads[stage], window, mlp_ratio, drops[done : done + depth], stage > 0))
        self.layers = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.head = Classifier(width, classes)
        self.apply(start_weights)

    def forward_features(self, pixels: Tensor) -> Tensor:
        """The last stage's patches after the final norm: ``(batch, rows, cols, width)``."""
        return self.norm(self.layers(self.patch_embed(pixels)))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.forward_features(pixels))

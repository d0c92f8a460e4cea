"""Every variant at two sizes: each row of every layer sits on its own part of the picture, proved by perturbation.

A block of the picture is changed by a little, and in every layer the query rows that move must be the block's own. For
that to be sharp, whatever would carry the news to other places is kept still: convolutions and poolings that overlap
take only their middle, a norm over the whole picture (SHViT's) becomes one of each place, and the attention that a
layer has paid gives nothing to what follows. The network's own code runs unchanged, so its windows, shifts, merges and
orders are what is tried; the layouts know nothing of weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from tests.families import photo
from tests.variants import VARIANTS, WITH_MAPS, variant
from vit.attention import Grid, TokenLayout
from vit.errors import ModelError
from vit.fused import attention_weights
from vit.models.layouts import Layer, plan_of
from vit.models.layouts.calls import FUSED, PRODUCTS
from vit.models.sizes import resized
from vit.models.vision_model import VisionModel

pytestmark = [
    pytest.mark.families,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # timm's own, when it resamples Swin's position biases
]

FIXED = ("efficientformer_l1",)  # built for 7 × 7 patches at the end
MULTIPLES = {  # sizes of whole patches, or windows, where three quarters of the height are none
    "crossvit_tiny_240": (120, 240),  # patches of 12 and of 16 pixels
    "eva02_tiny_patch14_224": (168, 224),  # patches of 14 pixels, as in the next three
    "aimv2_large_patch14_224": (168, 224),
    "vit_small_patch14_reg4_dinov2": (168, 224),
    "deepseek_vit_412m": (168, 224),
    "halonet26t": (256, 512),  # blocks of 8 on a grid of one sixteenth of the side
    "pvt_v2_b2_li": (224, 448),  # its keys are 7 × 7 at any size
}
SQUARE = ("convit_tiny", "nest_tiny", "mvitv2_tiny", "mvitv2_small_cls")  # timm builds them for square pictures only
# How many layers can be told where it is not all: LeViT's downsampling attention has no way around it for news to take,
# in EfficientViT little of it is left at the end, and in the last layers of NextViT and Visformer each row looks at one
# key alone.
TOLD = {"levit_128s": 3, "levit_conv_128s": 3, "efficientvit_m0": 22, "nextvit_small": 2, "visformer_tiny": 1}


@contextmanager
def each_place_by_itself(network: nn.Module) -> Iterator[None]:
    """Convolutions and poolings that overlap see only the middle of what they see, so places stay apart."""
    kept: list[tuple[Any, dict]] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            kernel, stride = _pair(module.kernel_size), _pair(module.stride)
            if kernel[0] <= stride[0] and kernel[1] <= stride[1] and module.padding in (0, (0, 0)):
                continue
            if isinstance(module, nn.Conv2d):
                kept.append((module, {"data": module.weight.data}))
                middle = torch.zeros_like(module.weight)
                middle[:, :, kernel[0] // 2, kernel[1] // 2] = module.weight[:, :, kernel[0] // 2, kernel[1] // 2]
                module.weight.data = middle * (kernel[0] * kernel[1]) ** 0.5  # about as strong as all of it
            else:
                kept.append((module, {"kernel_size": module.kernel_size, "padding": module.padding}))
                module.kernel_size, module.padding = (1, 1), (0, 0)
    try:
        yield
    finally:
        for module, values in kept:
            for name, value in values.items():
                setattr(module.weight if name == "data" else module, name, value)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


class Still(TorchFunctionMode):
    """Keeps the matrix of each planned product, and lets nothing of the product into the network."""

    def __init__(self, layers: tuple[Layer, ...]):
        super().__init__()
        self.layers = {layer.call: layer for layer in layers}
        self.calls = 0
        self.weights: list[Tensor] = []  # each (windows, heads, queries, keys), float64

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.interpolate and kwargs.get("mode") in ("bilinear", "bicubic"):
            kwargs = {"size": kwargs.get("size"), "scale_factor": kwargs.get("scale_factor"), "mode": "nearest-exact"}
        if function is F.group_norm and args[0].ndim == 4:
            return _norm_of_each_place(*args, **kwargs)
        result = function(*args, **kwargs)
        if function in (Tensor.mean, F.adaptive_avg_pool2d) and result.ndim == 4 and result.shape[-2:] == (1, 1):
            return torch.zeros_like(result)  # of the whole picture, to weigh the channels with
        if function is FUSED or function in PRODUCTS:
            layer = self.layers.get(self.calls)
            self.calls += 1
            if layer is not None:
                if function is FUSED:
                    matrix = attention_weights(*args[:2], *args[3:], **kwargs)
                else:
                    matrix = args[1].mT if layer.transposed else args[0]
                self.weights.append(layer.arranged(matrix).double())
                return torch.zeros_like(result)
        return result


def _norm_of_each_place(
    pixels: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """In place of a group norm, whose sums run over all places: ``(batch, channels, rows, cols)`` by its channels."""
    return F.layer_norm(pixels.movedim(1, -1), pixels.shape[1:2], weight, bias, eps).movedim(-1, 1)


def weights_of(model: VisionModel, layers: tuple[Layer, ...], picture: np.ndarray) -> list[Tensor]:
    with torch.no_grad(), Still(layers) as still:
        model.network(model.prepare(picture))
    assert len(still.weights) == len(layers)
    return still.weights


def inside(layout: TokenLayout, block: tuple[int, int], coarse: Grid) -> Tensor:
    """Whether each slot, ``(windows, slots)``, is a patch in the block, a cell of the coarse grid."""
    rows, cols = several(layout.grid.rows, coarse.rows), several(layout.grid.cols, coarse.cols)
    cells = torch.zeros(layout.grid.rows, layout.grid.cols, dtype=torch.bool)
    cells[block[0] * rows : (block[0] + 1) * rows, block[1] * cols : (block[1] + 1) * cols] = True
    patches = layout.tokens - len(layout.prefix)
    if layout.cells is None:
        return cells.flatten()[patches.clamp_min(0)] & (patches >= 0)
    changed = layout.cells[cells.flatten()].unique()  # a token of several patches changes with each of them
    return torch.isin(patches, changed)


def several(fine: int, coarse: int) -> int:
    """How many of the fine lines make one coarse line; the last one may have fewer."""
    return -(-fine // coarse)


def contrast(layer: Layer, before: Tensor, after: Tensor, block: tuple[int, int], coarse: Grid) -> tuple[float, float]:
    """How much the least of what should have moved did, and the most of what should not.

    A query of the block moves against all keys in ways of their own. Any other query keeps the ratios between its
    shares for keys that are outside the block. A pool's query, or CLS, is no patch: there the block's keys move.
    """
    if len(layer.queries.tokens.unique()) < (layer.queries.tokens >= 0).sum():
        return contrast_of_outlooks(layer, before, after, block, coarse)
    asking, answering = inside(layer.queries, block, coarse), inside(layer.keys, block, coarse)
    real = (layer.keys.tokens >= len(layer.keys.prefix))[:, None, None]  # patches: (windows, 1, 1, keys)
    if bool((before >= 0).all()):  # behind a mask there is only rounding
        real = real & (before > 1e-20)
        before, after = before.clamp_min(1e-30).log(), after.clamp_min(1e-30).log()
    moved = (after - before).masked_fill(~real, torch.nan)  # (windows, heads, queries, keys)
    others = moved.masked_fill(answering[:, None, None], torch.nan)
    middle = others.nanmedian(-1, keepdim=True).values
    outside = (others - middle).abs().nan_to_num(0).amax((1, 3))  # (windows, queries)
    if not bool((layer.queries.tokens >= len(layer.queries.prefix)).any()):
        columns = (moved - middle).abs().nan_to_num(0).amax((1, 2))  # (windows, keys)
        return float(columns[answering].min()), float(outside.max())
    patches = layer.queries.tokens >= len(layer.queries.prefix)
    rows = (moved - moved.nanmedian(-1, keepdim=True).values).abs().nan_to_num(0).amax((1, 3))  # (windows, queries)
    return float(rows[asking].min()), float(outside[patches & ~asking].max())


def contrast_of_outlooks(
    layer: Layer, before: Tensor, after: Tensor, block: tuple[int, int], coarse: Grid
) -> tuple[float, float]:
    """The same where the windows overlap (VOLO's outlook): the place in a window's middle makes all of its shares."""
    moved = (after - before).abs().amax((1, 2, 3))  # (windows,)
    middle = inside(layer.queries, block, coarse)[:, layer.queries.tokens.shape[1] // 2]
    return float(moved[middle].min()), float(moved[~middle].max())


def nests(fine: Grid, coarse: Grid) -> bool:
    """Whether the cells of the coarse grid are blocks of the fine one."""
    sides = ((fine.rows, coarse.rows), (fine.cols, coarse.cols))
    return all(several(f, several(f, c)) == c for f, c in sides)


def grids(layer: Layer) -> tuple[Grid, Grid]:
    return layer.queries.grid, layer.keys.grid


def changed(picture: np.ndarray, block: tuple[int, int], coarse: Grid, finest: Grid) -> np.ndarray:
    """The picture with one cell of the coarse grid changed by a little."""
    height, width = picture.shape[:2]
    tall = several(finest.rows, coarse.rows) * height / finest.rows  # in pixels
    wide = several(finest.cols, coarse.cols) * width / finest.cols
    top, left = round(block[0] * tall), round(block[1] * wide)
    other = picture.copy()
    patch = other[top : round(top + tall), left : round(left + wide)]
    patch[:] = np.where(patch < 128, patch + 9, patch - 9)
    return other


def contrasts(model: VisionModel, layers: tuple[Layer, ...]) -> dict[int, list[tuple[float, float]]]:
    """By the layer's number, for each of the changed blocks: what should have moved, and what should not."""
    found: dict[int, list[tuple[float, float]]] = {}
    height, width = model.prepare.size
    picture = photo(1, height, width)
    with each_place_by_itself(model.network):
        before = weights_of(model, layers, picture)
        rest = dict(enumerate(layers))
        while rest:
            coarse = min((grid for layer in rest.values() for grid in grids(layer)), key=lambda grid: grid.size)
            nested = [n for n, layer in rest.items() if all(nests(grid, coarse) for grid in grids(layer))]
            finest = max((layers[n].queries.grid for n in nested), key=lambda grid: grid.size)
            for block in ((coarse.rows // 2, min(1, coarse.cols - 1)), (coarse.rows // 3, coarse.cols - 1)):
                after = weights_of(model, layers, changed(picture, block, coarse, finest))
                for n in nested:
                    if float(before[n].amax(-1).mean()) > 0.99:
                        continue  # each row looks at one key alone, and nothing little can move it
                    found.setdefault(n, []).append(contrast(layers[n], before[n], after[n], block, coarse))
            for n in nested:
                del rest[n]
    return found


def check_places(model: VisionModel, layers: tuple[Layer, ...]) -> int:
    """Fails where a row that should have moved did not, or the other way round; the number of layers that were told."""
    told = 0
    for number, pairs in contrasts(model, layers).items():
        layer = layers[number]
        if getattr(model.network.get_submodule(layer.name.partition(":")[0]), "use_global", False):
            # GCViT's every second layer asks the same in each window, of the whole picture: all of its rows move. Its
            # windows are those of the layer before.
            assert torch.equal(layer.queries.tokens, layers[number - 1].queries.tokens)
            assert torch.equal(layer.keys.tokens, layers[number - 1].keys.tokens)
            told += 1
            continue
        reached = [pair for pair in pairs if max(pair) > 1e-6]  # no news gets past a layer without a way around it
        for should, should_not in reached:
            assert should > 2 * should_not, f"{layer.name}: {should:.2g} against {should_not:.2g}"
        assert reached or number, f"{layer.name}: nothing moved"
        told += bool(reached)
    return told


def layers_of(model: VisionModel) -> tuple[Layer, ...]:
    return plan_of(model.network, torch.zeros(1, 3, *model.prepare.size)).layers


@pytest.mark.parametrize("name", WITH_MAPS)
def test_each_row_of_every_layer_sits_on_its_own_part_of_the_picture(name):
    model = variant(name)
    layers = layers_of(model)
    assert check_places(model, layers) >= TOLD.get(name, len(layers))


@pytest.mark.parametrize("name", WITH_MAPS)
def test_it_does_so_at_another_size(name):
    side = int(VARIANTS[name]["image_size"])
    size = MULTIPLES.get(name, (side * 3 // 4 // 32 * 32, side))
    if name in SQUARE:
        size = (size[0], size[0])
    try:
        model = resized(variant(name), size)
    except ModelError as refusal:
        assert f"its own size is {side}×{side}" in str(refusal)
        if name in FIXED:
            return
        model = variant(name, size)  # timm can't bring trained weights to the size, but builds the network for it
    layers = layers_of(model)
    assert model.prepare.size == size
    assert check_places(model, layers) >= TOLD.get(name, len(layers))


@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224", "pvt_v2_b0"])
@pytest.mark.parametrize("wrong", ["turned", "a row too low", "a column too far"])
def test_a_layout_that_is_wrong_is_noticed(name, wrong):
    """Otherwise the tests above would prove nothing."""
    model = resized(variant(name), (160, 224))
    first = layers_of(model)[0]
    assert check_places(model, (first,)) == 1
    grid, before = first.queries.grid, len(first.queries.prefix)
    numbers = torch.arange(grid.size).reshape(grid.rows, grid.cols)
    moved = {
        "turned": numbers.reshape(grid.cols, grid.rows).T,
        "a row too low": numbers.roll(-1, 0),
        "a column too far": numbers.roll(-1, 1),
    }[wrong].flatten()
    tokens = first.queries.tokens
    tokens = torch.where(tokens >= before, moved[(tokens - before).clamp_min(0)] + before, tokens)
    with pytest.raises(AssertionError, match="against"):
        check_places(model, (replace(first, queries=TokenLayout(grid, first.queries.prefix, tokens)),))

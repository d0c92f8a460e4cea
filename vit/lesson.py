"""One picture through our own Vision Transformer with the lid open: the numbers that a lesson works through.

A record holds what attention came to; this holds what it was made of: each patch's vector and its place's, the first
layer's queries, keys and values, and what every layer adds to the token that the classifier reads.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vit.errors import ModelError
from vit.models.bundled import bundled_names, read_card
from vit.models.vision_model import VisionModel
from vit.models.vit import Block, ViT, resize_positions
from vit.tokens import Grid, TokenLayout


@dataclass(frozen=True, eq=False)
class Worked:
    """What came of each step. Tokens are in the layout's order: the prefix, then the patches row by row."""

    layout: TokenLayout
    patches: Tensor  # (tokens, width): each token's vector before it knows its place
    places: Tensor  # (tokens, width): the position embeddings that are added
    queries: Tensor  # (heads, tokens, width of a head), of the first layer, as are the next two
    keys: Tensor
    values: Tensor
    lengths: Tensor  # (layers, 3): of the readout's stream before a layer, of what attention adds, of what the MLP adds
    lens: Tensor  # (layers + 1, classes): shares of the classes if the network ended here; first before any layer
    logits: Tensor  # (classes,): the network's answer


def work_through(model: VisionModel, image: np.ndarray) -> Worked:
    """Runs a picture, RGB uint8 ``(height, width, 3)``, through a ViT or DeiT of our own, step by step.

    The same modules in the same order as ``ViT.forward``. ModelError, naming models that will do, for any other.
    """
    network = model.network
    if not isinstance(network, ViT):
        raise ModelError(f"The numbers inside {model.name} are not taken apart here: choose {_ours()}.")
    if not model.labels:
        raise ModelError(f"{model.name} has no classifier to ask; choose {_ours()}.")
    with torch.no_grad():
        return _work(network, model.prepare(image))


def _work(network: ViT, pixels: Tensor) -> Worked:
    """``pixels`` is ``(1, 3, height, width)``."""
    cut = network.patch_embed(pixels)[0]  # (rows, cols, width)
    rows, cols, width = cut.shape
    layout = TokenLayout.whole(Grid(rows, cols), network.prefix)
    own = [network.cls_token[0], network.dist_token[0]] if network.distilled else [network.cls_token[0]]
    patches = torch.cat([*own, cut.reshape(-1, width)])  # (tokens, width)
    places = resize_positions(network.pos_embed, len(network.prefix), network.grid, (rows, cols))[0]

    readout = slice(0, len(network.prefix))  # CLS, or CLS and DIST: what the classifier reads
    tokens = (patches + places).unsqueeze(0)  # (1, tokens, width)
    lengths, lens, first = [], [_asked(network, tokens)], None
    for block in network.blocks:
        assert isinstance(block, Block)  # nn.Sequential holds any module
        normed = block.norm1(tokens)
        if first is None:
            qkv = block.attn.qkv(normed)[0].reshape(layout.count, 3, block.attn.heads, -1)
            first = qkv.permute(1, 2, 0, 3)  # (3, heads, tokens, width of a head)
        looked = block.attn(normed)
        seen = tokens + looked
        thought = block.mlp(block.norm2(seen))
        lengths.append([float(part[0, readout].norm(dim=-1).mean()) for part in (tokens, looked, thought)])
        tokens = seen + thought
        lens.append(_asked(network, tokens))
    if first is None:
        raise ModelError("A network without layers has nothing to work through.")
    return Worked(
        layout=layout,
        patches=patches,
        places=places,
        queries=first[0],
        keys=first[1],
        values=first[2],
        lengths=torch.tensor(lengths),
        lens=torch.stack(lens).softmax(-1),
        logits=lens[-1],
    )


def _asked(network: ViT, tokens: Tensor) -> Tensor:
    """What the classifier says to tokens of any layer, ``(1, tokens, width)`` to ``(classes,)``: the logit lens."""
    normed = network.norm(tokens)
    answers = [network.head(normed[:, 0])]
    if network.distilled:
        answers.append(network.head_dist(normed[:, 1]))
    return torch.stack(answers).mean(0)[0]


def _ours() -> str:
    """The bundled models that a lesson can be given with, in words."""
    names = [name for name in bundled_names() if read_card(name).network in ("vit", "deit")]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)

"""How the weights are moved: AdamW or Muon, and the learning rate over the epochs."""

import math

import torch
from torch import nn

from vit.training.recipe import Recipe


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer. Biases, norms and embeddings are not pulled to zero: only matrices are.

    "adamw": Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101, the field's own choice. "muon": Jordan et
    al. 2024, https://kellerjordan.github.io/posts/muon, which makes all directions of a matrix's step equally long; the
    rest (embeddings, the first layer, the classifier, all that is no matrix) goes on with AdamW, to which timm's Muon
    gives Nesterov's momentum too (Dozat 2016, "Incorporating Nesterov Momentum into Adam").
    """
    inner, outer, free = [], [], []
    for name, parameter in network.named_parameters():
        if parameter.ndim < 2 or any(word in name for word in ("pos_embed", "token", "bias_table")):
            free.append(parameter)  # of any pull to zero: biases, norms, embeddings
        elif parameter.ndim == 2 and name.startswith(("blocks", "layers")):
            inner.append(parameter)  # the matrices inside a Transformer's blocks
        else:
            outer.append(parameter)  # the patch embedding, the classifier, all filters of a CNN
    if recipe.optimizer == "adamw":
        groups = [{"params": inner + outer, "weight_decay": recipe.decay}, {"params": free, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.999))
    from timm.optim.muon import Muon

    groups = [
        {"params": inner, "weight_decay": recipe.decay},
        {"params": outer, "weight_decay": recipe.decay, "use_fallback": True},
        {"params": free, "weight_decay": 0.0, "use_fallback": True},
    ]
    # Three rounds of Newton–Schulz: two more change little and cost a tenth of a small network's step.
    return Muon(groups, lr=recipe.rate, nesterov=True, ns_steps=3, fallback_lr_scale=recipe.rest, betas=(0.9, 0.95))


def rate_at(epoch: float, recipe: Recipe) -> float:
    """The learning rate at a moment, counted in epochs: a straight warm-up, then a cosine down to zero."""
    if epoch < recipe.warmup:
        return recipe.rate * epoch / recipe.warmup
    done = (epoch - recipe.warmup) / max(recipe.all_epochs - recipe.warmup, 1e-9)
    return recipe.rate * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))

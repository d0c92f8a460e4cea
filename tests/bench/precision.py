"""What bfloat16, and attention step by step, bring to a training step: python -m tests.bench.precision

Pictures a second of one thread's CPU time, which holds on a busy machine too. Random pictures, batches of 128.
"""

import time
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from vit.training.learner import Learner
from vit.training.networks import untrained
from vit.training.optimizer import optimizer_of
from vit.training.recipe import Recipe, recipe_for
from vit.training.speed import quick_attention

CASES = [("vit", 96, False), ("swin", 112, False), ("resnet", 96, False), ("vit", 32, True)]
WAYS = {"float32": ("no", False), "bfloat16": ("bf16", False), "bfloat16, attention in steps": ("bf16", True)}
BATCH, SECONDS = 128, 6.0


def main() -> None:
    torch.set_num_threads(1)
    for network, size, small in CASES:
        recipe = recipe_for(network, small, sizes=(size,), epochs=(1,), batch=BATCH)
        found = ", ".join(f"{way} {rate(recipe, *how):.0f}" for way, how in WAYS.items())
        print(f"{network} at {size} px, pictures a second: {found}", flush=True)


def rate(recipe: Recipe, precision: str, steps: bool) -> float:
    """Pictures a second of CPU time, of whole steps: forward, backward, optimizer."""
    network = untrained(recipe, 10).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    learner, optimizer = Learner(network, 0.1).train(), optimizer_of(network, recipe)
    pixels = torch.rand(BATCH, 3, recipe.size, recipe.size)
    targets = F.one_hot(torch.arange(BATCH) % 10, 10).float()

    def step() -> Tensor:
        attention = quick_attention(pixels.device, precision) if steps else nullcontext()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"), attention:
            loss = learner(pixels, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    step()  # warm-up
    began, done = time.process_time(), 0
    while time.process_time() - began < SECONDS:
        step()
        done += 1
    return done * BATCH / (time.process_time() - began)


if __name__ == "__main__":
    main()

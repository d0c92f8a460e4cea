"""What makes a step quick on the device at hand; what is learned stays the same but for rounding."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import cuda as attention_switches  # named for CUDA, but a processor heeds this one as well
from torch.nn.attention import SDPBackend, sdpa_kernel

from vit.errors import RecipeError


def precision() -> str:
    """ "bf16" where the device multiplies faster in bfloat16 than in float32, else "no".

    Mixed precision: matrices and filters are multiplied in bfloat16, weights, norms and the loss stay in float32. A
    processor gains from it with AVX-512 BF16 or AMX (about twice as many pictures a second); without them PyTorch
    would imitate it. ``accelerate launch`` has a say first: without its own ``--mixed_precision bf16`` it says "no".
    RecipeError for what else it may say.
    """
    if "ACCELERATE_MIXED_PRECISION" in os.environ:
        said = os.environ["ACCELERATE_MIXED_PRECISION"]
        if said not in ("no", "bf16"):  # fp16's first steps overflow on purpose, which here would end the run
            raise RecipeError(f"--mixed_precision {said}: a run takes bf16 or no.")
        return said
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    able = torch.cpu.get_capabilities()
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "no"


def device_name() -> str:
    """What a run learns on, for its card."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "a processor"


@contextmanager
def quick_attention(device: torch.device, precision: str) -> Iterator[None]:
    """Within it, a processor that computes in "bf16" takes attention's three steps one by one.

    PyTorch's fused attention saves memory, but in bfloat16 its way back is slow on a processor: 45% of a step of the
    CIFAR-10 ViT. In float32, and on a GPU, it is the quicker one and stays.
    """
    if device.type != "cpu" or precision != "bf16":
        yield
        return
    before = attention_switches.fp16_bf16_reduction_math_sdp_allowed()
    attention_switches.allow_fp16_bf16_reduction_math_sdp(True)  # otherwise the steps would be taken in float32
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        attention_switches.allow_fp16_bf16_reduction_math_sdp(before)

"""ZeroGPU Spaces: they start only a program that has a function marked as one that asks for the GPU.

Attention is computed on the processor, which takes a second and waits for no allocation. So the mark is put on a
function that looks whether a GPU can be had, and nothing depends on it. Elsewhere the package ``spaces`` isn't there.
"""

import os


def register() -> bool:
    """Marks the function where this is a ZeroGPU Space; whether it is one. To be called before torch is imported."""
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in {"1", "true"}:
        return False
    try:
        import spaces  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False

    @spaces.GPU(duration=5)
    def device() -> str:
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"

    globals()["device"] = device  # kept: the Space counts what is marked
    return True

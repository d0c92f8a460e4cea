"""Principal components, the same ones every time."""

import torch
from torch import Tensor


def principal(vectors: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors ``(rows, width)`` by their first principal components, in float64.

    Returns their places along each ``(rows, count)``, the directions ``(count, width)`` and each one's share of the
    variance ``(count,)``. A direction's sign is such that its entry of largest size is positive. Where the vectors
    differ in fewer directions, the others are 0.
    """
    centred = vectors.double() - vectors.double().mean(0)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)  # (most,), (most, width)
    if len(sizes) < count:
        missing = count - len(sizes)
        sizes = torch.cat([sizes, sizes.new_zeros(missing)])
        directions = torch.cat([directions, directions.new_zeros(missing, vectors.shape[1])])
    # Below rounding a direction is anybody's guess.
    tiny = sizes[0] * max(vectors.shape) * torch.finfo(vectors.dtype).eps
    sizes = torch.where(sizes > tiny, sizes, 0.0)
    directions = torch.where(sizes.unsqueeze(1) > 0, directions, 0.0)[:count]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))  # (count, 1)
    directions = torch.where(largest < 0, -directions, directions)
    variance = sizes.square()
    return centred @ directions.T, directions, variance[:count] / variance.sum().clamp_min(1e-300)

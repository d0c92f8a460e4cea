"""Every choice of a training run, in one place, with the reason beside it.

``python -m vit train`` turns each field into a flag of the same name (``--mix-share 0.3``).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How to train a ViT from scratch on a small set in an hour or two of two CPU cores.

    Steiner et al. 2022, "How to train your ViT?", https://arxiv.org/abs/2106.10270, is the guide for the
    choices; the amounts are for tens of epochs, not hundreds.
    """

    # The network: small enough that its float16 weights stay below 10 MB.
    patch: int = 16  # pixels on a side
    width: int = 192
    depth: int = 9
    heads: int = 6

    # The schedule. Small pictures first: an epoch at 96 px costs a sixth of one at 224, and the position
    # embeddings are interpolated. The last epochs are at the size that the model is for.
    sizes: tuple[int, ...] = (96, 128, 224)  # pixels on a side, one for each part of the schedule
    epochs: tuple[int, ...] = (20, 20, 4)  # how many epochs at each of the sizes
    warmup: int = 3  # epochs of rising learning rate; a ViT that starts at full rate can stay at chance

    # The optimiser: AdamW with a cosine that ends at zero.
    batch: int = 128
    rate: float = 1.5e-3  # the highest learning rate
    decay: float = 0.05  # weight decay, on matrices only
    clip: float = 1.0  # the largest norm of a gradient
    ema: float = 0.998  # the weights that are kept are a moving average over about 1 / (1 - ema) steps

    # What keeps 9,000 pictures from being learned by heart.
    crop_min: float = 0.25  # the smallest share of the picture that a random crop keeps
    jitter: float = 0.3  # brightness, contrast and colour, up to this share
    mix_share: float = 0.5  # the share of batches that MixUp or CutMix blends; short schedules want less
    erase: float = 0.1  # how often a rectangle is blanked
    smoothing: float = 0.1  # label smoothing
    drop_path: float = 0.05  # stochastic depth of the last block

    seed: int = 0
    workers: int = 2  # processes that decode pictures

    @property
    def size(self) -> int:
        """The size that the finished model is for, in pixels on a side."""
        return self.sizes[-1]

    @property
    def all_epochs(self) -> int:
        return sum(self.epochs)

    def size_at(self, epoch: int) -> int:
        """The picture size of an epoch, counted from 0."""
        for size, count in zip(self.sizes, self.epochs, strict=True):
            if epoch < count:
                return size
            epoch -= count
        return self.size

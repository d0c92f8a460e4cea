"""What the network sees in training: crops, mirrors, colours, blends. All transforms are torchvision's.

Every picture's chance depends on the seed, the epoch and its place in the epoch's order alone, and every blend's on the
step. So a run comes out the same whether it was cut and resumed, and a batch much the same whether one process prepares
it or four; a blend's partner is another picture of the same process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import BatchSampler, DataLoader
from torchvision.transforms import v2

from vit.training.data import Pictures, Prepared
from vit.training.recipe import Recipe

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, as the field does it


def learning_batches(pictures: Pictures, recipe: Recipe, epoch: int, processes: int = 1) -> DataLoader:
    """An epoch's augmented batches: pixels ``(batch, 3, size, size)`` and class shares ``(batch, classes)``."""
    order = Order(len(pictures), recipe, epoch, processes)
    return DataLoader(
        Prepared(pictures, Augment(recipe, epoch)),
        batch_sampler=order,
        collate_fn=Blend(recipe, epoch, order.batch_size, len(pictures.split.labels)),
        num_workers=recipe.workers,
    )


class Order(BatchSampler):
    """The epoch's order in batches of (place, picture number); pictures that fill no batch wait for another epoch.

    With ``repeats`` above 1 a batch holds fewer pictures, each that often ("repeated augmentation", Hoffer et al.
    2020, https://arxiv.org/abs/1901.09335), and an epoch as many steps as ever. Fewer pictures than a batch make one
    step, as far as the processes can share them.
    """

    def __init__(self, pictures: int, recipe: Recipe, epoch: int, processes: int = 1):
        self.batch_size = min(recipe.batch, pictures // processes * processes)
        self.drop_last = True
        with chance(recipe.seed, epoch, -1):
            shuffled = torch.randperm(pictures)
        if recipe.repeats > 1:
            # A picture's copies stand apart in the batch: neighbours are what is blended.
            groups = shuffled.split(max(1, self.batch_size // recipe.repeats))
            shuffled = torch.cat([group.repeat(recipe.repeats) for group in groups])[:pictures]
        self.order: list[int] = shuffled.tolist()
        self.sampler = self.order  # Accelerate looks for one

    def __iter__(self) -> Iterator[list]:
        for step in range(len(self)):
            first = step * self.batch_size
            yield list(enumerate(self.order[first : first + self.batch_size], first))

    def __len__(self) -> int:
        return len(self.order) // self.batch_size if self.batch_size else 0


class Augment:
    """A picture of any size, uint8 ``(3, height, width)``, as the epoch feeds it: float32 ``(3, size, size)``."""

    def __init__(self, recipe: Recipe, epoch: int):
        self.recipe, self.epoch = recipe, epoch
        self.transform = augmentation(recipe, recipe.size_at(epoch))

    def __call__(self, picture: Tensor, place: int) -> Tensor:
        with chance(self.recipe.seed, self.epoch, place):
            return self.transform(picture)


def augmentation(recipe: Recipe, size: int) -> Callable[[Tensor], Tensor]:
    """uint8 ``(3, height, width)`` of any size to normed float32 ``(3, size, size)``."""
    steps: list = [
        v2.RandomResizedCrop(size, scale=(recipe.crop_min, 1.0), antialias=True),
        v2.RandomHorizontalFlip(recipe.flip),
    ]
    if recipe.randaugment:
        fill = [round(255 * value) for value in MEAN]
        steps.append(v2.RandAugment(num_ops=2, magnitude=recipe.randaugment, fill=fill))
    if recipe.jitter:
        steps.append(v2.ColorJitter(recipe.jitter, recipe.jitter, recipe.jitter))
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD, inplace=True)]
    if recipe.erase:
        steps.append(v2.RandomErasing(recipe.erase, inplace=True))
    return v2.Compose(steps)


class Blend:
    """Makes a batch of samples, and blends some batches: two pictures in one, with the share of each as the target.

    Whether, how and how much is decided for a whole step, so all processes that share it decide alike.
    """

    def __init__(self, recipe: Recipe, epoch: int, batch: int, classes: int):
        self.recipe, self.epoch, self.batch, self.classes = recipe, epoch, batch, classes
        self.ways: list = []
        if recipe.mixup:
            self.ways.append(v2.MixUp(alpha=recipe.mixup, num_classes=classes))
        if recipe.cutmix:
            self.ways.append(v2.CutMix(alpha=recipe.cutmix, num_classes=classes))

    def __call__(self, samples: list[tuple[Tensor, int, int]]) -> tuple[Tensor, Tensor]:
        pixels = torch.stack([picture for picture, _, _ in samples])  # (batch, 3, size, size)
        labels = torch.tensor([label for _, label, _ in samples])  # (batch,)
        step = samples[0][2] // self.batch
        with chance(self.recipe.seed, self.epoch, step, -2):
            if self.ways and torch.rand(()) < self.recipe.mix_share:
                return self.ways[int(torch.randint(len(self.ways), ()))](pixels, labels)
        return pixels, F.one_hot(labels, self.classes).float()


def restore_colours(pixels: Tensor) -> np.ndarray:
    """A batch as fed to a network back to pictures, uint8 ``(batch, size, size, 3)``, for a person to look at."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return ((pixels.cpu() * std + mean).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


@contextmanager
def chance(*numbers: int) -> Iterator[None]:
    """Within it torch's random numbers follow from ``numbers`` alone; after it they go on as before."""
    seed = int(np.random.SeedSequence([number % 2**32 for number in numbers]).generate_state(1)[0])
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)

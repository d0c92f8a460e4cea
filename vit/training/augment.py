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


def learning_batches(pictures: Pictures, recipe: Recipe, epochs: range, processes: int = 1) -> DataLoader:
    """The batches of those epochs, one after another: augmented pixels and the classes ``(batch,)``.

    Pixels are uint8 ``(batch, 3, size, size)``: what is on its way between processes, or to a GPU, is a quarter of what
    ``Feed`` makes of it there. One loader for all epochs: processes that augment pictures are started once.
    """
    return DataLoader(
        Prepared(pictures, Augment(recipe)),
        batch_sampler=Order(len(pictures), recipe, epochs, processes),
        num_workers=recipe.workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # or the loader would draw from the random numbers that the run's steps draw from
    )


def fed_batches(pictures: Pictures, recipe: Recipe, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch's batches as a network is fed them (see ``Feed``), on the processor."""
    feed = Feed(recipe, len(pictures.split.labels))
    for step, (pixels, labels) in enumerate(learning_batches(pictures, recipe, range(epoch, epoch + 1))):
        yield feed(pixels, labels, epoch, step)


class Order(BatchSampler):
    """The epochs' orders in batches of (epoch, place, picture number); pictures that fill no batch wait for another.

    With ``repeats`` above 1 a batch holds fewer pictures, each that often ("repeated augmentation", Hoffer et al.
    2020, https://arxiv.org/abs/1901.09335), and an epoch as many steps as ever. Fewer pictures than a batch make one
    step, as far as the processes can share them.
    """

    def __init__(self, pictures: int, recipe: Recipe, epochs: range, processes: int = 1):
        self.pictures, self.recipe, self.epochs = pictures, recipe, epochs
        self.batch_size = min(recipe.batch, pictures // processes * processes)
        self.steps = pictures // self.batch_size if self.batch_size else 0  # of one epoch
        self.drop_last = True
        self.sampler = range(pictures)  # Accelerate looks for one

    def of(self, epoch: int) -> list[int]:
        """The picture numbers of that epoch, in its order."""
        with chance(self.recipe.seed, epoch, -1):
            shuffled = torch.randperm(self.pictures)
        repeats = self.recipe.repeats
        if repeats > 1:
            # A picture's copies stand apart in the batch: neighbours are what is blended.
            groups = shuffled.split(max(1, self.batch_size // repeats))
            shuffled = torch.cat([group.repeat(repeats) for group in groups])[: self.pictures]
        return shuffled.tolist()

    def __iter__(self) -> Iterator[list]:
        for epoch in self.epochs:
            order = self.of(epoch)
            for first in range(0, self.steps * self.batch_size, self.batch_size):
                places = range(first, first + self.batch_size)
                yield [(epoch, place, order[place]) for place in places]

    def __len__(self) -> int:
        return self.steps * len(self.epochs)


class Augment:
    """A picture of any size, uint8 ``(3, height, width)``, as an epoch wants it: uint8 ``(3, size, size)``."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.transforms = {size: augmentation(recipe, size) for size in {*recipe.sizes}}

    def __call__(self, picture: Tensor, epoch: int, place: int) -> Tensor:
        with chance(self.recipe.seed, epoch, place):
            return self.transforms[self.recipe.size_at(epoch)](picture)


def augmentation(recipe: Recipe, size: int) -> Callable[[Tensor], Tensor]:
    """uint8 ``(3, height, width)`` of any size to uint8 ``(3, size, size)``."""
    grey = [round(255 * value) for value in MEAN]  # what fills a corner or a hole: next to nothing once it is normed
    steps: list = [
        v2.RandomResizedCrop(size, scale=(recipe.crop_min, 1.0), antialias=True),
        v2.RandomHorizontalFlip(recipe.flip),
    ]
    if recipe.randaugment:
        steps.append(v2.RandAugment(num_ops=2, magnitude=recipe.randaugment, fill=grey))
    if recipe.jitter:
        steps.append(v2.ColorJitter(recipe.jitter, recipe.jitter, recipe.jitter))
    if recipe.erase:
        # Never in place: a crop that needs no resizing is a view of the kept picture.
        steps.append(v2.RandomErasing(recipe.erase, value=grey))  # type: ignore[arg-type]
    return v2.Compose(steps)


class Feed:
    """Makes a batch what the network is fed: normed, and some batches blended, two pictures in one.

    Takes uint8 pixels ``(batch, 3, size, size)`` and classes ``(batch,)``, returns float32 pixels and class shares
    ``(batch, classes)``, on the device they are on. Whether, how and how much is blended is decided for a whole step,
    so all processes that share it decide alike.
    """

    def __init__(self, recipe: Recipe, classes: int):
        self.recipe, self.classes = recipe, classes
        self.norm = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD, inplace=True)])
        self.ways: list = []
        if recipe.mixup:
            self.ways.append(v2.MixUp(alpha=recipe.mixup, num_classes=classes))
        if recipe.cutmix:
            self.ways.append(v2.CutMix(alpha=recipe.cutmix, num_classes=classes))

    def __call__(self, pixels: Tensor, labels: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        pixels = self.norm(pixels)
        with chance(self.recipe.seed, epoch, step, -2):
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

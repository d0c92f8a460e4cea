"""Pictures in folders, as batches to learn from and to measure on.

``FOLDER/train/<class>/<file>`` is learned from, ``FOLDER/val/<class>/<file>`` (or ``test``) only measured on.
"""

from pathlib import Path

import torch
from torch.utils.data import DataLoader, default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from vit.errors import VitError
from vit.training.recipe import Recipe

# The mean and spread of ImageNet's colours, which every ViT of the field is fed with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class DataError(VitError):
    """The training data can't be used as it is."""


def open_split(folder: Path, *names: str) -> ImageFolder:
    """The first of the named splits that exists, or an error that says what was looked for."""
    for name in names:
        if (folder / name).is_dir():
            try:
                return ImageFolder(folder / name)
            except FileNotFoundError as error:
                raise DataError(f"{folder / name} needs one folder of pictures for each class: {error}") from error
    raise DataError(f"{folder} has no {' or '.join(names)} folder; it should hold train/<class>/… and val/<class>/…")


def open_folder(folder: Path) -> tuple[ImageFolder, ImageFolder]:
    """The pictures to learn from and those to measure on, with the same classes."""
    train, validation = open_split(folder, "train"), open_split(folder, "val", "test")
    if train.classes != validation.classes:
        raise DataError(f"{folder}: train and validation hold different classes.")
    if len(train.classes) < 2:
        raise DataError(f"{folder}: there is one class only ({train.classes[0]}); learning needs two or more.")
    return train, validation


def learning_batches(pictures: ImageFolder, size: int, recipe: Recipe) -> DataLoader:
    """Shuffled, augmented batches: pixels ``(batch, 3, size, size)`` and class shares ``(batch, classes)``."""
    amount = recipe.jitter
    pictures.transform = v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(recipe.crop_min, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=amount, contrast=amount, saturation=amount),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
            v2.RandomErasing(p=recipe.erase),
        ]
    )
    classes = len(pictures.classes)
    mix = v2.RandomChoice([v2.MixUp(alpha=0.2, num_classes=classes), v2.CutMix(alpha=1.0, num_classes=classes)])

    def collate(samples: list) -> tuple[torch.Tensor, torch.Tensor]:
        pixels, targets = default_collate(samples)
        if torch.rand(()) < recipe.mix_share:
            return mix(pixels, targets)
        return pixels, torch.nn.functional.one_hot(targets, classes).float()

    return DataLoader(
        pictures,
        batch_size=min(recipe.batch, len(pictures)),
        shuffle=True,
        drop_last=True,
        num_workers=recipe.workers,
        collate_fn=collate,
        persistent_workers=False,
    )


def measuring_batches(pictures: ImageFolder, size: int, batch: int = 64, workers: int = 0) -> DataLoader:
    """Batches in order, whole pictures at ``size``: pixels ``(batch, 3, size, size)`` and classes ``(batch,)``."""
    pictures.transform = v2.Compose(
        [
            v2.Resize((size, size), interpolation=v2.InterpolationMode.BICUBIC, antialias=True),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    return DataLoader(pictures, batch_size=batch, num_workers=workers)

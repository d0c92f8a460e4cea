"""Pictures to learn from and pictures to measure on: from folders, or CIFAR-10 through torchvision.

``FOLDER/train/<class>/<file>`` is learned from, ``FOLDER/val/<class>/<file>`` (or ``test``) only measured on.
Decoding a JPEG takes as long as a small network takes to learn from it, so each picture is decoded once and kept, if
all of a split fit into KEPT_BYTES.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import CIFAR10, DatasetFolder, ImageFolder
from torchvision.transforms.v2 import functional

from vit.errors import DataError, ImageError
from vit.image import load_image

KEPT_BYTES = 6 << 30  # decoded pictures are kept up to this much; beyond, each is decoded when its turn comes
SPLITS = {"train": ("train",), "validation": ("val", "test")}  # the folders that may hold a split, the first first
_AT_ONCE = 256  # pictures that are decoded before their memory is counted


@dataclass(frozen=True)
class Split:
    """One split, not decoded yet: a picture file (or, for CIFAR-10, its pixels) and a class each."""

    sources: Sequence[Path | Tensor]
    classes: tuple[int, ...]  # numbers into labels
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.classes)

    def side(self) -> int:
        """The first picture's shorter side in pixels: the others are taken to be like it."""
        return min(decoded(self.sources[0]).shape[1:])

    def fingerprint(self) -> str:
        """Twelve digits for the same files (name, size and class of each), wherever their folder is."""
        digest = hashlib.sha256()
        for source, label in zip(self.sources, self.classes, strict=True):
            name = b"pixels"
            if isinstance(source, Path) and source.is_file():
                name = os.fsencode(f"{source.name} {source.stat().st_size}")
            digest.update(name + f" {self.labels[label]}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()[:12]

    def part(self, share: float) -> "Split":
        """The same share of every class, at least one picture of each; always the same ones.

        A smaller share is a part of every larger one, so that runs on 10% and 30% differ by what was added.
        """
        if share >= 1:
            return self
        return self._only(self._numbers(share))

    def hold_out(self, share: float) -> "tuple[Split, Split]":
        """The pictures in two parts: those to learn from, and a share that was taken out of them."""
        taken = self._numbers(share)
        rest = self._only(sorted({*range(len(self))} - {*taken}))
        if len({*rest.classes}) < len(self.labels):
            raise DataError(f"With {share:.0%} held out, a class has no picture left to learn from; hold out less.")
        return rest, self._only(taken)

    def _numbers(self, share: float) -> list[int]:
        """Of the pictures in that share of every class, in order."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(0)).tolist()
        chosen: list[int] = []
        for label in range(len(self.labels)):
            own = [number for number in order if self.classes[number] == label]
            chosen += own[: max(1, round(share * len(own)))]
        return sorted(chosen)

    def _only(self, numbers: list[int]) -> "Split":
        return Split([self.sources[n] for n in numbers], tuple(self.classes[n] for n in numbers), self.labels)


def open_data(name: str | Path, split: str) -> Split:
    """The "train" or the "validation" pictures of a folder, or of "cifar10"; DataError says what is wrong with it.

    A folder called cifar10 goes before torchvision's download. Measuring takes no training pictures: a folder without
    any has validation pictures all the same.
    """
    folder = Path(name)
    if str(name) == "cifar10" and not folder.is_dir():
        return _cifar10(train=split == "train")
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}; --data takes one with train/CLASS/… and val/CLASS/…, or the word cifar10."
        )
    chosen = _open_folder(folder, SPLITS[split])
    other = SPLITS["train" if split == "validation" else "validation"]
    if split == "train" or any((folder / name).is_dir() for name in other):
        odd = sorted(set(chosen.classes) ^ set(_open_folder(folder, other).classes))
        if odd:
            raise DataError(f"{folder}: train and validation hold different classes ({', '.join(odd[:5])}).")
    if split == "train" and len(chosen.classes) < 2:
        raise DataError(f"{folder}: there is one class only ({chosen.classes[0]}); learning needs two or more.")
    return Split(
        [Path(path) for path, _ in chosen.samples],
        tuple(number for _, number in chosen.samples),
        tuple(label.replace("_", " ") for label in chosen.classes),
    )


def _open_folder(folder: Path, names: tuple[str, ...]) -> DatasetFolder:
    for name in names:
        if (folder / name).is_dir():
            try:
                return ImageFolder(str(folder / name))
            except FileNotFoundError as error:
                # torchvision's own words name the classes without pictures, or say that there is no class at all.
                what = str(error).split(". Supported")[0].split(" for the classes ")
                empty = f"there is none in {what[1].rstrip('.')}" if len(what) > 1 else "there is none in it"
                raise DataError(f"{folder / name} needs a folder of pictures for each class: {empty}.") from error
            except OSError as error:
                raise DataError(f"{folder / name} can't be read: {error.strerror}.") from error
    raise DataError(f"{folder} has no {' or '.join(names)} folder; it should hold train/CLASS/… and val/CLASS/….")


def _cifar10(train: bool) -> Split:
    home = Path(torch.hub.get_dir()).parent / "cifar10"
    try:
        loaded = CIFAR10(str(home), train=train, download=True)
    except Exception as error:  # torchvision raises many kinds, from URLError to RuntimeError
        raise DataError(
            "CIFAR-10 could not be downloaded. With a network, try again; without one, put it into a folder with "
            "train/CLASS/… and test/CLASS/… and name that with --data."
        ) from error
    pixels = torch.from_numpy(loaded.data).permute(0, 3, 1, 2)  # (pictures, 3, 32, 32)
    return Split(list(pixels), tuple(loaded.targets), tuple(loaded.classes))


class Pictures(Dataset):
    """A split's pictures as uint8 tensors ``(3, height, width)``, each with its class.

    With ``side``, larger ones are made smaller, so that their shorter side has so many pixels. Without it they stay as
    they are.
    """

    def __init__(self, split: Split, side: int | None = None, keep: int = KEPT_BYTES):
        self.split, self.side = split, side
        self._kept: list[Tensor] = []  # all of them, or none
        taken = 0
        with ThreadPoolExecutor() as threads:  # Pillow decodes outside Python's lock
            for first in range(0, len(split), _AT_ONCE):
                some = list(threads.map(self._decode, split.sources[first : first + _AT_ONCE]))
                taken += sum(picture.numel() for picture in some)
                if taken > keep:
                    self._kept = []
                    break
                self._kept += some

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        picture = self._kept[number] if self._kept else self._decode(self.split.sources[number])
        return picture, self.split.classes[number]

    def _decode(self, source: Path | Tensor) -> Tensor:
        picture = decoded(source)
        if self.side is not None and min(picture.shape[1:]) > self.side:
            picture = functional.resize(picture, [self.side], antialias=True)
        return picture


def decoded(source: Path | Tensor) -> Tensor:
    """A picture's pixels, uint8 ``(3, height, width)``; DataError names a file that can't be used."""
    if isinstance(source, Tensor):
        return source
    try:
        return torch.from_numpy(load_image(source)).permute(2, 0, 1).contiguous()
    except ImageError as error:
        raise DataError(f"{source} can't be used: {error}") from error


class Prepared(Dataset):
    """Pictures after a transform, which is given the picture, the epoch and its place in the epoch's order."""

    def __init__(self, pictures: Pictures, transform: Callable[[Tensor, int, int], Tensor]):
        self.pictures, self.transform = pictures, transform

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[Tensor, int]:
        """``key`` is the epoch, the place in its order and the picture's number."""
        epoch, place, number = key
        picture, label = self.pictures[number]
        return self.transform(picture, epoch, place), label

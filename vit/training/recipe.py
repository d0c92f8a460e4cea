"""Every choice of a training run, in one place, with the reason beside it.

``python -m vit train`` turns each field into a flag of the same name (``--mix-share 0.3``). What a network or a data
set wants otherwise than the rest stands below the class, in ``recipe_for``.
"""

import math
from dataclasses import dataclass, replace

from vit.errors import RecipeError

_MOST = 1_000_000  # far beyond any use; with hundreds of digits a number is none that can be divided
NETWORKS = ("vit", "deit", "swin", "resnet")
OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class Recipe:
    """How to train a small network from scratch on a small set in about an hour of two CPU cores.

    Steiner et al. 2022, "How to train your ViT?", https://arxiv.org/abs/2106.10270, is the guide for the
    choices; the amounts are for tens of epochs, not hundreds.
    """

    # The network: small enough that its float16 weights stay below 10 MB.
    network: str = "vit"  # vit, deit (a ViT with a distillation token), swin, or resnet
    patch: int = 16  # pixels on a side
    width: int = 192  # of a token; in a Swin, of a token of the first stage
    depth: int = 9  # blocks; a Swin has depths
    heads: int = 6  # in a Swin, of the first stage
    depths: tuple[int, ...] = (2, 6)  # a Swin's blocks, stage by stage; tokens get twice as wide at each
    window: int = 7  # a Swin's windows, in patches on a side
    variant: str = "resnet18"  # a ResNet's name in timm

    # The schedule. Small pictures first: an epoch at 64 px costs a tenth of one at 224, and the position
    # embeddings are interpolated. The last epoch is at the size that the model is for.
    sizes: tuple[int, ...] = (64, 96, 128, 224)  # pixels on a side, one for each part of the schedule
    epochs: tuple[int, ...] = (18, 14, 4, 1)  # how many epochs at each of the sizes
    warmup: float = 2.0  # epochs of rising learning rate; a ViT that starts at full rate can stay at chance

    # The optimizer, with a cosine that ends at zero. AdamW (--optimizer adamw) is the field's choice. Muon takes the
    # matrices inside the blocks from it, and is ahead of it after as many epochs: docs/training.md has the comparison.
    optimizer: str = "muon"  # muon (with AdamW for the rest), or adamw for all
    batch: int = 128  # pictures in a step, of all processes together
    rate: float = 4e-3  # the highest learning rate
    rest: float = 0.25  # of that rate, what AdamW gets beside Muon, for all that is no inner matrix
    decay: float = 0.05  # weight decay, on matrices only
    clip: float = 1.0  # the largest norm of a gradient
    ema: float = 0.99  # the weights that are kept are a moving average over about 1 / (1 - ema) steps

    # What keeps 9,000 pictures from being learned by heart.
    crop_min: float = 0.25  # the smallest share of the picture that a random crop keeps
    flip: float = 0.5  # how often a picture is mirrored
    jitter: float = 0.0  # brightness, contrast and colour, up to this share
    randaugment: int = 0  # strength of RandAugment's two operations, of 30; 0 leaves them out; long schedules want 9
    mix_share: float = 0.4  # the share of batches that MixUp or CutMix blends; short schedules want less
    mixup: float = 0.2  # alpha of MixUp's Beta distribution; 0 leaves MixUp out
    cutmix: float = 1.0  # alpha of CutMix's; 0 leaves CutMix out
    erase: float = 0.1  # how often a rectangle is blanked
    smoothing: float = 0.1  # label smoothing
    repeats: int = 1  # how often a picture stands in a batch, each time augmented anew (repeated augmentation)
    drop_path: float = 0.05  # stochastic depth of the last block

    share: float = 1.0  # the share of the training pictures that is used, the same of each class
    seed: int = 0
    workers: int = 0  # processes that augment pictures; 0 does it between the steps, best where cores are few

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise RecipeError(f"--network {self.network}: it is one of {', '.join(NETWORKS)}.")
        if self.optimizer not in OPTIMIZERS:
            raise RecipeError(f"--optimizer {self.optimizer}: it is one of {', '.join(OPTIMIZERS)}.")
        if self.network == "resnet" and self.optimizer == "muon":
            raise RecipeError("--optimizer muon: a resnet has no matrices inside blocks to move; it takes adamw.")
        if len(self.sizes) != len(self.epochs):
            raise RecipeError(
                f"--sizes names {len(self.sizes)} sizes and --epochs {len(self.epochs)} numbers: as many."
            )
        for name in ("batch", "patch", "width", "depth", "heads", "window", "repeats", "sizes", "depths"):
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                if number < 1:
                    raise RecipeError(f"--{name} {number}: it has to be at least 1.")
                if number > _MOST:
                    raise RecipeError(f"--{name}: it can't be above {_MOST:,}.")
        for name, number in (("epochs", sum(self.epochs)), ("depths", len(self.depths))):
            if number < 1:
                raise RecipeError(f"--{name} {number}: it has to be at least 1.")
        if sum(self.epochs) > _MOST:
            raise RecipeError(f"--epochs: it can't be above {_MOST:,}.")
        if min(self.epochs) < 0 or self.workers < 0 or not self.warmup >= 0:
            raise RecipeError("--epochs, --workers and --warmup can't be below 0.")
        if self.warmup > sum(self.epochs):
            raise RecipeError(f"--warmup {self.warmup:g}: the whole run has {sum(self.epochs)} epochs.")
        if not 0 <= self.seed < 2**32:
            raise RecipeError(f"--seed {self.seed}: it goes from 0 to {2**32 - 1}.")
        if not 0 <= self.randaugment <= 30:
            raise RecipeError(f"--randaugment {self.randaugment}: its strength goes from 0 (off) to 30.")
        for name in ("flip", "mix_share", "erase", "smoothing", "drop_path", "share", "crop_min", "ema"):
            value = getattr(self, name)
            if not 0 <= value <= 1 or (value == 0 and name in ("share", "crop_min")):
                raise RecipeError(f"--{name.replace('_', '-')} {value}: it is a share, between 0 and 1.")
        if self.drop_path == 1:
            raise RecipeError("--drop-path 1.0: a block that is always left out learns nothing; it has to be below 1.")
        for name in ("rate", "rest", "decay", "clip", "mixup", "cutmix", "jitter"):
            value, least = getattr(self, name), "above 0" if name in ("rate", "clip") else "0 or more"
            if not 0 <= value < float("inf") or (value == 0 and name in ("rate", "clip")):
                raise RecipeError(f"--{name} {value}: it has to be {least}, and finite.")
        if self.batch % self.repeats:
            raise RecipeError(f"--batch {self.batch} can't be cut into groups of --repeats {self.repeats}.")

    @property
    def size(self) -> int:
        """The size that the finished model is for, in pixels on a side."""
        return self.sizes[-1]

    @property
    def side(self) -> int:
        """The shorter side, in pixels, of pictures whose smallest crop needs no blowing up.

        Blurred crops teach what no whole picture looks like: a resnet18 at 128 px that was shown crops from pictures
        of 146 px was right on 74.84% of whole ones, and with its norms' statistics from sharp crops on 80.09%.
        """
        return math.ceil(max(self.sizes) / math.sqrt(self.crop_min))

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


# What differs from a Recipe's own values, for pictures like Imagenette's.
_OF_NETWORK: dict[str, dict] = {
    "vit": {},
    "deit": {},
    # Windows of 7 fit the grids of 112 and of 224 pixels, at either stage. Patches of 8: a stage more, with patches
    # of 4, takes twice the time on a processor.
    "swin": {"patch": 8, "width": 96, "heads": 3, "sizes": (112, 224), "epochs": (16, 1)},
    # A CNN is trained with AdamW alone: Muon is for the matrices inside blocks, and a CNN has filters.
    "resnet": {
        "optimizer": "adamw",
        "rate": 2e-3,
        "batch": 64,
        "sizes": (64, 96),
        "epochs": (6, 6),
        "warmup": 1.0,
        "mix_share": 0.3,
        "drop_path": 0.0,
    },
}
# A network that goes on from a trained one (--start) has seen most of it; it needs a short run at a gentler rate.
_STARTED = {"sizes": (96, 224), "epochs": (5, 1), "rate": 2e-3, "warmup": 0.5}
# For pictures of 32 pixels, like CIFAR-10's: a random crop keeps more of so little.
_SMALL = {"sizes": (24, 32), "epochs": (5, 4), "crop_min": 0.5, "mix_share": 0.2, "erase": 0.0, "warmup": 1.0}
_SMALL_OF_NETWORK: dict[str, dict] = {
    "vit": {"patch": 4, "width": 128, "depth": 6, "heads": 4},
    "deit": {"patch": 4, "width": 128, "depth": 6, "heads": 4},
    "swin": {"patch": 2, "width": 64, "depths": (2, 4), "heads": 2, "window": 4},
    "resnet": {"sizes": (32,), "epochs": (10,)},
}
_SMALL_STARTED = {"sizes": (32,), "epochs": (4,), "rate": 2e-3, "warmup": 0.5}
# AdamW wants a lower rate than Muon, for all its weights.
_OF_OPTIMIZER: dict[str, dict] = {"muon": {}, "adamw": {"rate": 1e-3}}


def recipe_for(network: str, small: bool = False, started: bool = False, **choices) -> Recipe:
    """The recipe of a network, with a person's own choices in place of its values.

    ``small`` pictures are like CIFAR-10's, others like Imagenette's; ``started`` is a network that is trained already.
    """
    if network not in NETWORKS:
        raise RecipeError(f"--network {network}: it is one of {', '.join(NETWORKS)}.")
    values = {"network": network, **_OF_NETWORK[network]}
    if small:
        values |= {**_SMALL, **_SMALL_OF_NETWORK[network]}
    if started:
        values |= _SMALL_STARTED if small else _STARTED
    if "optimizer" in choices and choices["optimizer"] != values.get("optimizer", Recipe.optimizer):
        values |= _OF_OPTIMIZER.get(choices["optimizer"], {})
    values |= choices
    if "warmup" in choices:
        return replace(Recipe(), **values)
    recipe = replace(Recipe(), **{**values, "warmup": 0.0})
    usual = values.get("warmup", Recipe.warmup)
    return replace(recipe, warmup=min(usual, recipe.all_epochs / 4))  # a short run warms up for a quarter of its time

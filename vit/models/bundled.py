"""The checkpoints that come with the project: ``assets/weights/NAME.safetensors`` with its card ``NAME.json``.

A card says how the network is built, what its classes are, how it was trained and how often it is right.
``python -m vit train`` writes both files. Reading the cards imports no torch.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import ModelError
from vit.models.safe_file import read_tensors
from vit.models.sharing import Shared

if TYPE_CHECKING:
    from torch import nn

    from vit.models.vision_model import VisionModel

FOLDER = Path(__file__).parents[2] / "assets" / "weights"

_PATIENCE = 60.0  # seconds to wait for another's load of the same 10 MB
_networks = Shared()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Card:
    """What a bundled checkpoint's ``.json`` says, checked."""

    name: str
    network: str  # "vit", "deit", "swin" or "resnet"
    shape: dict  # the network's own arguments; image_size is (height, width)
    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    data: str  # what it was trained on, in words
    top1: float  # percent of validation pictures whose likeliest class is right
    pictures: int  # how many pictures that was measured on; 0 if the card doesn't say
    learned_at: tuple[int, ...]  # the sizes of its run's pictures, pixels on a side; what it is for if it doesn't say


_SIMPLEST = ("vit", "deit", "swin", "resnet")


def bundled_names() -> list[str]:
    """The names of all bundled checkpoints, the one to begin with first, those with an unreadable card last.

    Large pictures go before small ones (a top-1 on CIFAR-10 says nothing about one on photographs), then what is
    simplest to look at: a plain ViT, whose answer is read from CLS alone, before a DeiT, and both before what has
    windows; and then the most accurate first.
    """

    def rank(name: str) -> tuple:
        try:
            card = read_card(name)
        except ModelError:
            return (1, 0, 0.0, name)
        simplest = _SIMPLEST.index(card.network) if card.network in _SIMPLEST else len(_SIMPLEST)
        return (-min(card.shape["image_size"]), simplest, -card.top1, name)

    cards = FOLDER.glob("*.json")
    names = [path.stem for path in cards if _NAME.fullmatch(path.stem) and _weights(path.stem).is_file()]
    return sorted(names, key=rank)


def read_card(name: str, folder: Path | None = None) -> Card:
    """The card of a bundled checkpoint, or of one in another folder; ModelError if it is missing or can't be used."""
    try:
        if not _NAME.fullmatch(name):
            raise FileNotFoundError
        fields = json.loads(((folder or FOLDER) / f"{name}.json").read_text(encoding="utf-8"))
        shape = dict(fields["shape"])
        height, width = (int(side) for side in shape["image_size"])
        shape["image_size"] = (height, width)
        card = Card(
            name=name,
            network=str(fields["network"]),
            shape=shape,
            labels=tuple(str(label) for label in fields["labels"]),
            mean=tuple(float(value) for value in fields["mean"]),
            std=tuple(float(value) for value in fields["std"]),
            interpolation=str(fields["interpolation"]),
            data=str(fields["data"]),
            top1=float(fields["top1"]),
            pictures=int(fields.get("pictures", 0)),
            learned_at=_learned_at(fields.get("recipe", {})) or (min(height, width),),
        )
    except OSError as error:
        raise ModelError(f"There is no bundled model called {name}.") from error
    except KeyError as error:
        raise ModelError(f"The card of the bundled model {name} lacks {error}.") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelError(f"The card of the bundled model {name} is damaged.") from error
    known = card.interpolation in ("nearest", "bilinear", "bicubic", "lanczos")
    if not known or len(card.mean) != 3 or len(card.std) != 3:
        raise ModelError(f"The card of the bundled model {name} does not say how to prepare a picture.")
    if not card.labels or not 0 <= card.top1 <= 100:
        raise ModelError(f"The card of the bundled model {name} is damaged.")
    return card


def _learned_at(recipe: dict) -> tuple[int, ...]:
    """Those of a recipe's sizes that any epoch was spent at."""
    schedule = zip(recipe.get("sizes", ()), recipe.get("epochs", ()), strict=True)
    return tuple(int(size) for size, epochs in schedule if epochs)


def describe(name: str) -> str:
    """A bundled model in a line: ``bundled · Imagenette, 10 classes · top-1 61.24%``."""
    try:
        card = read_card(name)
    except ModelError:
        return "bundled · its card is damaged"
    return f"bundled · {card.data}, {len(card.labels)} classes · top-1 {percent(card.top1)}"


def percent(top1: float) -> str:
    """An accuracy with the card's own two places, so that it is the same number wherever it stands: "77.16%"."""
    return f"{top1:.2f}%"


def load_bundled(name: str, weights: str | Path = "pretrained") -> "VisionModel":
    """A bundled model; ``weights`` may also be "random", or a safetensors file that fits its shape exactly."""
    card = read_card(name)
    if weights == "random":
        network, provenance = build(card).eval().requires_grad_(False), "random"
    elif weights == "pretrained":
        network = _networks.get(name, lambda _: _filled(card, _weights(name), f"The weights of {name}"), _PATIENCE)
        provenance = "bundled"
    else:
        path = Path(weights)
        network, provenance = _filled(card, path, f"The weights file {path.name}"), f"file:{path.name}"
    return _as_model(card, name, network, provenance)


def load_run(folder: Path) -> "tuple[Card, VisionModel]":
    """The card and the model of a finished run of ``python -m vit train``: float32, eval mode, frozen."""
    if not (folder / "model.json").is_file():
        raise ModelError(f"{folder} holds no finished run: there is no model.json in it.")
    card = read_card("model", folder)
    network = _filled(card, folder / "model.safetensors", f"The weights in {folder.name}")
    return card, _as_model(card, folder.name, network, "this run")


def find_trained(name: str) -> "tuple[Card, VisionModel] | None":
    """A finished run, by its folder, or a bundled model, by its name; None if there is neither."""
    if Path(name).is_dir():
        return load_run(Path(name))
    return (read_card(name), load_bundled(name)) if name in bundled_names() else None


def _as_model(card: Card, name: str, network: "nn.Module", provenance: str) -> "VisionModel":
    """The card's network with the preparation and the labels that the card names."""
    from vit.models.vision_model import Preprocessing, VisionModel

    prepare = Preprocessing(card.shape["image_size"], card.mean, card.std, card.interpolation)  # type: ignore[arg-type]
    return VisionModel(name, network, prepare, card.labels, provenance)


def _filled(card: Card, path: Path, what: str) -> "nn.Module":
    """The card's network with a file's weights, in float32, eval mode, frozen."""
    network = build(card)
    tensors = read_tensors(path, what)
    try:
        network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, strict=True)
    except RuntimeError as error:
        raise ModelError(f"{what} can't be used: they do not fit the network of {card.name}.") from error
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise ModelError(f"{what} can't be used: they hold numbers that are not finite.")
    return network.eval().requires_grad_(False)


def build(card: Card) -> "nn.Module":
    """The card's network, untrained."""
    from vit.models.networks import build_network

    try:
        return build_network(card.network, card.shape, len(card.labels))
    except ModelError as error:
        raise ModelError(f"The card of the bundled model {card.name} can't be used. {error}") from error
    except (TypeError, ValueError, ZeroDivisionError, RuntimeError, AssertionError, KeyError) as error:
        raise ModelError(f"The card of the bundled model {card.name} describes no possible network.") from error


def _weights(name: str) -> Path:
    return FOLDER / f"{name}.safetensors"

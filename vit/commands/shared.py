"""What several commands take from the command line, each said once: the photo, the model, numbers, files to write."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import ImageError, VitError

if TYPE_CHECKING:
    import numpy as np

    from vit.commands.work import Work
    from vit.models.vision_model import VisionModel

_DECLARED = re.compile(r'^@(?:method|registered)\("(\w+)"', re.MULTILINE)


def names_in(package: str) -> str:
    """The methods of ``methods``, or the measures of ``measures``, in a line for a help text.

    They are read off the decorators in the package's files: importing it would import torch, and help comes at once.
    """
    files = sorted((Path(__file__).parents[1] / package).glob("*.py"))
    return ", ".join(name for file in files for name in _DECLARED.findall(file.read_text(encoding="utf-8")))


def add_photo(parser: argparse.ArgumentParser) -> None:
    """PHOTO."""
    parser.add_argument("photo", metavar="PHOTO", help="a picture file")


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model`` and ``--weights``."""
    parser.add_argument("--model", help="a bundled name or a timm name (default: the best whose weights are at hand)")
    parser.add_argument("--weights", default="pretrained", help="pretrained (default), or a .safetensors file")


def add_target(parser: argparse.ArgumentParser, about: str, *names: str) -> None:
    """``--target``, or an option of another name, which takes a class by its name or number."""
    parser.add_argument(*(names or ("--target",)), metavar="CLASS", help=f"{about}; CLASS is a name or a number")


def add_options(parser: argparse.ArgumentParser, about: str) -> None:
    """``--option NAME=VALUE``, as often as need be."""
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help=about)


def add_size(parser: argparse.ArgumentParser) -> None:
    """``--size HEIGHT,WIDTH``."""
    parser.add_argument("--size", metavar="HEIGHT,WIDTH", help="feed the model at another size than its own, in pixels")


def add_out(parser: argparse.ArgumentParser, about: str) -> None:
    """``-o OUT``, which has to be given."""
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help=about)


def add_data(parser: argparse.ArgumentParser) -> None:
    """``--data FOLDER`` of pictures in classes."""
    about = "holds train/CLASS/… and val/CLASS/…; or the word cifar10"
    parser.add_argument("--data", required=True, metavar="FOLDER", help=about)


def add_check(parser: argparse.ArgumentParser, orders: int) -> None:
    """What one photo's truth check and a folder's have in common."""
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help=f"of {names_in('methods')} (default: all)")
    parser.add_argument("--steps", type=int, default=20, help="parts that patches go in (default: 20)")
    parser.add_argument("--orders", type=int, default=orders, help=f"random orders (default: {orders})")
    parser.add_argument("--seed", type=int, default=0, help="of the random orders (default: 0)")
    parser.add_argument("--batch", type=int, default=16, help="pictures that are predicted at once (default: 16)")


def check_numbers(options: argparse.Namespace) -> None:
    """Raises VitError for a number of ``add_check`` that can't be, before any work is done."""
    for name, least in (("steps", 2), ("orders", 1), ("batch", 1)):
        if getattr(options, name) < least:
            raise VitError(f"--{name} {getattr(options, name)}: it is a whole number, {least} or more.")
    if not 0 <= options.seed < 2**32:
        raise VitError(f"--seed: it goes from 0 to {2**32 - 1}.")


def check_files(paths: list[Path], endings: tuple[str, ...]) -> None:
    """Raises VitError for a file that couldn't be written in the end, before any work is done."""
    for path in paths:
        if path.suffix.lower() not in endings:
            raise VitError(f"{path.name} ends in none of: {', '.join(endings)}.")
        check_folder_of(path)


def check_folder_of(path: Path) -> None:
    """Raises VitError if there is no folder for a file to be written into."""
    if not path.absolute().parent.is_dir():
        raise VitError(f"There is no folder {path.parent} to write into.")


def check_weights(options: argparse.Namespace) -> None:
    """Raises VitError for weights whose maps would mean nothing, and for a file that isn't there."""
    if options.weights == "random":
        raise VitError("Untrained weights show nothing; --weights takes pretrained or a .safetensors file.")
    if options.weights != "pretrained" and not Path(options.weights).is_file():
        raise VitError(f"--weights {options.weights}: there is no such file; give pretrained or a .safetensors file.")


def open_photo(name: str | Path) -> "np.ndarray":
    """A picture file as RGB uint8 ``(height, width, 3)``; ImageError that begins with its name as typed.

    ``load_image`` itself names no file, for the page shows its sentences to visitors. It needs no torch, so a wrong
    file is told before anything is loaded.
    """
    from vit.image import load_image

    try:
        return load_image(name)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


def model_name(options: argparse.Namespace) -> str:
    """The model that was asked for, or the one to begin with; needs no torch."""
    from vit.models import default_model

    return options.model or default_model()


def open_model(options: argparse.Namespace, work: "Work") -> "VisionModel":
    """The model and the weights that were asked for; a download is counted in ``work``."""
    from vit.models import load_model

    return load_model(model_name(options), options.weights, progress=work.megabytes)


def own_option(words: str) -> tuple[str, int | float | str]:
    """A method's or a measure's own option out of "residual=0.3", "centred=True" or "part=negative"."""
    name, equals, value = words.partition("=")
    if not equals:
        raise VitError(f"--option takes NAME=VALUE, such as residual=0.3; {words!r} is not that.")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value.lower(), value)


def pair(name: str, words: str) -> tuple[int, int]:
    """Two whole numbers out of "3,8"; VitError that names the option if they are none."""
    parts = words.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise VitError(f"{name} takes two whole numbers with a comma between, such as 3,8; {words!r} is not that.")
    return int(parts[0]), int(parts[1])


def token(name: str, words: str) -> tuple[int, int] | str:
    """A patch out of "3,8", or else a token's name, such as "cls"."""
    return pair(name, words) if "," in words else words.lower()

"""Any timm model by name: weights that are really there, its own preprocessing, readable labels.

Names come from timm's own closed list. Names that timm would take as instructions (``hf-hub:…``, ``local-dir:…``,
paths) never reach it. Weights are safetensors files, never pickles, and are checked after loading: timm itself only
writes a line in its log when it goes on with random ones.
"""

import difflib
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vit.errors import ModelError
from vit.models.bundled import bundled_names
from vit.models.download import Progress, default_deadline, weights_file
from vit.models.safe_file import read_tensors
from vit.models.sharing import Shared

if TYPE_CHECKING:
    from torch import nn

    from vit.models.vision_model import VisionModel

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")
_networks = Shared()


@lru_cache(maxsize=1)
def timm_names() -> tuple[str, ...]:
    """The timm models that can be loaded: with a tag, pretrained, and with their weights on the hub.

    timm knows a few more that are only offered as pickle files on other servers; those are left out.
    """
    import timm
    from timm.models import get_pretrained_cfg

    return tuple(name for name in timm.list_models(pretrained=True) if _repository(get_pretrained_cfg(name)))


def load_timm(
    name: str,
    weights: str | Path = "pretrained",
    offline_help: Callable[[], str] = str,
    progress: Progress | None = None,
    deadline: float | None = None,
    cancel: threading.Event | None = None,
) -> "VisionModel":
    """A timm model; see ``vit.models.load_model``. ``offline_help`` says in a sentence what works without a network."""
    if weights == "random":
        return _model(name, _create(known_name(name, pretrained=False)), "random")
    if weights != "pretrained":
        path = Path(weights)
        network = _load_weights(known_name(name, pretrained=False), path, f"The weights file {path.name}")
        return _model(name, network, f"file:{path.name}")

    from timm.models import get_pretrained_cfg

    full = known_name(name, pretrained=True)
    repository = _repository(get_pretrained_cfg(full))
    if repository is None:
        raise ModelError(f"The weights of {full} are offered as a pickle file only, which is not loaded here.")

    def load(seconds: float) -> "nn.Module":
        path = weights_file(repository, offline_help, progress, seconds, cancel)
        return _load_weights(full, path, f"The weights in {repository}")

    network = _networks.get(full, load, default_deadline() if deadline is None else deadline, cancel)
    return _model(name, network, f"hub:{repository}")


def untrained(name: str, size: tuple[int, int]) -> "VisionModel":
    """An architecture with random weights for pictures of ``size``, built for it where timm builds for a size."""
    known = known_name(name, pretrained=False)
    try:
        network = _create(known, img_size=size)
    except TypeError:  # a network that takes any size
        network = _create(known)
    model = _model(name, network, "random")
    return replace(model, prepare=replace(model.prepare, size=size))


def looks_like_name(name: object) -> bool:
    """Whether this could be a model's name at all: letters, digits, ``_``, ``-`` and ``.``, not too long."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def known_name(name: str, pretrained: bool) -> str:
    """The name as timm's list has it, with the default tag added if it has none; ModelError with what is close."""
    import timm
    from timm.models import get_pretrained_cfg

    closed = set(timm.list_models(pretrained=True))
    if not pretrained:
        closed |= set(timm.list_models())
    if name in closed:
        return name
    if "." not in name and name in timm.list_models():
        config = get_pretrained_cfg(name)
        full = f"{name}.{config.tag}" if config is not None and config.tag else name
        if full in closed:
            return full
        raise ModelError(f"timm has no trained weights for {name}.")
    architecture = name.partition(".")[0]
    near = [other for other in sorted(closed) if other.startswith(architecture + ".")][:3]  # a wrong tag, then
    others = closed | set(timm.list_models()) | set(bundled_names() if pretrained else ())
    near = near or difflib.get_close_matches(name, sorted(others), n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else " See the list of models for what there is."
    raise ModelError(f"There is no model called {name}.{hint}")


def _repository(config) -> str | None:
    """The hub's repository with a timm model's safetensors file, from its ``PretrainedCfg``."""
    if config is None or not config.hf_hub_id or config.hf_hub_filename:
        return None
    return config.hf_hub_id


def _create(name: str, **options) -> "nn.Module":
    import timm

    try:
        network = timm.create_model(name, **options)
    except MemoryError as error:
        raise ModelError(f"{name} does not fit into this machine's memory.") from error
    return network.eval().requires_grad_(False)


def _load_weights(name: str, path: Path, what: str) -> "nn.Module":
    """The network with the file's weights, converted by timm where they are of an older form, every one accounted for.

    timm takes the file as it is and asks no network. ModelError if the file is damaged or does not fit.
    """
    tensors = read_tensors(path, what)
    try:
        network = _create(name, pretrained=True, pretrained_cfg_overlay={"file": str(path)})
    except ModelError:
        raise
    except Exception as error:  # timm's conversions fail in many ways on a file that isn't the model's
        raise ModelError(f"{what} do not fit {name}.") from error
    missing = _not_loaded(network, tensors)
    if missing:
        raise ModelError(f"{what} lack {len(missing)} of the tensors of {name}, such as {missing[0]}.")
    _forget_path(network)
    return network


def _not_loaded(network: "nn.Module", tensors: dict) -> list[str]:
    """The network's tensors that did not come from the file's.

    A tensor of the same name and the same values came from it. The rest must come out of timm's conversion for the
    family; where that has no name to ask it by, timm's strict loading has already refused a file with gaps.
    """
    import sys

    import torch

    state = network.state_dict()

    def differs(key: str) -> bool:
        given, held = tensors.get(key), state[key]
        return given is None or given.shape != held.shape or not torch.equal(given.to(held.dtype), held)

    rest = [key for key in state if differs(key)]
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if not rest or convert is None:
        return []
    converted = convert(dict(tensors), network)
    return [key for key in rest if key not in converted]


def _forget_path(network: "nn.Module") -> None:
    """timm notes the file's place in the network's configuration; a place on this machine is nobody's business."""
    for attribute in ("pretrained_cfg", "default_cfg"):
        configuration = vars(network).get(attribute)
        if isinstance(configuration, dict):
            configuration.pop("file", None)


def _model(name: str, network: "nn.Module", provenance: str) -> "VisionModel":
    from timm.data.config import resolve_model_data_config

    from vit.models.labels import class_labels
    from vit.models.vision_model import Preprocessing, VisionModel

    config = resolve_model_data_config(network)
    channels, height, width = config["input_size"]
    if channels != 3:
        raise ModelError(f"{name} takes pictures of {channels} channels, not colour photographs.")
    interpolation = config["interpolation"]
    if interpolation not in ("nearest", "bilinear", "bicubic", "lanczos"):
        interpolation = "bicubic"
    prepare = Preprocessing((height, width), tuple(config["mean"]), tuple(config["std"]), interpolation)
    labels = class_labels(vars(network)["pretrained_cfg"], int(vars(network).get("num_classes", 0)))
    return VisionModel(name, network, prepare, labels, provenance)

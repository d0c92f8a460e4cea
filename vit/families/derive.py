"""Finds out what a variant does: builds it with random weights, runs one picture through it, and asks the methods."""

from dataclasses import replace

import numpy as np
from torch import nn

from vit.attention import AttentionRecord
from vit.capture import record_attention
from vit.errors import BudgetError, CaptureError, MethodError
from vit.families.mechanism import mechanisms
from vit.families.table import Facts
from vit.methods import explain, get_method, list_methods
from vit.methods.choices import asking
from vit.models.layouts import plan_of
from vit.models.timm_models import untrained


def derive(variant: str, size: int) -> Facts:
    """The facts of one of timm's architectures for square pictures of ``size`` pixels."""
    model = untrained(variant, (size, size))
    family = type(model.network).__module__.rpartition(".")[2]
    # Sentences that refuse name the model: the table's are about the whole family.
    model = replace(model, name=family)
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    plan = plan_of(model.network, model.prepare(picture))
    beside = plan.without.values()
    needs = {need for name in list_methods() for need in get_method(name).needs}
    target = 0 if "gradients" in needs and model.labels else None
    try:
        record = record_attention(model, picture, target=target, keep=tuple(sorted(needs - {"gradients"})))
    except CaptureError as error:
        return Facts(variant, size, family, 0, len(beside), mechanisms((), beside), instead=_instead(str(error)))
    return Facts(
        variant,
        size,
        family,
        len(record.layers),
        len(beside),
        mechanisms(record.layers, beside),
        convolutions=_after_convolutions(model.network, record),
        prefix=_prefix(record),
        readout=asking(record.layers[-1].queries, None, record.readout)[1].removeprefix("from "),
        refused=_refused(record),
    )


def _instead(sentence: str) -> str:
    """What the network does, out of the sentence that refuses it: between its colon and its first stop."""
    words = sentence.partition(": ")[2].partition(". ")[0]
    return f"{words[:1].upper()}{words[1:]}."


def _after_convolutions(network: nn.Module, record: AttentionRecord) -> bool:
    """Whether the first attention's tokens come out of convolutions that overlap, more than one."""
    first = record.layers[0].name.partition(":")[0]
    before = 0
    for name, module in network.named_modules():
        if name == first:
            break
        before += isinstance(module, nn.Conv2d) and module.kernel_size > module.stride
    return before > 1


def _prefix(record: AttentionRecord) -> str:
    """The names of all layers' prefix tokens, in the order in which they are met; a run of registers in short."""
    names = list(dict.fromkeys(n for layer in record.layers for n in (*layer.queries.prefix, *layer.keys.prefix)))
    registers = [name for name in names if name.startswith("reg")]
    if len(registers) > 2:
        at = names.index(registers[0])
        names = [name for name in names if name not in registers]
        names.insert(at, f"{registers[0]}–{registers[-1]}")
    return ", ".join(names)


NO_CLASS = "These come without a classifier, so there is no class to take gradients for."
# A flow asks of the layers just what rollout asks, and through all layers of a large network it is minutes of work.
AS = {"attention_flow": "rollout"}


def _refused(record: AttentionRecord) -> dict[str, str]:
    """The methods that refuse this record, each with its sentence."""
    refused = {}
    for name in list_methods():
        try:
            explain(record, AS.get(name, name))
        except MethodError as error:
            # Its own sentence asks for a class; there is none.
            refused[name] = NO_CLASS if "target=CLASS" in str(error) and not record.labels else str(error)
        except BudgetError:
            pass  # defined for the family, and too much for this size: a smaller picture will do
    return refused

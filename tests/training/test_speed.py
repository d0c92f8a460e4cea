"""Mixed precision where a processor has it, attention step by step in it, and a curve that stays the same."""

import csv
from dataclasses import replace

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import nn
from torch.nn import functional as F

from tests.training.tiny import PLAIN, quiet
from vit.errors import RecipeError
from vit.training import speed
from vit.training.run import Run

CPU = torch.device("cpu")


@pytest.fixture
def compute_in(monkeypatch):
    """Sets the precision of the runs to come. Accelerate decides once in a process; here it forgets in between."""

    def choose(way: str) -> None:
        AcceleratorState._reset_state()
        monkeypatch.setattr("vit.training.run.precision", lambda: way)

    yield choose
    AcceleratorState._reset_state()


def test_what_accelerate_was_told_goes_first_and_fp16_is_a_sentence(monkeypatch):
    for said in ("no", "bf16"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", said)
        assert speed.precision() == said
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(RecipeError, match="--mixed_precision fp16"):
        speed.precision()


@pytest.mark.parametrize(
    ("able", "expected"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx512_bf16": False}, "no"), ({}, "no")],
)
def test_a_processor_computes_in_bfloat16_where_it_has_instructions_for_it(monkeypatch, able, expected):
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert speed.precision() == expected


def test_accelerate_launch_has_a_say_before_the_processor(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert speed.precision() == "no"


@pytest.mark.parametrize("network", ["vit", "swin", "resnet"])
def test_in_bfloat16_the_loss_falls_as_it_does_in_float32(compute_in, learning, tmp_path, network):
    """The same pictures in the same order; only the rounding differs."""
    own = {"swin": {"patch": 4, "window": 2}, "resnet": {"epochs": (1, 2)}}.get(network, {})
    recipe = replace(PLAIN, **{"network": network, "optimizer": "adamw", "epochs": (3, 3), **own})
    curves = {}
    for way in ("no", "bf16"):
        compute_in(way)
        quiet(learning, tmp_path / way, recipe)
        with (tmp_path / way / "metrics.csv").open(newline="") as file:
            curves[way] = [float(row["loss"]) for row in csv.DictReader(file)]
    assert curves["no"][-1] < 0.8 * curves["no"][0]
    assert curves["bf16"] == pytest.approx(curves["no"], abs=0.05)
    assert curves["bf16"] != curves["no"]  # it was computed in another precision


def test_weights_and_their_average_stay_in_float32(compute_in, learning):
    compute_in("bf16")
    run = Run(learning, PLAIN, None, None, {})
    run.epoch(0, run.batches())
    kept = [*run.network.parameters(), *run.average.module.parameters()]
    assert {value.dtype for value in kept} == {torch.float32}


def test_attention_is_the_same_step_by_step_and_what_was_set_comes_back():
    queries, keys, values = torch.randn(3, 2, 4, 9, 16, generator=torch.Generator().manual_seed(0)).bfloat16()
    fused = F.scaled_dot_product_attention(queries, keys, values)
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(), torch.backends.cuda.flash_sdp_enabled()
    with speed.quick_attention(CPU, "bf16"):
        assert not torch.backends.cuda.flash_sdp_enabled()
        one_by_one = F.scaled_dot_product_attention(queries, keys, values)
    after = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(), torch.backends.cuda.flash_sdp_enabled()
    assert after == before
    assert (one_by_one - fused).abs().max() < 0.02  # bfloat16 has eight bits


def test_in_float32_attention_is_left_alone():
    with speed.quick_attention(CPU, "no"):
        assert torch.backends.cuda.flash_sdp_enabled()


def test_a_cnn_learns_with_a_pixels_channels_side_by_side(learning):
    run = Run(learning, replace(PLAIN, network="resnet", optimizer="adamw"), None, None, {})
    filters = [layer.weight for layer in run.network.modules() if isinstance(layer, nn.Conv2d)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in filters)

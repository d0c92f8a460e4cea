"""That a recipe's choices reach what is learned: its rate, its blends, its clip, and which weights are kept."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from tests.training.tiny import TINY, quiet, same
from vit.training.augment import fed_batches
from vit.training.optimizer import rate_at
from vit.training.run import Run


@pytest.fixture
def steps(monkeypatch):
    """What every step of the runs to come was given and left: a dict each."""
    seen: list[dict] = []

    def step(self, pixels, targets, *place):
        given = {"pixels": pixels.clone(), "targets": targets.clone()}
        number = once(self, pixels, targets, *place)
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        length = float(torch.nn.utils.get_total_norm(gradients))
        seen.append({**given, "rates": [group["lr"] for group in self.optimizer.param_groups], "length": length})
        return number

    once = Run.step
    monkeypatch.setattr(Run, "step", step)
    return seen


def test_each_step_learns_at_its_own_rate(learning, tmp_path, steps):
    quiet(learning, tmp_path / "run")
    expected = [rate_at(third / 3, TINY) for third in range(9)]  # three steps an epoch
    assert expected[:4] == pytest.approx([0, 0.001, 0.002, 0.003])
    assert [step["rates"] for step in steps] == [pytest.approx([rate] * len(steps[0]["rates"])) for rate in expected]


def test_each_step_learns_from_blended_pictures_and_no_gradient_is_longer_than_the_clip(learning, tmp_path, steps):
    recipe = replace(TINY, mix_share=1.0, clip=1e-3)
    quiet(learning, tmp_path / "run", recipe)
    fed = [batch for epoch in range(3) for batch in fed_batches(learning, recipe, epoch)]
    for step, (pixels, targets) in zip(steps, fed, strict=True):
        assert torch.equal(step["pixels"], pixels)
        assert torch.equal(step["targets"], targets)
        assert step["length"] == pytest.approx(1e-3, rel=0.01)
    assert any(bool(((step["targets"] > 0.1) & (step["targets"] < 0.9)).any()) for step in steps)


def test_each_choice_changes_what_is_learned(learning, tmp_path):
    short = replace(TINY, sizes=(16,), epochs=(1,))
    plain = quiet(learning, tmp_path / "plain", short)
    choices = {"smoothing": 0.5, "clip": 0.01, "mix_share": 0.0, "decay": 0.5, "rest": 0.5, "drop_path": 0.5}
    for name, value in (choices | {"ema": 0.9}).items():
        assert not same(plain, quiet(learning, tmp_path / name, replace(short, **{name: value}))), name


def test_what_is_watched_and_what_comes_out_are_the_averaged_weights(learning, tmp_path):
    seen = []
    watch = lambda epochs, network: seen.append(deepcopy(network))  # noqa: E731
    network = quiet(learning, tmp_path / "run", watchers=[watch])
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    for each in (network, seen[-1]):
        assert all(torch.equal(value, state["average"][name]) for name, value in each.state_dict().items())
        assert not torch.equal(each.state_dict()["head.weight"], state["network"]["head.weight"])

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tests.training.tiny import PLAIN, TINY, percent_right, quiet
from vit.errors import RecipeError
from vit.models.bundled import load_run, read_card
from vit.training.augment import fed_batches
from vit.training.card import write_model
from vit.training.learner import Learner, Teacher
from vit.training.networks import start_from, untrained

DEIT = replace(PLAIN, network="deit")


def liar(teacher: Teacher) -> Any:
    """The teacher with its two classes swapped."""
    lie: Any = lambda pixels: teacher(pixels).flip(-1)  # noqa: E731
    lie.to = lambda device: lie
    return lie


@pytest.fixture
def teacher_run(learning, measured, tmp_path):
    """A finished ViT run that tells red from blue: any network may teach."""
    recipe = replace(PLAIN, epochs=(8, 8))
    network = quiet(learning, tmp_path / "teacher", recipe)
    write_model(network, measured, tmp_path / "teacher", recipe, {"data": "shades"})
    return tmp_path / "teacher"


def test_half_of_the_loss_is_the_label_on_cls_and_half_the_teacher_on_dist():
    """By hand, for one picture of two classes: −log softmax of either head, at its own answer."""
    network: Any = untrained(DEIT, 2)
    logits = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, -1.0]])
    network.heads = lambda pixels: logits  # type: ignore[method-assign]
    loss = Learner(network, smoothing=0.0)(
        torch.zeros(1, 3, 32, 32), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.6, 0.4]])
    )
    by_hand = (torch.log1p(torch.exp(torch.tensor(-2.0))) + torch.log1p(torch.exp(torch.tensor(-3.0)))) / 2
    assert float(loss) == pytest.approx(float(by_hand), abs=1e-6)


def test_a_network_with_one_classifier_learns_half_from_the_label_and_half_from_the_teachers_shares():
    """By hand, for one picture of two classes: −log softmax is log(1 + e²), less 2 for the larger logit."""
    network: Any = untrained(PLAIN, 2)
    network.forward = lambda pixels: torch.tensor([[1.0, 3.0]])  # type: ignore[method-assign]
    loss = Learner(network, smoothing=0.0)(
        torch.zeros(1, 3, 32, 32), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.6, 0.4]])
    )
    small, large = math.log1p(math.exp(2)), math.log1p(math.exp(2)) - 2
    assert float(loss) == pytest.approx((large + 0.6 * small + 0.4 * large) / 2, abs=1e-6)


def test_gradients_go_to_each_head_from_its_own_lesson():
    network: Any = untrained(DEIT, 2)
    pixels = torch.rand(4, 3, 32, 32)
    labels, taught = F.one_hot(torch.tensor([0, 1, 0, 1]), 2).float(), torch.tensor([1, 1, 0, 0])
    Learner(network, 0.1)(pixels, labels, F.one_hot(taught, 2) * 0.8 + 0.1).backward()
    by_label, by_teacher = network.heads(pixels)
    own = torch.autograd.grad(F.cross_entropy(by_teacher, taught) / 2, network.head_dist.weight)[0]
    assert torch.allclose(network.head_dist.weight.grad, own, atol=1e-6)
    own = torch.autograd.grad(F.cross_entropy(by_label, labels, label_smoothing=0.1) / 2, network.head.weight)[0]
    assert torch.allclose(network.head.weight.grad, own, atol=1e-6)


def test_without_a_teacher_a_deit_learns_from_labels_and_so_does_every_other_network():
    for recipe in (DEIT, PLAIN):
        network = untrained(recipe, 2)
        pixels, labels = torch.rand(4, 3, 32, 32), F.one_hot(torch.tensor([0, 1, 0, 1]), 2).float()
        assert torch.allclose(
            Learner(network, 0.1)(pixels, labels), F.cross_entropy(network(pixels), labels, label_smoothing=0.1)
        )


def test_the_distillation_token_learns_the_teachers_word_even_against_the_labels(learning, teacher_run, tmp_path):
    """The teacher's classes are swapped: CLS still learns the truth, DIST what the teacher says."""
    teacher = Teacher(str(teacher_run), ("blue", "red"))
    assert teacher.top1 == 100.0
    network = quiet(learning, tmp_path / "deit", replace(PLAIN, network="deit", epochs=(10, 10)), teacher=liar(teacher))
    for head, right in ((0, 100.0), (1, 0.0)):
        alone = torch.nn.Module()
        alone.weight = torch.nn.Parameter(torch.zeros(1))
        alone.forward = lambda pixels, head=head: network.heads(pixels)[head]  # type: ignore[method-assign]
        assert percent_right(alone, learning) == right


def test_a_network_without_that_token_learns_from_a_teacher_too(learning, teacher_run, tmp_path):
    """Labels and teacher contradict each other, so it can be sure of no picture, as it is without a teacher."""
    teacher = liar(Teacher(str(teacher_run), ("blue", "red")))
    recipe = replace(PLAIN, epochs=(10, 10), smoothing=0.0)
    taught = quiet(learning, tmp_path / "taught", recipe, teacher=teacher)
    alone = quiet(learning, tmp_path / "alone", recipe)
    pixels, _ = next(iter(fed_batches(learning, recipe, 0)))
    with torch.no_grad():
        sure = [float(network(pixels).softmax(dim=-1).amax(dim=-1).mean()) for network in (alone, taught)]
    assert sure[0] > 0.75 and sure[1] < 0.65


def test_the_teacher_sees_sizes_that_it_learned_at(teacher_run):
    teacher = Teacher(str(teacher_run), ("blue", "red"))
    sizes = []
    answer = teacher.network.forward
    teacher.network.forward = lambda pixels: sizes.append(tuple(pixels.shape[-2:])) or answer(pixels)
    assert torch.allclose(teacher(torch.rand(2, 3, 16, 16)).sum(dim=-1), torch.ones(2))
    teacher(torch.rand(2, 3, 64, 64))
    assert torch.allclose(teacher(torch.full((2, 3, 8, 8), 0.5)), teacher(torch.full((2, 3, 16, 16), 0.5)))
    teacher(torch.rand(2, 3, 24, 24))
    assert sizes == [(16, 16), (32, 32), (16, 16), (16, 16), (24, 24)]
    assert all(not parameter.requires_grad for parameter in teacher.network.parameters())


def test_a_size_without_an_epoch_is_none_that_was_learned_at(teacher_run):
    assert load_run(teacher_run)[0].learned_at == (16, 32)
    path = teacher_run / "model.json"
    fields = json.loads(path.read_text())
    fields["recipe"]["epochs"] = [0, 8]
    path.write_text(json.dumps(fields))
    assert load_run(teacher_run)[0].learned_at == (32,)
    del fields["recipe"]
    path.write_text(json.dumps(fields))
    assert load_run(teacher_run)[0].learned_at == (32,)  # the size that it is for


def test_a_teacher_of_other_classes_is_a_sentence(teacher_run):
    with pytest.raises(RecipeError, match="other classes"):
        Teacher(str(teacher_run), ("blue", "green"))


def test_a_bundled_model_may_teach():
    card = read_card("vit_imagenette")
    assert (Teacher("vit_imagenette", card.labels).name, card.network) == ("vit", "vit")


def test_a_deit_that_starts_from_a_vit_answers_as_the_vit_does():
    """The distillation token starts as CLS's twin; the twin shares CLS's part of every row, so answers stay close."""
    torch.manual_seed(0)
    vit: Any = untrained(TINY, 2).eval()
    deit: Any = untrained(DEIT, 2).eval()
    start_from(deit, vit)
    pixels = torch.rand(2, 3, 32, 32)
    by_label, by_teacher = deit.heads(pixels)
    assert torch.allclose(by_label, by_teacher, atol=1e-6)
    assert torch.allclose(deit(pixels), vit(pixels), atol=0.05)
    again = untrained(TINY, 2).eval()
    start_from(again, vit)
    assert torch.equal(again(pixels), vit(pixels))


def test_a_start_with_other_classes_keeps_all_but_the_classifier():
    torch.manual_seed(0)
    trained, fresh = untrained(TINY, 5), untrained(TINY, 2)
    head = fresh.state_dict()["head.weight"].clone()
    start_from(fresh, trained)
    assert torch.equal(fresh.state_dict()["head.weight"], head)
    assert torch.equal(fresh.state_dict()["pos_embed"], trained.state_dict()["pos_embed"])


def test_a_start_may_have_learned_from_pictures_of_another_size():
    """Its places are interpolated, as when it is shown such pictures itself: both answer alike."""
    torch.manual_seed(0)
    trained, wider = untrained(replace(TINY, sizes=(16, 48)), 2).eval(), untrained(TINY, 2).eval()
    start_from(wider, trained)
    pixels = torch.rand(2, 3, 32, 32)
    assert torch.allclose(wider(pixels), trained(pixels), atol=1e-6)
    deit: Any = untrained(DEIT, 2).eval()
    start_from(deit, trained)
    assert torch.allclose(deit.pos_embed[:, 2:], wider.state_dict()["pos_embed"][:, 1:])


@pytest.mark.parametrize(
    "other", [{"depth": 3}, {"width": 48}, {"network": "resnet", "optimizer": "adamw"}, {"patch": 16}]
)
def test_a_start_of_another_shape_is_a_sentence(other):
    with pytest.raises(RecipeError, match="--start: its shape is another"):
        start_from(untrained(TINY, 2), untrained(replace(TINY, **other), 2))

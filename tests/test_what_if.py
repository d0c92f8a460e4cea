import copy
import threading
from typing import Any

import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from vit.ablation import masked, patches_hidden, top_share, what_if
from vit.attention import Heatmap
from vit.capture import record_attention
from vit.errors import MethodError, ModelError
from vit.models.vision_model import VisionModel


def without_head(model: VisionModel, layer: int, head: int, heads: int) -> torch.Tensor:
    """The logits of a copy of the network in which the output projection ignores a head's channels."""
    network = copy.deepcopy(model.network)
    name = record_attention(model, photo()).layers[layer].name
    attention: Any = network.get_submodule(name)
    width = attention.proj.weight.shape[1] // heads
    with torch.no_grad():
        attention.proj.weight[:, head * width : (head + 1) * width] = 0
        return network(model.prepare(photo()))[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_silent_head_is_one_that_the_projection_ignores(family):
    model = tiny_model(family)
    record = record_attention(model, photo())
    for number in (0, 1):
        heads = record.layers[number].heads
        found = what_if(model, photo(), silence=[(number, heads - 1)])
        assert torch.equal(found.before, record.logits)
        assert not torch.allclose(found.after, found.before, atol=1e-4)
        assert torch.allclose(found.after, without_head(model, number, heads - 1, heads), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_silent_layer_is_all_its_heads(family):
    model = tiny_model(family)
    heads = record_attention(model, photo()).layers[-1].heads
    whole = what_if(model, photo(), silence=[(-1, None)])
    one_by_one = what_if(model, photo(), silence=[(-1, head) for head in range(heads)])
    assert torch.equal(whole.after, one_by_one.after)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_changed_is_the_same_answer_to_the_last_bit(family):
    found = what_if(tiny_model(family), photo())
    assert torch.equal(found.before, found.after)
    assert found.words.startswith("still ")


def test_hidden_patches_are_the_mean_colour_and_no_others_are():
    pixels = torch.ones(1, 3, 32, 48)
    hidden = torch.zeros(4, 6, dtype=torch.bool)
    hidden[1, 2] = hidden[3, 5] = True
    expected = torch.ones(1, 3, 32, 48)
    expected[:, :, 8:16, 16:24] = expected[:, :, 24:32, 40:48] = 0
    assert torch.equal(masked(pixels, hidden), expected)


def test_a_grid_that_does_not_divide_the_picture_covers_it_all():
    everything = torch.ones(3, 5, dtype=torch.bool)
    assert float(masked(torch.ones(1, 3, 32, 32), everything).sum()) == 0


def test_all_hidden_is_the_answer_to_the_mean_colour():
    model = tiny_model("our vit")
    found = what_if(model, photo(), hide=torch.ones(4, 4, dtype=torch.bool))
    with torch.no_grad():
        expected = model.network(torch.zeros(1, 3, 32, 32))[0]
    assert torch.equal(found.after, expected)


def test_the_top_share_of_a_map():
    heat = Heatmap(torch.tensor([[0.1, 0.4], [0.4, 0.2]]), "raw", "worked out by hand")
    assert top_share(heat, 0.25).tolist() == [[False, True], [False, False]]  # of equal ones, the upper left
    assert top_share(heat, 0.75).tolist() == [[False, True], [True, True]]
    assert not bool(top_share(heat, 0).any())
    assert bool(top_share(heat, 1).all())
    with pytest.raises(MethodError, match="in 0 to 1; 1.5 is not"):
        top_share(heat, 1.5)


def test_patches_by_row_and_column():
    record = record_attention(tiny_model("our vit"), photo())
    assert patches_hidden(record, [(0, 1), (3, 3)]).nonzero().tolist() == [[0, 1], [3, 3]]
    with pytest.raises(MethodError, match="rows 0 to 3, columns 0 to 3"):
        patches_hidden(record, [(4, 0)])


def test_a_second_person_at_the_same_time_sees_the_network_as_it_is():
    model = tiny_model("vit")
    expected = record_attention(model, photo(1)).logits
    stop, wrong = threading.Event(), []

    def others() -> None:
        while not stop.is_set():
            if not torch.equal(record_attention(model, photo(1)).logits, expected):
                wrong.append(1)

    person = threading.Thread(target=others)
    person.start()
    first = what_if(model, photo(), silence=[(0, None)]).after
    assert all(torch.equal(what_if(model, photo(), silence=[(0, None)]).after, first) for _ in range(20))
    stop.set()
    person.join()
    assert not wrong


def test_what_changed_in_words_and_numbers():
    model = tiny_model("our vit")
    found = what_if(model, photo(), silence=[(0, None), (1, None)])
    rows = found.shares(3)
    assert rows[0][:2] == (int(found.before.argmax()), model.labels[int(found.before.argmax())])
    assert all(abs(before - float(found.before.softmax(-1)[c])) < 1e-6 for c, _, before, _ in rows)
    assert all(abs(after - float(found.after.softmax(-1)[c])) < 1e-6 for c, _, _, after in rows)
    assert 3 <= len(rows) <= 6


def test_places_that_are_not_there_and_networks_without_an_answer():
    model = tiny_model("our vit")
    with pytest.raises(MethodError, match="Layer 9 is not in 0 to 1"):
        what_if(model, photo(), silence=[(9, None)])
    with pytest.raises(MethodError, match="Head 2 of layer 1 is not in 0 to 1"):
        what_if(model, photo(), silence=[(1, 2)])
    with pytest.raises(MethodError, match="a grid of True and False, not of numbers"):
        what_if(tiny_model("vit"), photo(), hide=[(3, 8)])  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="grid of rows and columns"):
        what_if(model, photo(), hide=torch.ones(4, dtype=torch.bool))
    with pytest.raises(ModelError, match="no classifier"):
        what_if(VisionModel("bare", model.network, model.prepare, (), "random"), photo())

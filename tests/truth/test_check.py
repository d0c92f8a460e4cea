from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import WINDOWED, add_noise, photo, tiny_model
from vit.ablation import what_if
from vit.attention import Grid, Heatmap
from vit.capture import record_attention
from vit.errors import MethodError
from vit.methods import explain, list_methods
from vit.models.vision_model import Preprocessing, VisionModel
from vit.truth.check import check, predictor
from vit.truth.table import as_csv, as_markdown, as_text, to_npz

QUICK: dict[str, Any] = {"steps": 3, "orders": 2}


@pytest.mark.parametrize("family", ["vit", "our deit", "siglip", "our swin"])
def test_every_method_is_ranked_or_listed_with_its_sentence(family):
    found = check(tiny_model(family), photo(), **QUICK)
    assert {each.method for each in found.results} | {name for name, _ in found.refused} == set(list_methods())
    gains = [each.gain for each in found.results]
    assert gains == sorted(gains, reverse=True)
    assert all(len(why) > 20 for _, why in found.refused)
    assert all(each.grid == found.grid for each in found.results)
    if family in WINDOWED:
        assert found.grid.size < 16 * 16  # the last stage's is coarser than the first's


def test_the_class_is_the_likeliest_unless_another_is_named():
    model = tiny_model("vit")
    shares = record_attention(model, photo()).logits.softmax(-1)
    found = check(model, photo(), ["raw"], **QUICK)
    assert (found.target, found.label) == (int(shares.argmax()), f"class {int(shares.argmax())}")
    assert found.probability == pytest.approx(float(shares.max()), abs=1e-5)
    assert float(found.results[0].deletion.ordered[0]) == pytest.approx(found.probability, abs=1e-6)
    other = check(model, photo(), ["raw"], 3, **QUICK)
    assert (other.target, other.probability) == (3, pytest.approx(float(shares[3]), abs=1e-5))


def test_a_finished_map_is_checked_beside_methods_by_name():
    model = tiny_model("vit")
    heat = explain(record_attention(model, photo()), "raw", layer=0, head=1)
    found = check(model, photo(), ["rollout", heat], **QUICK)
    assert {each.caption for each in found.results} >= {heat.caption}


def test_each_point_is_the_probability_of_the_picture_with_those_patches_gone():
    """Against a slow loop that paints the patches one by one."""
    model, values = tiny_model("vit"), torch.rand(4, 4, generator=torch.Generator().manual_seed(0))
    found = check(model, photo(), [Heatmap(values, "noise", "")], 2, steps=16, orders=1).results[0]
    pixels = model.prepare(photo()).clone()
    for patch, measured in zip(values.flatten().argsort(descending=True), found.deletion.ordered[1:], strict=True):
        row, col = divmod(int(patch), 4)
        pixels[..., 8 * row : 8 * row + 8, 8 * col : 8 * col + 8] = 0
        with torch.no_grad():
            assert float(measured) == pytest.approx(float(model.network(pixels).softmax(-1)[0, 2]), abs=1e-6)


def test_a_flat_map_is_refused_and_the_others_are_not():
    found = check(tiny_model("vit"), photo(), ["raw", Heatmap(torch.ones(4, 4), "flat", "")], **QUICK)
    assert [each.method for each in found.results] == ["raw"]
    assert found.refused == (("flat", "The map of flat is the same everywhere, so there is no order to check."),)


def test_a_flat_map_s_grid_counts_so_that_all_photos_of_a_folder_have_the_same():
    coarse = Heatmap(torch.ones(2, 2), "flat", "")
    assert check(tiny_model("vit"), photo(), ["raw", coarse], **QUICK).grid == Grid(2, 2)


def test_a_network_that_answers_with_a_tuple_is_checked_as_it_is_recorded():
    model = tiny_model("vit")

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model.network

        def forward(self, pixels):
            return (self.inner(pixels),)

    wrapped = replace(model, network=Wrapped().eval())
    found, plain = (check(each, photo(), ["raw"], **QUICK) for each in (wrapped, model))
    assert found.results[0].deletion.area == plain.results[0].deletion.area
    assert torch.equal(what_if(wrapped, photo()).before, what_if(model, photo()).before)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"maps": ["saliency"]}, "There is no method 'saliency'"),
        ({"maps": []}, "There is no map to check"),
        ({"maps": [Heatmap(torch.ones(2, 2), "flat", "")]}, "flat: The map of flat is the same everywhere"),
        ({"target": 10}, "Class 10 is not in 0 to 9"),
        ({"target": 1.5}, "Class 1.5 is not in 0 to 9"),
        ({"steps": 0}, "steps=0"),
    ],
)
def test_what_can_not_be_checked_is_a_sentence(changed, says):
    with pytest.raises(MethodError) as error:
        check(tiny_model("vit"), photo(), **changed)
    assert says in str(error.value)


def test_a_model_without_a_classifier_is_a_sentence():
    from vit.models.vit import ViT

    network = add_noise(ViT((32, 32), patch=8, width=32, depth=2, heads=2, classes=10)).eval()
    with pytest.raises(MethodError, match="has no classifier"):
        check(VisionModel("bare", network, Preprocessing((32, 32)), (), "random"), photo())


def test_the_prediction_changes_nothing_and_needs_no_gradient():
    model = tiny_model("vit")
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    shares = predictor(model)(model.prepare(photo()).repeat(2, 1, 1, 1))
    assert shares.sum(-1).tolist() == pytest.approx([1.0, 1.0])
    assert not shares.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.state_dict().items())


@pytest.fixture(scope="module")
def checked():
    flat = Heatmap(torch.ones(4, 4), "flat", "")
    return check(tiny_model("vit"), photo(), ["raw", "rollout", flat], steps=4, orders=3)


def test_the_text_has_a_line_for_each_method_and_names_what_chance_gives(checked):
    text = as_text(checked)
    assert "untrained weights" in text.splitlines()[0]
    for found in checked.results:
        line = next(line for line in text.splitlines() if line.startswith(found.method + " "))
        assert f"{found.deletion.area:.3f}" in line
        assert found.words in line
    assert "3 random orders of 4 × 4 patches" in text
    assert "flat: not checked. The map of flat" in text


def test_the_page_and_the_csv_hold_the_same_numbers(checked):
    import csv

    page, rows = as_markdown(checked), list(csv.DictReader(as_csv(checked).splitlines()))
    assert [row["method"] for row in rows] == [*(found.method for found in checked.results), "flat"]
    for found, row in zip(checked.results, rows, strict=False):
        assert float(row["insertion_area"]) == pytest.approx(found.insertion.area, abs=1e-6)
        assert float(row["deletion_p"]) == pytest.approx(found.deletion.p)
        assert f"| {found.method} | {found.deletion.area:.3f} | {found.insertion.area:.3f} |" in page
    assert rows[-1]["verdict"].startswith("not checked: ")


def test_every_curve_is_in_the_npz(checked, tmp_path):
    import io
    import json

    arrays = np.load(io.BytesIO(to_npz(checked)), allow_pickle=False)
    about = json.loads(str(arrays["about"]))
    assert about["target"] == checked.target
    for number, found in enumerate(checked.results):
        assert about["methods"][number]["method"] == found.method
        assert np.array_equal(arrays[f"{number}_deletion_ordered"], found.deletion.ordered.numpy())
        assert np.array_equal(arrays[f"{number}_insertion_backwards"], found.insertion.backwards.numpy())
        assert np.array_equal(arrays["insertion_random"], found.insertion.random.numpy())
        area = np.trapezoid(arrays[f"{number}_deletion_ordered"], arrays["shares"])
        assert area == pytest.approx(found.deletion.area)

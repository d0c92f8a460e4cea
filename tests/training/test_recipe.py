from dataclasses import replace

import pytest
import torch

from vit.errors import RecipeError
from vit.training.networks import shape_of, untrained
from vit.training.recipe import NETWORKS, Recipe, recipe_for


def test_sizes_follow_the_schedule():
    recipe = Recipe(sizes=(96, 128, 224), epochs=(2, 1, 1))
    assert [recipe.size_at(epoch) for epoch in range(4)] == [96, 96, 128, 224]
    assert (recipe.size, recipe.all_epochs) == (224, 4)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_recipe_makes_a_network_that_answers_at_every_size_of_its_schedule(network, small, started):
    recipe = recipe_for(network, small, started)
    built = untrained(recipe, 10).eval()
    with torch.no_grad():
        for size in recipe.sizes:
            assert built(torch.zeros(1, 3, size, size)).shape == (1, 10)
    if network != "resnet":  # what is bundled stays below 10 MB in half precision
        assert 2 * sum(parameter.numel() for parameter in built.parameters()) < 10e6
        assert shape_of(recipe)["image_size"] == [recipe.size, recipe.size]


def test_a_persons_own_choices_go_before_the_networks():
    assert recipe_for("deit", epochs=(1, 1, 1, 1)).all_epochs == 4
    assert recipe_for("vit", small=True).patch == 4
    assert recipe_for("vit", small=True, patch=8).patch == 8
    assert recipe_for("deit", started=True).all_epochs < recipe_for("deit").all_epochs == recipe_for("vit").all_epochs
    assert recipe_for("vit", optimizer="adamw").rate == 1e-3  # Muon's own rate would be too much for it
    assert recipe_for("vit", optimizer="adamw", rate=2e-3).rate == 2e-3
    assert recipe_for("resnet", optimizer="adamw").rate == recipe_for("resnet").rate


def test_a_number_with_hundreds_of_digits_is_a_sentence_where_the_warm_up_follows_from_it():
    with pytest.raises(RecipeError, match="--epochs: it can't be above 1,000,000"):
        recipe_for("vit", sizes=(64,), epochs=(10**400,))


def test_a_resnet_is_the_one_that_the_recipe_names():
    networks = [untrained(recipe_for("resnet", small=True, variant=name), 2) for name in ("resnet18", "resnet34")]
    small, large = (sum(parameter.numel() for parameter in network.parameters()) for network in networks)
    assert large > 1.5 * small
    assert shape_of(recipe_for("resnet", variant="resnet34"))["variant"] == "resnet34"


def test_a_short_run_warms_up_for_a_quarter_of_it():
    assert recipe_for("vit").warmup == 2.0
    assert recipe_for("vit", sizes=(64,), epochs=(1,)).warmup == 0.25
    assert recipe_for("vit", sizes=(64,), epochs=(3,), warmup=1.0).warmup == 1.0


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"network": "cnn"}, "--network cnn: it is one of vit, deit, swin, resnet"),
        ({"optimizer": "sgd"}, "--optimizer sgd: it is one of adamw, muon"),
        ({"sizes": (96,), "epochs": (1, 2)}, "--sizes names 1 sizes"),
        ({"batch": 0}, "--batch 0: it has to be at least 1"),
        ({"epochs": (0, 0, 0, 0)}, "--epochs 0"),
        ({"epochs": (3, -1, 0, 1)}, "below 0"),
        ({"erase": 1.5}, r"--erase 1\.5: it is a share"),
        ({"share": 0.0}, "--share 0"),
        ({"mix_share": -0.1}, "--mix-share"),
        ({"rate": 0.0}, "--rate 0"),
        ({"rate": float("nan")}, "--rate nan"),
        ({"decay": -1.0}, r"--decay -1\.0: it has to be 0 or more"),
        ({"drop_path": 1.0}, "--drop-path"),
        ({"network": "resnet"}, "--optimizer muon: a resnet"),
        ({"sizes": (64,), "epochs": (1,)}, "--warmup 2: the whole run has 1 epochs"),
        ({"seed": 2**32}, "--seed 4294967296"),
        ({"randaugment": 31}, "--randaugment 31"),
        ({"repeats": 3}, "--batch 128 can't be cut"),
        ({"epochs": (10**400, 1, 1, 1)}, "--epochs: it can't be above 1,000,000"),
        ({"width": 10**400}, "--width: it can't be above 1,000,000"),
        ({"sizes": (64, 10**400), "epochs": (1, 1)}, "--sizes: it can't be above 1,000,000"),
    ],
)
def test_a_choice_that_can_not_be_is_a_sentence_with_its_flag(choice, says):
    with pytest.raises(RecipeError, match=says):
        replace(Recipe(), **choice)


@pytest.mark.parametrize(
    ("choice", "says"),
    [({"width": 100, "heads": 3}, "--width 100 can't be shared"), ({"sizes": (100,), "epochs": (2,)}, "--sizes 100")],
)
def test_a_network_that_can_not_be_is_a_sentence_with_its_flag(choice, says):
    with pytest.raises(RecipeError, match=says):
        untrained(replace(Recipe(), **choice), 10)


def test_pictures_are_kept_so_large_that_no_crop_is_blown_up():
    """A quarter of a square of 448 pixels is a square of 224."""
    assert replace(Recipe(), sizes=(64, 224), epochs=(1, 1), crop_min=0.25).side == 448
    assert replace(Recipe(), sizes=(32,), epochs=(2,), crop_min=1.0).side == 32

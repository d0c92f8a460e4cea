from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tests.training.tiny import PLAIN, TINY
from vit.training.augment import Augment, Feed, Order, chance, fed_batches, learning_batches, restore_colours
from vit.training.data import Pictures, Split


def uniform(shades: list[int], side: int = 32) -> Pictures:
    """Pictures of one shade each; a picture's class is its shade, black or white."""
    sources = [torch.full((3, side, side), shade, dtype=torch.uint8) for shade in shades]
    return Pictures(Split(sources, tuple(int(shade > 127) for shade in shades), ("black", "white")))


def batches(pictures, recipe, epoch=0):
    return list(fed_batches(pictures, recipe, epoch))


def test_every_batch_has_its_shape_and_shares_that_sum_to_one(learning):
    for mix in (0.0, 1.0):
        found = batches(learning, replace(TINY, mix_share=mix), epoch=2)
        assert [tuple(pixels.shape) for pixels, _ in found] == [(8, 3, 32, 32)] * 3
        shares = torch.cat([targets for _, targets in found])
        assert torch.allclose(shares.sum(1), torch.ones(24))
        assert bool(((shares > 0.01) & (shares < 0.99)).any()) == (mix == 1.0)


@pytest.mark.parametrize("way", [{"mixup": 1.0, "cutmix": 0.0}, {"mixup": 0.0, "cutmix": 1.0}])
def test_a_blend_holds_as_much_of_each_class_as_its_target_says(way):
    """Black and white pictures: the mean shade of a blend is the share of white, for MixUp and for CutMix."""
    pictures = uniform([0, 255] * 16)
    recipe = replace(PLAIN, sizes=(32,), epochs=(1,), batch=16, mix_share=1.0, **way)
    found = batches(pictures, recipe)
    shades = torch.cat([torch.from_numpy(restore_colours(pixels)) for pixels, _ in found]).float().mean((1, 2, 3)) / 255
    shares = torch.cat([targets for _, targets in found])
    assert torch.allclose(shades, shares[:, 1], atol=0.01)
    assert bool(((shares > 0.05) & (shares < 0.95)).any())


def test_nothing_is_blended_where_both_ways_are_off(learning):
    found = batches(learning, replace(TINY, mix_share=1.0, mixup=0.0, cutmix=0.0))
    assert set(torch.cat([targets for _, targets in found]).flatten().tolist()) == {0.0, 1.0}


def test_without_augmentation_the_picture_itself_is_fed(learning):
    recipe = replace(PLAIN, sizes=(32,), epochs=(1,), batch=24)
    ((pixels, targets),) = batches(learning, recipe)
    fed = zip(restore_colours(pixels), targets, strict=True)
    labels = {picture.tobytes(): int(target.argmax()) for picture, target in fed}
    for number in range(24):
        picture, label = learning[number]
        assert labels[picture.permute(1, 2, 0).contiguous().numpy().tobytes()] == label


@pytest.mark.parametrize(
    "choice", [{"erase": 1.0}, {"flip": 1.0}, {"randaugment": 9}, {"jitter": 0.5}, {"crop_min": 0.2}]
)
def test_each_augmentation_changes_what_is_fed(learning, choice):
    recipe = replace(PLAIN, sizes=(32,), epochs=(1,), batch=24)
    ((plain, _),), ((changed, _),) = batches(learning, recipe), batches(learning, replace(recipe, **choice))
    assert not torch.equal(plain, changed)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("erase", 0.5, 1.0),
        ("flip", 0.2, 0.5),
        ("randaugment", 3, 9),
        ("jitter", 0.1, 0.5),
        ("crop_min", 0.2, 0.5),
        ("mixup", 0.2, 1.0),
        ("cutmix", 0.2, 1.0),
        ("mix_share", 0.0, 1.0),
    ],
)
def test_another_amount_feeds_other_batches(learning, name, one, other):
    only = {"mixup": {"cutmix": 0.0, "mix_share": 1.0}, "cutmix": {"mixup": 0.0, "mix_share": 1.0}}
    recipe = replace(PLAIN, sizes=(32,), epochs=(1,), batch=24, **only.get(name, {}))
    ((little, _),), ((much, _),) = (batches(learning, replace(recipe, **{name: value})) for value in (one, other))
    assert not torch.equal(little, much)


def test_as_many_pictures_are_mirrored_and_blanked_and_batches_blended_as_the_recipe_says():
    """A quarter each, of 400 pictures that are white on their left: within three standard deviations."""
    picture = torch.zeros(3, 32, 32, dtype=torch.uint8)
    picture[:, :, :16] = 255
    recipe = replace(PLAIN, sizes=(32,), epochs=(1,), mix_share=0.25, mixup=1.0)
    mirrored, blanked = (
        sum(not torch.equal(augment(picture, 0, place), picture) for place in range(400))
        for augment in (Augment(replace(recipe, flip=0.25)), Augment(replace(recipe, erase=0.25)))
    )
    feed, labels = Feed(recipe, 2), torch.tensor([0, 1])
    fed = [feed(torch.stack([picture, picture]), labels, 0, step)[1] for step in range(400)]
    blended = sum(not torch.equal(targets, torch.eye(2)) for targets in fed)
    counted = [mirrored, blanked, blended]
    assert all(abs(count - 100) < 26 for count in counted), counted


def test_no_picture_is_changed_by_what_is_made_of_it(learning):
    """A crop as large as the picture is the picture itself: what is blanked in it would stay so for all epochs."""
    before = [learning[number][0].clone() for number in range(24)]
    everything = {"erase": 1.0, "flip": 0.5, "jitter": 0.4, "randaugment": 9, "mix_share": 1.0}
    for choice in ({"erase": 1.0}, everything):
        batches(learning, replace(PLAIN, sizes=(32,), epochs=(1,), **choice))
    assert all(torch.equal(learning[number][0], picture) for number, picture in enumerate(before))


def test_colours_change_by_no_more_than_the_jitter():
    grey = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    augment = Augment(replace(PLAIN, sizes=(8,), epochs=(1,), jitter=0.2))
    shades = [float(augment(grey, 0, place).float().mean()) for place in range(100)]
    assert 79 <= min(shades) < 85 and 115 < max(shades) <= 121


def test_an_epoch_is_fed_alike_whoever_prepares_it(learning):
    assert learning_batches(learning, replace(TINY, workers=2), range(1)).num_workers == 2
    one, two = batches(learning, TINY), batches(learning, replace(TINY, workers=2))
    for (pixels, targets), (others, other_targets) in zip(one, two, strict=True):
        assert torch.equal(pixels, others)
        assert torch.equal(targets, other_targets)


def test_processes_that_share_a_step_decide_alike_about_its_blend(learning):
    """Either half has the same classes in turn, so the same blend gives it the same shares."""
    feed = Feed(replace(TINY, mix_share=0.5), 2)
    pixels = torch.stack([learning[number][0] for number in range(8)])
    labels = torch.tensor([0, 1] * 4)
    decided = []
    for step in range(20):
        one, two = (feed(pixels[half], labels[half], 0, step)[1] for half in (slice(4), slice(4, 8)))
        assert torch.equal(one, two)
        decided.append(round(float(one[0, 0]), 5))
    blended = {share for share in decided if share != 1.0}
    assert len(blended) > 4 and decided.count(1.0) > 4
    assert Order(25, replace(TINY, batch=32), range(1), processes=2).steps == 1
    assert Order(25, replace(TINY, batch=32), range(1), processes=2).batch_size == 24


def test_one_loader_for_all_epochs_gives_what_a_loader_for_each_gives(learning):
    """With processes too, which are started once and go on through the epochs and their sizes."""
    apart = [batch for epoch in range(3) for batch in learning_batches(learning, TINY, range(epoch, epoch + 1))]
    for workers in (0, 2):
        together = list(learning_batches(learning, replace(TINY, workers=workers), range(3)))
        assert [tuple(pixels.shape) for pixels, _ in together] == [(8, 3, 16, 16)] * 3 + [(8, 3, 32, 32)] * 6
        for (pixels, labels), (others, other_labels) in zip(together, apart, strict=True):
            assert pixels.dtype == torch.uint8
            assert torch.equal(pixels, others)
            assert torch.equal(labels, other_labels)


def test_epochs_differ(learning):
    assert not torch.equal(batches(learning, TINY, 1)[0][0], batches(learning, TINY, 2)[0][0])


def test_an_epoch_holds_every_picture_once():
    order = [number for batch in Order(24, TINY, range(1)) for *_, number in batch]
    assert sorted(order) == list(range(24))
    assert order != list(range(24))


def test_repeated_augmentation_shows_a_picture_several_times_each_time_anew(learning):
    recipe = replace(TINY, repeats=4, mix_share=0.0)
    for batch in Order(24, recipe, range(1)):
        numbers = [number for *_, number in batch]
        assert sorted(numbers.count(number) for number in set(numbers)) == [4, 4]
        assert all(one != next_one for one, next_one in pairwise(numbers))  # neighbours are blended: never with itself
    pixels, _ = batches(learning, recipe)[0]
    assert not torch.equal(pixels[0], pixels[2])  # the same picture, cropped anew


def test_chance_leaves_the_other_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with chance(1, 2, 3):
        first = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with chance(1, 2, 3):
        assert torch.equal(torch.rand(3), first)
    with chance(1, 2, 4):
        assert not torch.equal(torch.rand(3), first)

"""Checked with models made by hand, whose curves can be worked out on paper."""

from itertools import pairwise

import pytest
import torch

from vit.attention import Heatmap
from vit.errors import MethodError
from vit.measures.curves import Curves, Faithfulness
from vit.measures.faithfulness import faithfulness
from vit.tokens import Grid

ROWS, COLS, SIDE = 3, 5, 4  # a grid that is not square, of patches of 4 × 4 pixels
SIZE = ROWS * COLS
# A picture of ones, but for a checkerboard of −1 within each patch, which blurs to nearly nothing.
CHECKS = 1 - 2 * ((torch.arange(ROWS * SIDE).unsqueeze(1) + torch.arange(COLS * SIDE)) % 2).float()
PIXELS = CHECKS.expand(1, 3, -1, -1)


def whole_patches(pixels):
    """Which patches are there as in the picture, ``(n, 3, height, width)`` to ``(n, size)`` of 0 or 1."""
    same = (pixels == PIXELS).all(1).float()  # (n, height, width)
    return same.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).amin((-1, -2)).flatten(1)


def linear(weights):
    """A model whose probability of class 1 is the sum of the weights of the patches that are whole."""

    def predict(pixels):
        share = whole_patches(pixels).double() @ weights.flatten().double()
        return torch.stack([1 - share, share], -1)

    return predict


def map_of(values, method="by hand"):
    return Heatmap(values.float(), method, "a caption")


WEIGHTS = torch.arange(1.0, SIZE + 1)[torch.randperm(SIZE, generator=torch.Generator().manual_seed(1))]
WEIGHTS = (WEIGHTS / WEIGHTS.sum()).reshape(ROWS, COLS)


def area_by_hand(weights):
    """Under the curve of deletion in an order, one patch a step, by summing trapezoids."""
    left = [1.0]
    for weight in weights.double().flatten().tolist():
        left.append(left[-1] - weight)
    return sum((a + b) / 2 for a, b in pairwise(left)) / len(weights)


def test_the_true_order_has_the_area_that_paper_gives_and_the_reversed_one_the_other_extreme():
    (found,) = faithfulness([map_of(WEIGHTS)], PIXELS, linear(WEIGHTS), 1, steps=SIZE)
    falling, rising = WEIGHTS.flatten().sort(descending=True).values, WEIGHTS.flatten().sort().values
    best, worst = area_by_hand(falling), area_by_hand(rising)
    assert found.deletion.area == pytest.approx(best, abs=1e-6)
    assert found.deletion.backwards_area == pytest.approx(worst, abs=1e-6)
    assert found.insertion.area == pytest.approx(1 - best, abs=1e-6)
    assert found.insertion.backwards_area == pytest.approx(1 - worst, abs=1e-6)
    for curves in found.tests:
        assert curves.random_areas.shape == (19,)
        assert best < float(curves.random_areas.min())
        assert float(curves.random_areas.max()) < worst
        assert float(curves.random_areas.mean()) == pytest.approx(0.5, abs=0.05)  # by symmetry
        assert (curves.as_good, curves.p, curves.standing) == (0, 0.05, "better")
        assert curves.words == "better than chance: none of 19 random orders do as well (p = 0.05)"
    assert found.words == "better than chance"
    assert found.gain > 0.1


def test_every_point_of_a_curve_is_the_weight_of_the_patches_left():
    values = torch.arange(SIZE, 0.0, -1).reshape(ROWS, COLS)  # row by row
    (found,) = faithfulness([map_of(values)], PIXELS, linear(WEIGHTS), 1, steps=4, orders=1, batch=5)
    counts = (found.deletion.shares * SIZE).round().long().tolist()
    assert counts == [0, 4, 8, 11, 15]
    left = [float(WEIGHTS.flatten()[count:].double().sum()) for count in counts]
    assert found.deletion.ordered.tolist() == pytest.approx(left, abs=1e-6)
    assert found.insertion.ordered.tolist() == pytest.approx([1 - share for share in left], abs=1e-6)


def test_a_map_that_is_wrong_everywhere_is_worse_than_chance():
    (found,) = faithfulness([map_of(-WEIGHTS)], PIXELS, linear(WEIGHTS), 1, steps=SIZE)
    assert [curves.standing for curves in found.tests] == ["worse", "worse"]
    assert found.words == "worse than chance"
    assert found.deletion.words == "worse than chance: 19 of 19 random orders do better"
    assert found.gain < -0.1


def test_a_model_that_ignores_the_picture_is_no_better_than_chance():
    def predict(pixels):
        return torch.tensor([[0.3, 0.7]]).expand(len(pixels), 2)

    (found,) = faithfulness([map_of(WEIGHTS)], PIXELS, predict, 1)
    assert found.words == "no better than chance on this photo"
    for curves in found.tests:
        assert (curves.p, curves.area) == (1.0, pytest.approx(0.7))
        assert curves.words == "no better than chance on this photo: 19 of 19 random orders do as well (p = 1)"


def test_maps_by_chance_are_called_better_no_more_often_than_the_level_says():
    generator = torch.Generator().manual_seed(5)
    maps = [map_of(torch.rand(ROWS, COLS, generator=generator), str(number)) for number in range(200)]
    found = faithfulness(maps, PIXELS, linear(WEIGHTS), 1, seed=2, backwards=False, orders=39, batch=2000)
    for test in ("deletion", "insertion"):
        ranks = torch.tensor([getattr(each, test).p for each in found])
        assert 0.4 < float(ranks.mean()) < 0.6  # spread evenly over 0 to 1
        assert float((ranks <= 0.05).double().mean()) < 0.12  # one band for all, so not exactly 0.05


def test_few_random_orders_are_not_called_proof():
    (found,) = faithfulness([map_of(WEIGHTS)], PIXELS, linear(WEIGHTS), 1, orders=5, steps=SIZE)
    assert found.words == "ahead of all 5 random orders, too few to tell from chance"
    assert found.deletion.words.endswith("(p = 0.17; it takes 19)")


def test_the_band_is_the_same_for_every_map_and_repeats_with_its_seed():
    maps = [map_of(WEIGHTS), map_of(WEIGHTS.flip(0), "flipped")]
    one, other = faithfulness(maps, PIXELS, linear(WEIGHTS), 1)
    alone = faithfulness(maps[1:], PIXELS, linear(WEIGHTS), 1)[0]
    assert torch.equal(one.deletion.random, other.deletion.random)
    assert torch.equal(other.insertion.random, alone.insertion.random)
    assert torch.equal(other.insertion.ordered, alone.insertion.ordered)
    again = faithfulness(maps[:1], PIXELS, linear(WEIGHTS), 1, seed=1)[0]
    assert not torch.equal(one.deletion.random, again.deletion.random)


def test_a_finer_map_is_checked_on_the_coarsest_grid():
    fine = WEIGHTS.repeat_interleave(2, 0).repeat_interleave(2, 1)
    one, other = faithfulness([map_of(WEIGHTS), map_of(fine)], PIXELS, linear(WEIGHTS), 1)
    assert one.grid == other.grid == Grid(ROWS, COLS)
    assert torch.equal(one.deletion.ordered, other.deletion.ordered)


def test_a_coarse_map_on_a_finer_grid_has_ties_and_says_so():
    halves = torch.tensor([[2.0], [1.0], [1.0]])  # three rows, one column
    (found,) = faithfulness([map_of(halves)], PIXELS, linear(WEIGHTS), 1, grid=Grid(ROWS, COLS), steps=SIZE)
    assert found.tied == 1.0
    first = WEIGHTS[0].double().sum()
    assert float(found.deletion.ordered[COLS]) == pytest.approx(1 - float(first), abs=1e-6)


def test_progress_counts_every_picture_and_can_stop_the_check():
    seen = []
    faithfulness([map_of(WEIGHTS)], PIXELS, linear(WEIGHTS), 1, steps=5, orders=2, batch=7, progress=seen_in(seen))
    total = 3 + 2 * 4 * (5 - 1)  # three whole pictures; two tests of four orders, each with four points between
    assert seen[0] == (3, total)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})

    class Stop(Exception):
        pass

    def stop(done, total):
        if done > 10:
            raise Stop

    asked = []

    def predict(pixels):
        asked.append(len(pixels))
        return linear(WEIGHTS)(pixels)

    with pytest.raises(Stop):
        faithfulness([map_of(WEIGHTS)], PIXELS, predict, 1, batch=8, progress=stop)
    assert sum(asked) == 11  # three whole ones, and one batch


def seen_in(seen):
    return lambda done, total: seen.append((done, total))


def test_the_batch_changes_nothing():
    results = [faithfulness([map_of(WEIGHTS)], PIXELS, linear(WEIGHTS), 1, batch=batch)[0] for batch in (1, 13, 999)]
    for other in results[1:]:
        assert torch.equal(results[0].deletion.random, other.deletion.random)
        assert torch.equal(results[0].insertion.ordered, other.insertion.ordered)


def curves_with(test, area, randoms):
    """Flat curves of these heights, which are then their areas."""
    shares = torch.tensor([0.0, 1.0], dtype=torch.float64)
    return Curves(
        test, shares, torch.full((2,), area).double(), None, torch.tensor(randoms).double().unsqueeze(1).expand(-1, 2)
    )


@pytest.mark.parametrize(
    ("deletion", "insertion", "words"),
    [
        (0.1, 0.5, "better than chance in deletion only"),
        (0.1, 0.1, "better than chance in deletion but worse than chance in insertion"),
        (0.5, 0.1, "worse than chance in insertion"),
        (0.5, 0.5, "no better than chance on this photo"),
    ],
)
def test_two_tests_that_disagree_are_both_told(deletion, insertion, words):
    randoms = [0.4 + 0.01 * number for number in range(20)]
    tests = curves_with("deletion", deletion, randoms), curves_with("insertion", insertion, randoms)
    assert Faithfulness("raw", "", 0, Grid(2, 2), 0.0, *tests).words == words


def test_rank_and_spread_are_those_of_the_random_orders():
    curves = curves_with("insertion", 0.5, [0.1, 0.5, 0.6, 0.2])
    assert (curves.as_good, curves.as_bad, curves.p) == (2, 3, pytest.approx(3 / 5))
    assert curves.gain == pytest.approx(0.5 - 0.35)
    assert curves.spread == pytest.approx(0.23804761)
    assert curves_with("deletion", 0.5, [0.3]).spread == 0.0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"steps": 1}, "steps=1 is not a whole number of 2 or more"),
        ({"orders": 0}, "orders=0 is not a whole number of 1 or more"),
        ({"batch": 2.5}, "batch=2.5"),
        ({"blur": 0}, "blur=0 is not a share"),
        ({"target": 2}, "Class 2 is not in 0 to 1"),
        ({"target": -1}, "Class -1 is not in 0 to 1"),
        ({"grid": Grid(1, 1)}, "A grid of 1 × 1 patches can't be checked"),
        ({"grid": Grid(50, 2)}, "A grid of 50 × 2"),
        ({"heats": []}, "There is no map"),
        ({"heats": [map_of(torch.ones(2, 2))]}, "The map of by hand is the same everywhere"),
        ({"predict": lambda pixels: torch.full((len(pixels), 2), float("nan"))}, "no probabilities"),
        ({"predict": lambda pixels: torch.full((len(pixels), 2), 3.0)}, "no probabilities"),
        ({"predict": lambda pixels: torch.zeros(2)}, "predict gave (2,) for 3 pictures"),
    ],
)
def test_what_can_not_be_checked_is_a_sentence(changed, says):
    given = {"heats": [map_of(WEIGHTS)], "pixels": PIXELS, "predict": linear(WEIGHTS), "target": 1, **changed}
    with pytest.raises(MethodError) as error:
        faithfulness(**given)
    assert says in str(error.value)

import csv
from dataclasses import replace

import numpy as np
import pytest

from vit.errors import DataError
from vit.truth.folder import Row
from vit.truth.report import as_csv, as_markdown, pictures_as_csv
from vit.truth.summary import interval, lonely, summarise

SETTINGS = {"steps": 20, "orders": 5, "seed": 0}


def rows_of(count=40, seed=0):
    """Pictures on which one method is better than chance, one is worse and one is chance itself with noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        chance = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7))
        noise = rng.normal(0, 0.01, 4)
        rows.append(
            Row(
                f"cat/{number}.jpg",
                "cat",
                0.9,
                chance,
                {
                    "worse": (chance[0] + 0.05 + noise[0], chance[1] - 0.05 + noise[1]),
                    "noise": (chance[0] + noise[2], chance[1] + noise[3]),
                    "better": (chance[0] - 0.1 + noise[1], chance[1] + 0.1 + noise[0]),
                },
                {"lost": "This method can't."},
            )
        )
    return rows


def test_methods_are_ranked_by_gain_and_judged_by_pairs():
    found = summarise(rows_of())
    assert list(found) == ["better", "noise", "worse"]
    assert [pair[0].verdict for pair in found.values()] == ["better", "as chance", "worse"]
    assert [pair[1].verdict for pair in found.values()] == ["better", "as chance", "worse"]
    deletion, insertion = found["better"]
    assert deletion.gain == pytest.approx(0.1, abs=0.01)
    assert insertion.gain == pytest.approx(0.1, abs=0.01)
    assert deletion.p < 1e-6
    assert deletion.gain_from < deletion.gain < deletion.gain_to
    assert (deletion.pictures, deletion.test) == (40, "deletion")


def test_the_p_of_a_few_pairs_is_the_one_that_counting_gives():
    """Five pairs that all point one way: of 2⁵ choices of signs, two are as extreme."""
    rows = [Row(str(n), chance=(0.5, 0.5), methods={"m": (0.4 - n / 100, 0.5)}) for n in range(5)]
    deletion, insertion = summarise(rows)["m"]
    assert deletion.p == pytest.approx(2 / 2**5)
    assert (insertion.p, insertion.gain, insertion.verdict) == (1.0, 0.0, "as chance")


def test_many_small_gains_and_a_few_large_losses_are_neither_better_nor_worse():
    """The ranks speak for better, the mean for worse: nothing is said."""
    gains = [0.01 + n / 10000 for n in range(27)] + [-0.2, -0.21, -0.22]
    rows = [Row(str(n), chance=(0.5, 0.5), methods={"m": (0.5 - gain, 0.5 + gain)}) for n, gain in enumerate(gains)]
    for summary in summarise(rows)["m"]:
        assert summary.gain < 0 and summary.p < 0.01 and summary.ranks == pytest.approx(378 / 465)
        assert summary.verdict == "as chance"


def test_the_interval_of_a_mean_is_near_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(2, 1, 400)
    low, high = interval(values)
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.01)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.01)
    assert interval(np.array([0.3, 0.3])) == (0.3, 0.3)
    assert interval(values) == (low, high)


def test_a_method_with_one_picture_has_no_mean_to_tell_and_the_others_have():
    rows = rows_of()
    rows[0] = replace(rows[0], methods={**(rows[0].methods or {}), "rare": (0.4, 0.5)})
    assert list(summarise(rows)) == ["better", "noise", "worse"]
    assert lonely(rows) == ["rare"]
    page = as_markdown({"tiny": rows}, "pets/val", "…", SETTINGS)
    assert "- rare was left out: it has a map of 1 of 40 pictures" in page
    assert "| rare |" not in page and "| better |" in page
    assert "rare" not in as_csv({"tiny": rows})
    assert "rare" in pictures_as_csv({"tiny": rows})


def test_pictures_of_which_none_can_be_used_are_a_sentence():
    unused = [Row(f"cat/{number}.jpg", error="This picture is damaged.") for number in range(3)]
    with pytest.raises(DataError, match=r"pets/val has no two pictures .* cat/0\.jpg: This picture is damaged\."):
        as_markdown({"tiny": unused}, "pets/val", "…", SETTINGS)
    page = as_markdown({"tiny": rows_of(), "other": unused}, "pets/val", "…", SETTINGS)
    assert "## other\n\n0 pictures.\n\n- cat/0.jpg was left out: This picture is damaged." in page


def test_the_page_says_what_was_found_what_was_refused_and_how():
    rows = [*rows_of(), Row("cat/broken.jpg", error="This picture is damaged.")]
    page = as_markdown({"tiny": rows}, "pets/val", "python -m vit stats pets/val", SETTINGS)
    assert "| better | " in page
    assert page.count("better in both") == 1
    assert "worse in both" in page
    assert "as chance in both" in page
    assert "- lost: not on 40 of 40 pictures. This method can't." in page
    assert "cat/broken.jpg was left out: This picture is damaged." in page
    assert "20 steps; 5 random orders" in page
    assert "python -m vit stats pets/val" in page


def test_the_csv_files_hold_every_mean_and_every_picture():
    rows = [*rows_of(), Row("cat/broken.jpg", error="This picture is damaged.")]
    table = list(csv.DictReader(as_csv({"tiny": rows}).splitlines()))
    assert [(row["method"], row["test"]) for row in table[:2]] == [("better", "deletion"), ("better", "insertion")]
    assert float(table[0]["gain"]) == pytest.approx(summarise(rows)["better"][0].gain, rel=1e-4)
    each = list(csv.DictReader(pictures_as_csv({"tiny": rows}).splitlines()))
    assert len(each) == 40 * 4
    assert {row["method"] for row in each} == {"random orders, mean", "better", "noise", "worse"}

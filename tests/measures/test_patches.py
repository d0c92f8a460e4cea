import math

import pytest
import torch

from tests.measures.hand import block, even, record
from vit.errors import MethodError
from vit.measures.patches import patch_similarity

VECTORS = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [4.0, 4.0]])  # CLS, then 2 × 2 patches


def by_hand():
    return record(even(2, 2, ("cls",)), features=(block(VECTORS, 2, 2, ("cls",)),))


def test_cosines_worked_by_hand():
    found = patch_similarity(by_hand(), patch=(0, 0))
    root = math.sqrt(0.5)
    assert found.cosines.tolist() == pytest.approx([root, 1, 0, -1, root])
    assert found.token == 1
    assert "the patch in row 2, column 2, with a cosine of 0.71" in found.summary
    assert "from −1.00 to 0.71" in found.summary


def test_without_a_choice_it_is_the_middle_and_a_prefix_token_may_be_chosen():
    assert patch_similarity(by_hand()).token == 4
    assert patch_similarity(by_hand(), patch="cls").cosines.tolist()[4] == pytest.approx(1)


def test_centred_takes_the_patches_mean_away_first():
    found = patch_similarity(by_hand(), patch=1, centred=True)
    vectors = VECTORS.double() - VECTORS[1:].double().mean(0)
    slow = [float(v @ vectors[1] / (v.norm() * vectors[1].norm())) for v in vectors]
    assert found.cosines.tolist() == pytest.approx(slow, abs=1e-6)


def test_a_switch_that_is_a_word_is_a_sentence():
    with pytest.raises(MethodError, match="centred='False' is not one of"):
        patch_similarity(by_hand(), centred="False")  # type: ignore[arg-type]


def test_a_patch_outside_is_a_sentence():
    with pytest.raises(MethodError, match="outside the grid: rows 0 to 1"):
        patch_similarity(by_hand(), patch=(2, 0))


def test_the_table_has_a_row_for_each_token():
    columns, rows = patch_similarity(by_hand(), patch=(0, 0)).table()
    assert columns == ("token", "token in words", "cosine")
    assert rows[2] == (2, "the patch in row 1, column 2", pytest.approx(0))

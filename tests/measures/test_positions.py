import pytest
import torch

from tests.measures.hand import even, record
from vit.errors import MethodError
from vit.measures import measure
from vit.measures.positions import position_similarity


def test_cosines_worked_by_hand():
    positions = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[-2.0, 0.0], [1.0, 1.0]]])  # 2 × 2 places
    found = position_similarity(record(even(2, 2)), positions)
    assert found.similarity[0, 0].flatten().tolist() == pytest.approx([1, 0, -1, 0.5**0.5])
    assert found.similarity[1, 1, 0, 1] == pytest.approx(0.5**0.5)
    # Side by side: 0 and −√½; one above the other: −1 and √½.
    assert "from −1.00 to 0.71" in found.summary
    assert "side by side −0.35, one above the other −0.15" in found.summary
    assert found.table()[1][1] == (0, 0, 0, 1, pytest.approx(0))


def test_a_grid_of_one_row_has_no_neighbours_above():
    found = position_similarity(record(even(1, 3)), torch.eye(3).unsqueeze(0))
    assert "side by side 0.00." in found.summary


def test_it_is_not_to_be_had_without_the_embeddings():
    with pytest.raises(MethodError, match="positions= of the model"):
        measure(record(even(1, 2)), "positions")

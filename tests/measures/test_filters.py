import pytest
import torch

from tests.measures.hand import even, record
from vit.errors import MethodError
from vit.measures.filters import patch_filters
from vit.measures.principal import principal

GIVEN = record(even(1, 2))


def weights(count: int = 10) -> torch.Tensor:
    return torch.randn(count, 3, 2, 4, generator=torch.Generator().manual_seed(0))


def test_components_are_principal_and_keep_their_place_in_the_patch():
    found = patch_filters(GIVEN, weights(), count=4)
    _, directions, shares = principal(weights().flatten(1), 4)
    assert found.filters.shape == (4, 3, 2, 4)
    assert found.filters[1, 2, 1, 3] == pytest.approx(float(directions[1, 23]))
    assert found.shares.tolist() == pytest.approx(shares.tolist())
    assert found.numbers == (0, 1, 2, 3)


def test_filters_come_by_their_size():
    given = torch.ones(3, 3, 1, 1) * torch.tensor([1.0, 3.0, 2.0]).view(3, 1, 1, 1)
    found = patch_filters(GIVEN, given, kind="filters", count=2)
    assert found.numbers == (1, 2)
    assert found.shares.tolist() == pytest.approx([9 / 14, 4 / 14])
    assert "100% of their squared size is the same in red, green and blue" in found.summary


def test_for_the_eye_nothing_is_grey_and_each_has_its_own_contrast():
    given = torch.zeros(1, 3, 1, 2)
    given[0, 0, 0, 1] = -4.0
    shown = patch_filters(GIVEN, given, kind="filters").pictures
    assert shown.shape == (1, 1, 2, 3)
    assert shown.flatten().tolist() == pytest.approx([0.5, 0.5, 0.5, 0.0, 0.5, 0.5])


def test_there_are_no_more_than_there_are():
    assert len(patch_filters(GIVEN, weights(3), kind="filters").filters) == 3
    assert len(patch_filters(GIVEN, weights(3)).filters) == 3
    columns, rows = patch_filters(GIVEN, weights(3), kind="filters").table()
    assert columns[:3] == ("filter", "share", "r 0,0")
    assert len(rows) == 3
    assert len(rows[0]) == len(columns) == 2 + 24


@pytest.mark.parametrize("wrong", [{"kind": "all"}, {"count": 0}, {"count": "9"}])
def test_mistakes_are_sentences(wrong):
    with pytest.raises(MethodError, match=f"{next(iter(wrong))}="):
        patch_filters(GIVEN, weights(), **wrong)

import pytest
import torch

from tests.measures.hand import block, even, record
from vit.attention import Heatmap
from vit.errors import MethodError
from vit.measures import measure
from vit.measures.norms import token_norms, without_outliers


def with_norms(*norms: float, rows: int = 1, prefix: tuple[str, ...] = ()):
    """A record whose tokens have these norms, the prefix first."""
    vectors = torch.zeros(len(norms), 2)
    vectors[:, 1] = -torch.tensor(norms)
    cols = (len(norms) - len(prefix)) // rows
    return record(even(rows, cols, prefix), features=(block(vectors, rows, cols, prefix),))


def test_the_line_is_the_median_and_k_deviations_of_the_patches():
    # CLS with 50 is no patch. Patches 1 2 3 4 100: median 3, deviations 2 1 0 1 97, MAD 1.
    found = token_norms(with_norms(50, 1, 2, 3, 4, 100, prefix=("cls",)), k=4)
    assert (found.median, found.deviation, found.threshold) == (3, 1, 7)
    assert found.outliers == (5,)
    assert found.mask.tolist() == [[False, False, False, False, True]]
    assert "of CLS 50" in found.summary
    assert "the patch in row 1, column 5" in found.summary


def test_of_an_even_number_the_median_is_the_mean_of_the_middle_two():
    found = token_norms(with_norms(1, 2, 4, 9))
    assert found.median == 3
    assert found.deviation == pytest.approx(1.5)  # of 2 1 1 6


def test_alike_tokens_have_no_outlier():
    found = token_norms(with_norms(2, 2, 2, 2, rows=2))
    assert found.outliers == ()
    assert "No patch is above 2" in found.summary


def test_it_is_the_slow_one_on_any_width():
    vectors = torch.randn(7, 33, generator=torch.Generator().manual_seed(0)) * 30
    found = token_norms(record(even(2, 3, ("cls",)), features=(block(vectors, 2, 3, ("cls",)),)))
    slow = [sum(x * x for x in row) ** 0.5 for row in vectors.double().tolist()]
    assert found.norms.tolist() == pytest.approx(slow, rel=1e-6)


def test_any_block_can_be_asked_for():
    blocks = tuple(block(torch.full((2, 1), float(n + 1)), 1, 2, number=n) for n in range(3))
    given = record(even(1, 2), even(1, 2), even(1, 2), features=blocks)
    assert [token_norms(given, layer=n).median for n in (0, 2, -1, -3)] == [1, 3, 3, 1]
    for wrong in (3, -4, "last", 1.0):
        with pytest.raises(MethodError, match="choose 0 to 2, or −3 to −1"):
            token_norms(given, layer=wrong)  # type: ignore[arg-type]


def test_a_record_without_features_says_how_to_keep_them():
    with pytest.raises(MethodError, match='keep=\\("features",\\)'):
        token_norms(record(even(1, 2)))


@pytest.mark.parametrize("k", [-1, "5", None])
def test_k_is_a_number_from_zero(k):
    with pytest.raises(MethodError, match="k="):
        token_norms(with_norms(1, 2), k=k)


def test_a_map_without_its_outliers():
    found = token_norms(with_norms(1, 2, 3, 4, 100))
    heat = Heatmap(torch.tensor([[0.1, 0.4, 0.2, 0.3, 0.9]]), "raw", "attention of layer 1")
    assert without_outliers(heat, found).values.tolist()[0] == pytest.approx([0.1, 0.4, 0.2, 0.3, 0.4])
    left = without_outliers(heat, found, leave_out=True)
    assert left.values.tolist()[0] == pytest.approx([0.1, 0.4, 0.2, 0.3, 0.0])
    assert left.caption == "attention of layer 1 · 1 patch of outlying norm left out"
    assert heat.values[0, 4] == pytest.approx(0.9)  # the given one stays


def test_a_quiet_outlier_stays_and_a_map_without_any_is_the_same():
    found = token_norms(with_norms(1, 2, 3, 4, 100))
    heat = Heatmap(torch.tensor([[0.1, 0.4, 0.2, 0.3, 0.2]]), "raw", "a")
    assert torch.equal(without_outliers(heat, found).values, heat.values)
    assert without_outliers(heat, token_norms(with_norms(2, 2, 2, 2, 2))) is heat


def test_a_map_on_another_grid_is_refused():
    heat = Heatmap(torch.ones(2, 2), "raw", "a")
    with pytest.raises(MethodError, match="2 × 2 patches and the norms have 1 × 5"):
        without_outliers(heat, token_norms(with_norms(1, 2, 3, 4, 100)))


def test_the_table_marks_the_outliers():
    columns, rows = measure(with_norms(50, 1, 2, 3, 4, 100, prefix=("cls",)), "norms").table()
    assert columns == ("token", "name", "row", "column", "norm", "outlier")
    assert rows[0] == (0, "cls", "", "", 50.0, 0)
    assert rows[5] == (5, "patch", 0, 4, 100.0, 1)

"""One test over all measures and all families: each gives sound numbers and words, or says in a sentence why not."""

import json
from functools import cache

import numpy as np
import pytest

from tests.families import FAMILIES, photo, tiny_model
from vit.attention import AttentionRecord
from vit.capture import record_attention
from vit.errors import MethodError, ModelError
from vit.measures import get_measure, list_measures, measure
from vit.models.parts import parts

# What can't be: (measure, family), and what the refusal says.
NO_PREFIX, NO_POSITIONS = "no tokens beside the patches", "adds no position embeddings"
REFUSED = {
    **{("prefix", family): NO_PREFIX for family in ("siglip", "swin", "swinv2", "our swin")},
    **{("positions", family): NO_POSITIONS for family in ("beit", "swin", "swinv2", "our swin")},
}
SIZES = [(32, 32), (32, 48)]


@cache
def kept(family: str, size: tuple[int, int]) -> AttentionRecord:
    return record_attention(tiny_model(family, size), photo(), keep=("features",))


def test_the_measures_of_the_issue_are_there():
    assert list_measures() == [
        "distance",
        "entropy",
        "filters",
        "heads",
        "lens",
        "norms",
        "patches",
        "pca",
        "positions",
        "prefix",
        "sinks",
    ]


@pytest.mark.parametrize("name", list_measures())
def test_each_says_what_it_means(name):
    found = get_measure(name)
    assert len(found.title) > 20
    assert "Formula:" in (found.run.__doc__ or "")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", list_measures())
def test_every_measure_on_every_family_square_and_not(name, family, size):
    model, record = tiny_model(family, size), kept(family, size)
    if (name, family) in REFUSED:
        with pytest.raises((MethodError, ModelError), match=REFUSED[name, family]):
            measure(record, name, **parts(model, record, get_measure(name).parts))
        return
    found = measure(record, name, **parts(model, record, get_measure(name).parts))
    assert (found.model, found.untrained) == (record.model, True)
    for sentence in (found.summary, found.caveat):
        assert sentence.endswith(".")
        assert "nan" not in sentence
    columns, rows = found.table()
    assert rows
    assert {len(row) for row in rows} == {len(columns)}
    arrays = found.arrays()
    assert json.loads(str(arrays.pop("about")))["caveat"] == found.caveat
    assert arrays
    assert all(np.isfinite(each).any() and not np.isinf(each).any() for each in arrays.values() if each.size > 20)
    again = measure(record, name, **parts(model, record, get_measure(name).parts)).arrays()
    assert all(np.array_equal(each, again[key], equal_nan=True) for key, each in arrays.items())


def test_an_unknown_measure_or_option_is_a_sentence():
    record = kept("vit", (32, 32))
    with pytest.raises(MethodError, match="distance, entropy, filters"):
        measure(record, "beauty")
    with pytest.raises(MethodError, match="its options: layer, k"):
        measure(record, "norms", head=1)
    with pytest.raises(MethodError, match="its options: none"):
        measure(record, "distance", layer=1)
    assert get_measure("lens").options == {"target": None}

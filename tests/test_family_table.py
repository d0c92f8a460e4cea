"""The table of families: mechanisms by hand-made layouts, rows and notes, and that what is kept is still true."""

import csv
from pathlib import Path

import pytest
import torch

from vit.attention import Grid, LayerAttention, TokenLayout
from vit.commands.models import PAGE
from vit.families.derive import NO_CLASS, derive
from vit.families.mechanism import mechanism, mechanisms
from vit.families.table import Facts, as_markdown, as_text, read_facts, table

ROOT = Path(__file__).parents[1]
KEPT = {each.variant: each for each in read_facts()}
# Quick ones, of mechanisms that differ: downsampled queries, shifted windows, channels, a pool, no classifier, and no
# map at all.
FEW = (
    "levit_128s",
    "swin_tiny_patch4_window7_224",
    "xcit_nano_12_p16_224",
    "test_vit3",
    "vit_xsmall_patch16_clip_224",
    "efficientvit_b0",
)
GRID = Grid(4, 4)


def layer_of(queries: TokenLayout, keys: TokenLayout, heads: int = 2) -> LayerAttention:
    """An evenly looking layer."""
    shape = (len(queries.tokens), heads, queries.tokens.shape[1], keys.tokens.shape[1])
    return LayerAttention("attn", torch.full(shape, 1 / shape[-1]), queries, keys)


def windows(order: torch.Tensor) -> TokenLayout:
    """Four windows of 2 × 2 from a 4 × 4 arrangement of patches."""
    return TokenLayout(GRID, (), order.reshape(2, 2, 2, 2).permute(0, 2, 1, 3).reshape(4, 4))


PATCHES = torch.arange(16).reshape(4, 4)
BLOCKS = windows(PATCHES)
EDGES = TokenLayout(GRID, (), torch.stack([torch.arange(n, n + 8) for n in (0, 4, 8)]))
PLAIN, WITH_CLS = TokenLayout.whole(GRID), TokenLayout.whole(GRID, ("cls",))
POOL = TokenLayout(GRID, ("pool",), torch.zeros(1, 1, dtype=torch.int64))
CLS = TokenLayout(GRID, ("cls",), torch.zeros(1, 1, dtype=torch.int64))
RUNS = TokenLayout(GRID, (), torch.arange(4).unsqueeze(0), cells=torch.arange(16) // 4)
EVERY_SECOND = TokenLayout(GRID, (), torch.tensor([[0, 2, 8, 10]]))


@pytest.mark.parametrize(
    ("queries", "keys", "words"),
    [
        (WITH_CLS, WITH_CLS, "global"),
        (POOL, PLAIN, "attention pool"),
        (CLS, WITH_CLS, "class attention"),
        (PLAIN, TokenLayout.whole(Grid(2, 2)), "global with keys on a coarser grid"),
        (TokenLayout.whole(Grid(2, 2)), PLAIN, "global with queries on a coarser grid"),
        (EVERY_SECOND, PLAIN, "global with queries on a coarser grid"),
        (PLAIN, RUNS, "global with keys that are runs of patches"),
        (BLOCKS, BLOCKS, "windows"),
        (windows(PATCHES.roll((-1, -1), (0, 1))), windows(PATCHES.roll((-1, -1), (0, 1))), "shifted windows"),
        (
            windows(PATCHES[[0, 2, 1, 3]][:, [0, 2, 1, 3]]),
            windows(PATCHES[[0, 2, 1, 3]][:, [0, 2, 1, 3]]),
            "dilated windows",
        ),
        (EDGES, EDGES, "overlapping windows"),
    ],
)
def test_a_mechanism_is_read_from_the_layouts(queries, keys, words):
    assert mechanism(layer_of(queries, keys)) == words


def test_rows_that_are_no_softmax_are_named_and_layers_without_a_map_counted():
    even = layer_of(PLAIN, PLAIN)
    mixed = LayerAttention("mixed", even.weights * 2, PLAIN, PLAIN)
    found = mechanisms((mixed, mixed, even), ["between channels"])
    assert list(found.items()) == [("global (effective matrix)", 2), ("global", 1), ("between channels", 1)]


def test_variants_that_work_alike_share_a_row_and_sentences_a_note():
    refused = {"rollout": "No rows."}
    facts = [
        Facts("a_small", 64, "a", 6, 0, {"global": 6}, prefix="cls", readout="CLS", refused=refused),
        Facts("a_large", 64, "a", 24, 0, {"global": 24}, prefix="cls", readout="CLS", refused=refused),
        Facts("a_mixed", 64, "a", 2, 4, {"global": 2, "between channels": 4}, refused=refused),
        Facts("b", 64, "b", 0, 3, {"between channels": 3}, instead="It mixes channels."),
    ]
    rows, notes = table(facts)
    assert rows == [
        ("a", "all 6–24", "global", "cls", "CLS", "all but rollout [1]", "a_small, a_large"),
        ("a", "2 of 6", "global, between channels", "none", "", "all but rollout [1]", "a_mixed"),
        ("b", "none", "between channels", "", "", "none [2]", "b"),
    ]
    assert notes == ["No rows.", "It mixes channels."]
    assert as_markdown(facts).splitlines()[-1] == "2. It mixes channels."
    assert as_text(facts).splitlines()[-1] == "[2] It mixes channels."


def test_the_table_holds_every_variant_of_the_list_and_a_sentence_where_there_is_no_map():
    with (ROOT / "tests" / "timm-variants.csv").open(newline="") as file:
        listed = {row["variant"]: (row["module"], int(row["image_size"])) for row in csv.DictReader(file)}
    assert {each.variant: (each.family, each.size) for each in KEPT.values()} == listed
    for each in KEPT.values():
        assert sum(each.mechanism.values()) == each.maps + each.without
        assert bool(each.instead) == (each.maps == 0)


def test_no_variant_is_told_to_ask_for_a_class_that_it_has_not():
    told = {sentence for each in KEPT.values() for sentence in each.refused.values()}
    assert NO_CLASS in told and not any("target=CLASS" in sentence for sentence in told)


def test_the_page_is_the_table_as_it_is_kept():
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == PAGE + as_markdown(read_facts()) + "\n", "run: python -m vit models --write docs/models.md"


@pytest.mark.parametrize("name", FEW)
def test_what_is_kept_of_a_few_is_what_they_do(name):
    assert derive(name, KEPT[name].size) == KEPT[name], f"run: python -m vit models --trace '{name}'"


@pytest.mark.table
@pytest.mark.parametrize("name", [name for name in KEPT if name not in FEW])
def test_what_is_kept_is_what_they_do(name):
    assert derive(name, KEPT[name].size) == KEPT[name], f"run: python -m vit models --trace '{name}'"

"""The packed file gives back what the record held, within 1% of each row's largest weight."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vit.attention import AttentionRecord, Grid, LayerAttention, TokenLayout
from vit.errors import CaptureError
from vit.ui.pack import pack, pack_maps, pack_value


def plain_layer(rows: int = 3, cols: int = 4, heads: int = 2, prefix: tuple[str, ...] = ("cls",), seed: int = 0):
    layout = TokenLayout.whole(Grid(rows, cols), prefix)
    scores = torch.randn(1, heads, layout.count, layout.count, generator=torch.Generator().manual_seed(seed)) * 3
    return LayerAttention(f"blocks.{seed}.attn", scores.softmax(-1), layout, layout)


def window_layer(seed: int = 0):
    """A 4 × 4 grid in four windows of four, one of whose slots is padding."""
    tokens = torch.arange(16).reshape(2, 2, 2, 2).permute(0, 2, 1, 3).reshape(4, 4).clone()
    tokens[3, 3] = -1
    layout = TokenLayout(Grid(4, 4), (), tokens)
    scores = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return LayerAttention(f"layers.{seed}.attn", scores.softmax(-1), layout, layout)


def mixed_layer(seed: int = 0):
    """Heads mixed after the softmax, as CaiT does: rows of both signs that sum to anything."""
    layer = plain_layer(seed=seed)
    mix = torch.tensor([[1.0, -0.7], [-0.2, 0.5]])
    weights = torch.einsum("gh,whqk->wgqk", mix, layer.weights)
    return LayerAttention("blocks.0.mixed", weights, layer.queries, layer.keys)


def record_of(*layers: LayerAttention, provenance: str = "bundled", labels: tuple[str, ...] = ("cat", "dog", "owl")):
    return AttentionRecord("tiny", provenance, layers, torch.tensor([0.5, 2.0, -1.0]), labels, (48, 64))


def unpack(entry: dict, maps: bytes) -> np.ndarray:
    """The reader's side, written from the description at the top of pack.py alone."""
    shape = (entry["windows"], entry["heads"], entry["queries"]["slots"])
    count = int(np.prod(shape))
    assert not entry["signed"]
    largest = np.frombuffer(maps, "<f4", count, entry["offset"]).reshape(*shape, 1)
    shape = (*shape, entry["keys"]["slots"])
    codes = np.frombuffer(maps, np.uint8, int(np.prod(shape)), entry["offset"] + 4 * count).reshape(shape)
    assert entry["length"] == 4 * count + codes.size
    return largest * (codes / 255.0) ** 2


@pytest.mark.parametrize("layer", [plain_layer(), plain_layer(5, 3, 4, ("cls", "dist")), window_layer()])
def test_weights_come_back_within_one_percent_of_their_rows_largest(layer):
    entries, maps, _ = pack_maps(record_of(layer))
    weights = layer.weights.numpy()
    error = np.abs(unpack(entries[0], maps) - weights) / weights.max(-1, keepdims=True)
    assert error.max() < 0.01


def test_every_layer_starts_where_floats_may_start():
    entries, maps, tokens_length = pack_maps(record_of(plain_layer(3, 3), plain_layer(2, 5, 3), window_layer()))
    assert [entry["offset"] % 4 for entry in entries] == [0, 0, 0]
    assert entries[0]["offset"] == tokens_length
    assert entries[-1]["offset"] + entries[-1]["length"] <= len(maps)


def test_a_plain_layout_costs_nothing_and_a_windowed_one_is_stored_once():
    entries, maps, tokens_length = pack_maps(record_of(plain_layer(), window_layer(0), window_layer(1)))
    assert entries[0]["queries"]["tokens"] is None
    places = {str(entries[i][side]["tokens"]) for i in (1, 2) for side in ("queries", "keys")}
    assert len(places) == 1 and tokens_length == 4 * 4 * 2
    place = entries[1]["queries"]["tokens"]
    assert place["bytes"] == 2
    tokens = np.frombuffer(maps, "<i2", 16, place["offset"]).reshape(4, 4)
    assert np.array_equal(tokens, window_layer().queries.tokens.numpy())


def test_token_numbers_beyond_16_bits_are_kept():
    layout = TokenLayout(Grid(200, 200), (), torch.tensor([[39999, 7]]))
    layer = LayerAttention("big", torch.full((1, 1, 2, 2), 0.5), layout, layout)
    entries, maps, _ = pack_maps(record_of(layer))
    assert entries[0]["queries"]["tokens"]["bytes"] == 4
    assert np.frombuffer(maps, "<i4", 2).tolist() == [39999, 7]


def test_broken_weights_are_refused_in_a_sentence():
    layer = plain_layer()
    with pytest.raises(CaptureError, match="no numbers"):
        pack_maps(record_of(LayerAttention("odd", layer.weights * float("nan"), layer.queries, layer.keys)))


def test_weights_below_zero_keep_their_sign():
    layer = mixed_layer()
    (entry,), maps, _ = pack_maps(record_of(layer))
    assert entry["signed"] and not entry["softmax"]
    weights = layer.weights.numpy()
    largest = np.frombuffer(maps, "<f4", weights[..., 0].size, entry["offset"]).reshape(*weights.shape[:3], 1)
    codes = np.frombuffer(maps, np.uint8, weights.size, entry["offset"] + largest.nbytes).reshape(weights.shape)
    found = np.where(codes < 128, 1, -1) * largest * ((codes & 127) / 127) ** 2
    assert (np.abs(found - weights) / np.abs(weights).max(-1, keepdims=True)).max() < 0.01
    assert float(found.min()) < 0


def test_each_layer_says_which_tokens_the_answer_is_read_from():
    both = plain_layer(prefix=("cls", "dist"))
    entries, _, _ = pack_maps(record_of(both, plain_layer(prefix=("reg1",)), window_layer()))
    assert [entry["queries"]["readout"] for entry in entries] == [["cls", "dist"], [], []]


def test_a_layer_says_whether_its_rows_are_a_softmax_s():
    entries, _, _ = pack_maps(record_of(plain_layer(), mixed_layer()))
    assert [entry["softmax"] for entry in entries] == [True, False]


def test_the_page_is_told_why_there_is_no_rollout(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    assert pack(image, record_of(plain_layer()), tmp_path)["no_rollout"] == ""
    assert "is no softmax" in pack(image, record_of(plain_layer(), mixed_layer()), tmp_path)["no_rollout"]


def test_a_row_of_zeros_stays_zero():
    layer = plain_layer()
    weights = layer.weights.clone()
    weights[0, 0, 2] = 0
    entries, maps, _ = pack_maps(record_of(LayerAttention("zeros", weights, layer.queries, layer.keys)))
    assert unpack(entries[0], maps)[0, 0, 2].max() == 0


def test_the_value_is_json_with_two_files(tmp_path):
    image = np.full((900, 2400, 3), 128, np.uint8)
    value = pack(image, record_of(plain_layer(), provenance="random"), tmp_path, about="nothing learnt")
    assert json.loads(json.dumps(value)) == value
    assert value["untrained"] and value["provenance"] == "random" and value["about"] == "nothing learnt"
    assert (value["width"], value["height"]) == (2400, 900)
    assert [label for _, label, _ in value["top"]] == ["dog", "cat", "owl"]
    with Image.open(value["photo"]["path"]) as photo:
        assert photo.size == (1600, 600)
    assert Path(value["maps"]["path"]).stat().st_size > 0
    again = pack(image, record_of(plain_layer(), provenance="random"), tmp_path)
    assert again["maps"] == value["maps"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_record_is_packed_once_while_its_files_are_there(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("vit.ui.pack.pack_value", lambda *given: made.append(1) or pack_value(*given))
    image, record = np.zeros((8, 8, 3), np.uint8), record_of(plain_layer())
    first = pack(image, record, tmp_path)
    first["maps"]["url"] = "what Gradio adds"
    again = pack(image, record, tmp_path)
    assert len(made) == 1 and again["layers"] == first["layers"] and "url" not in again["maps"]
    Path(again["maps"]["path"]).unlink()
    pack(image, record, tmp_path)
    assert len(made) == 2 and Path(again["maps"]["path"]).is_file()
    pack(image, record_of(plain_layer()), tmp_path)  # another record
    assert len(made) == 3


def test_keys_that_are_runs_of_patches_say_which_patches_they_are():
    queries = TokenLayout.whole(Grid(2, 4))
    keys = TokenLayout(Grid(2, 4), (), torch.arange(2).unsqueeze(0), cells=torch.arange(8) // 4)
    layer = LayerAttention("blocks.0.attn", torch.full((1, 1, 8, 2), 0.5), queries, keys)
    (entry,), maps, tokens_length = pack_maps(record_of(layer))
    assert entry["queries"]["cells"] is None and entry["keys"]["tokens"] is None
    place = entry["keys"]["cells"]
    assert place["bytes"] == 2 and tokens_length == 16
    assert np.frombuffer(maps, "<i2", 8, place["offset"]).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]

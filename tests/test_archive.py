import io
import json

import numpy as np
import pytest
import torch

from tests.families import FAMILIES, photo, tiny_model
from vit.archive import about, to_npz
from vit.capture import record_attention


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_and_layout_comes_back(family):
    record = record_attention(tiny_model(family), photo())
    with np.load(io.BytesIO(to_npz(record)), allow_pickle=False) as file:
        for number, layer in enumerate(record.layers):
            assert torch.equal(torch.from_numpy(file[f"layer_{number}_weights"]), layer.weights)
            assert torch.equal(torch.from_numpy(file[f"layer_{number}_queries"]), layer.queries.tokens)
            assert torch.equal(torch.from_numpy(file[f"layer_{number}_keys"]), layer.keys.tokens)
        assert torch.equal(torch.from_numpy(file["logits"]), record.logits)
        told = json.loads(str(file["about"]))
    assert told == json.loads(json.dumps(about(record)))
    assert told["weights"] == "untrained weights"
    assert [layer["name"] for layer in told["layers"]] == [layer.name for layer in record.layers]


def test_values_and_features_are_kept_where_they_were():
    record = record_attention(tiny_model("vit"), photo(), target=3, keep=("values", "features"))
    with np.load(io.BytesIO(to_npz(record))) as file:
        assert torch.equal(torch.from_numpy(file["layer_1_values"]), record.layers[1].values)
        for number, block in enumerate(record.features):
            assert torch.equal(torch.from_numpy(file[f"block_{number}_features"]), block.vectors)
            assert torch.equal(torch.from_numpy(file[f"block_{number}_gradient"]), block.gradient)
        told = json.loads(str(file["about"]))["blocks"]
    assert told[1] == {"name": "blocks.1", "layer": 1, "grid": [4, 4], "prefix": ["cls"]}


def test_gradients_are_kept_where_they_were_taken():
    record = record_attention(tiny_model("vit"), photo(), target=3)
    with np.load(io.BytesIO(to_npz(record))) as file:
        assert torch.equal(torch.from_numpy(file["layer_1_gradient"]), record.layers[1].gradient)

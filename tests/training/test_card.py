import json

import torch

from tests.training.tiny import TINY
from vit.models.bundled import find_trained
from vit.training.card import write_model
from vit.training.data import Pictures, Split
from vit.training.measure import accuracy
from vit.training.networks import untrained


def test_a_card_tells_how_often_the_weights_are_right_that_are_kept(tmp_path):
    """Half precision doesn't know 1.0001 from 1: of two classes as likely, the first is the answer, and it is wrong."""
    network = untrained(TINY, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.get_parameter("head.bias").copy_(torch.tensor([1.0, 1.0001]))
    pictures = Pictures(Split([torch.zeros(3, 32, 32, dtype=torch.uint8)] * 3, (1, 1, 1), ("black", "white")))
    top1, count = write_model(network, pictures, tmp_path, TINY, {"data": "shades"})
    assert (top1, count) == (0.0, 3)
    assert json.loads((tmp_path / "model.json").read_text())["top1"] == 0.0
    found = find_trained(str(tmp_path))
    assert found is not None and accuracy(found[1].network, pictures, found[1].prepare)[0] == 0.0

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.measures.hand import block, even, record
from vit.errors import MethodError
from vit.measures.pca import token_colours
from vit.measures.principal import principal


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def given(vectors: torch.Tensor, rows: int, cols: int, prefix: tuple[str, ...] = ()):
    return record(even(rows, cols, prefix), features=(block(vectors, rows, cols, prefix),))


def test_components_are_the_eigenvectors_of_the_covariance():
    vectors = noise(40, 6) * torch.tensor([5.0, 3, 2, 1, 0.5, 0.1])
    scores, directions, explained = principal(vectors, 3)
    values, columns = np.linalg.eigh(np.cov(vectors.double().numpy().T))
    for number in range(3):
        expected = columns[:, -1 - number]
        expected = expected * np.sign(expected[np.abs(expected).argmax()])
        assert directions[number].tolist() == pytest.approx(expected.tolist(), abs=1e-8)
        assert float(explained[number]) == pytest.approx(values[-1 - number] / values.sum())
    centred = vectors.double() - vectors.double().mean(0)
    assert torch.allclose(scores, centred @ directions.T)


def test_the_sign_is_fixed_whatever_the_tokens_sign():
    vectors = noise(20, 5)
    assert torch.allclose(principal(vectors, 3)[1], principal(-vectors, 3)[1])


def test_where_tokens_differ_in_fewer_directions_the_others_are_nothing():
    line = torch.arange(4.0).unsqueeze(1) * torch.tensor([[3.0, 4.0]])
    scores, directions, explained = principal(line, 3)
    assert directions[0].tolist() == pytest.approx([0.6, 0.8])
    assert not bool(directions[1:].any()) and not bool(scores[:, 1:].any())
    assert explained.tolist() == pytest.approx([1, 0, 0])
    colours = token_colours(given(line, 2, 2)).colours[0]
    assert bool((colours[..., 1:] == 0.5).all())
    assert colours[..., 0].flatten().tolist() == pytest.approx([0, (1 - 0.06) / 2.88, (2 - 0.06) / 2.88, 1])


def test_a_flat_picture_is_grey():
    assert bool((token_colours(given(torch.ones(4, 8), 2, 2)).colours[0] == 0.5).all())


def test_a_few_extreme_patches_do_not_take_all_the_colours():
    vectors = noise(100, 8)
    vectors[0] *= 1000
    colours = token_colours(given(vectors, 10, 10)).colours[0]
    assert float(colours[..., 1].std()) > 0.15
    assert float(colours.min()) == 0
    assert float(colours.max()) == 1


def test_prefix_tokens_have_no_part_and_patches_keep_their_places():
    patches = noise(6, 8)
    plain = token_colours(given(patches, 2, 3))
    after = token_colours(given(torch.cat([1000 * noise(2, 8, seed=1), patches]), 2, 3, ("cls", "reg1")))
    assert torch.equal(plain.colours[0], after.colours[0])
    assert plain.colours[0].shape == (2, 3, 3)
    slow, _, _ = principal(patches, 3)
    assert plain.scores[0][1, 2].tolist() == pytest.approx(slow[5].tolist())


def test_several_pictures_share_their_components():
    one, two = noise(4, 8), noise(6, 8, seed=1)
    both = token_colours(given(one, 2, 2), others=[given(two, 2, 3)])
    slow, _, _ = principal(torch.cat([one, two]), 3)
    assert both.scores[0].reshape(4, 3).numpy() == pytest.approx(slow[:4].numpy(), abs=1e-6)
    assert both.scores[1].reshape(6, 3).numpy() == pytest.approx(slow[4:].numpy(), abs=1e-6)
    assert "of 2 pictures together" in both.summary
    assert len(both.table()[1]) == 10


def test_another_model_s_picture_is_refused():
    one = given(noise(4, 8), 2, 2)
    with pytest.raises(MethodError, match="same model"):
        token_colours(one, others=[replace(one, model="another")])

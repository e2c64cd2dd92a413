import numpy as np
import pytest

from imagej_dl.models.networks.registry import network
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf


def test_the_divergence_is_that_of_the_densities():
    """Numerically: the mean of log q − log p over draws of q."""
    from imagej_dl.models.latent import Divergence

    rng = np.random.default_rng(0)
    mean, logarithm = rng.normal(size=(2, 1, 1, 1, 3))
    statistics = np.concatenate([mean, logarithm], axis=-1).astype(np.float32)
    closed = float(Divergence(0.25)(statistics)[0, 0, 0, 0])
    sigma = np.exp(logarithm / 2)
    z = mean + sigma * rng.normal(size=(400_000, 1, 1, 3))
    ratio = 0.5 * z**2 - 0.5 * ((z - mean) / sigma) ** 2 - np.log(sigma)
    assert closed == pytest.approx(0.25 * ratio.sum(axis=-1).mean(), rel=0.01)
    nothing = Divergence()(np.zeros((1, 1, 1, 6), np.float32))
    assert float(nothing[0, 0, 0, 0]) == 0


def test_blocks_are_the_pixels_above_a_latent_variable():
    from imagej_dl.models.latent import Blocks

    image = np.arange(2 * 8 * 4, dtype=np.float32).reshape(1, 8, 8, 1)
    blocks = np.asarray(Blocks(4)(image))
    assert blocks.shape == (1, 2, 2, 16)
    np.testing.assert_array_equal(blocks[0, 1, 0], image[0, 4:8, 0:4, 0].ravel())


def test_draws_are_normal_and_independent():
    from imagej_dl.models.latent import normal

    blocks = np.random.default_rng(0).random((1, 200, 200, 4), np.float32)
    drawn = np.asarray(normal(blocks, 2, seed=3, number=0))
    other = np.asarray(normal(blocks, 2, seed=3, number=1))
    assert abs(drawn.mean()) < 0.015
    assert drawn.std() == pytest.approx(1, abs=0.015)
    assert np.mean(drawn**4) == pytest.approx(3, abs=0.15)
    both = np.stack([drawn[..., 0], drawn[..., 1], other[..., 0], other[..., 1]]).reshape(4, -1)
    near = np.stack([drawn[0, 1:, :, 0].ravel(), drawn[0, :-1, :, 0].ravel()])
    for found in (np.corrcoef(both), np.corrcoef(near)):
        np.testing.assert_allclose(found, np.eye(len(found)), atol=0.02)


def test_a_draw_depends_on_its_own_block_alone():
    from imagej_dl.models.latent import normal

    blocks = np.random.default_rng(0).random((1, 6, 6, 4), np.float32)
    whole = np.asarray(normal(blocks, 3, 0, 0))
    part = np.asarray(normal(blocks[:, 2:5, 1:4], 3, 0, 0))
    np.testing.assert_allclose(part, whole[:, 2:5, 1:4], rtol=1e-6)
    changed = blocks.copy()
    changed[0, 2, 2, 3] = np.nextafter(changed[0, 2, 2, 3], np.float32(1))
    differs = (np.abs(np.asarray(normal(changed, 3, 0, 0)) - whole) > 1e-3).any(axis=-1)
    assert np.argwhere(differs).tolist() == [[0, 2, 2]]


def test_training_draws_anew_and_a_trained_network_does_not():
    model = network("vae", {"width": 2, "latent": 2, "depth": 1}).build()
    image = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    anew = [np.asarray(model(image, training=True)) for _ in range(2)]
    same = [np.asarray(model(image, training=False)) for _ in range(2)]
    assert np.abs(anew[0][..., 0] - anew[1][..., 0]).max() > 0
    np.testing.assert_array_equal(*same)


def test_the_network_sees_no_further_than_its_halo():
    made = network("vae", {"width": 2, "latent": 2, "depth": 2})
    model = made.build()
    field = receptive_field(model)
    assert field.multiple_of == made.multiple_of == 4
    side = 4 * (field.halo // 4 + 2)
    image = np.random.default_rng(0).random((1, 2 * side, 8, 1), np.float32)
    changed = image.copy()
    changed[0, side, 0] += 1
    change = np.abs(np.asarray(model(changed)) - np.asarray(model(image)))
    differs = (change > 1e-7).any(axis=(0, 2, 3))
    where = np.flatnonzero(differs)
    assert side - field.halo <= where[0] <= where[-1] <= side + field.halo

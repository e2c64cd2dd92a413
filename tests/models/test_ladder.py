"""The layers of the ladder autoencoder, and the network made of them."""

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.models.networks.registry import network
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf

SMALL = {"width": 2, "latent": 2, "depth": 2, "classes": 3}


def statistics(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def test_the_divergence_is_that_of_the_densities():
    """Numerically: the mean of log q − log p over draws of q."""
    from imagej_dl.models.ladder import LadderDivergence

    rng = np.random.default_rng(0)
    both = statistics(rng, 2, 1, 1, 1, 6)
    closed = float(LadderDivergence(0.25)(list(both))[0, 0, 0, 0])
    (mean, logarithm), (prior, prior_logarithm) = (np.split(one, 2, axis=-1) for one in both)
    sigma, prior_sigma = np.exp(logarithm / 2), np.exp(prior_logarithm / 2)
    z = mean + sigma * rng.normal(size=(400_000, 1, 1, 3))
    ratio = 0.5 * ((z - prior) / prior_sigma) ** 2 - 0.5 * ((z - mean) / sigma) ** 2
    ratio += np.log(prior_sigma) - np.log(sigma)
    assert closed == pytest.approx(0.25 * ratio.sum(axis=-1).mean(), rel=0.01)


def test_the_divergence_is_never_below_0_and_0_for_equal_gaussians():
    from imagej_dl.models.ladder import LadderDivergence

    rng = np.random.default_rng(1)
    posterior, prior = statistics(rng, 2, 3, 40, 40, 8)
    assert float(np.min(LadderDivergence()([posterior, prior]))) > 0
    np.testing.assert_array_equal(LadderDivergence()([prior, prior]), 0)


def test_a_posterior_without_change_is_its_prior():
    from imagej_dl.models.ladder import LadderDivergence, Refined

    rng = np.random.default_rng(2)
    prior, change = statistics(rng, 2, 1, 4, 4, 6)
    np.testing.assert_array_equal(Refined()([prior, 0 * change]), prior)
    # In deviations of the prior, the divergence does not depend on what the prior is.
    normal = np.zeros_like(prior)
    found = [LadderDivergence()([Refined()([p, change]), p]) for p in (prior, normal)]
    np.testing.assert_allclose(*found, rtol=2e-5)


def test_noise_depends_on_its_own_block_its_layer_and_its_seed():
    from imagej_dl.models.ladder import LatentNoise

    image = np.random.default_rng(3).random((1, 16, 24, 1), np.float32)
    whole = np.asarray(LatentNoise(3, 4, seed=1)(image))
    assert whole.shape == (1, 4, 6, 3)
    part = np.asarray(LatentNoise(3, 4, seed=1)(image[:, 4:12, 8:16]))
    np.testing.assert_allclose(part, whole[:, 1:3, 2:4], rtol=1e-6)
    changed = image.copy()
    changed[0, 6, 9] = np.nextafter(changed[0, 6, 9], np.float32(1))
    change = np.asarray(LatentNoise(3, 4, seed=1)(changed)) - whole
    differs = (np.abs(change) > 1e-3).any(axis=-1)
    assert np.argwhere(differs).tolist() == [[0, 1, 2]]
    assert (np.asarray(LatentNoise(3, 4, seed=2)(image)) != whole).all()
    drawn = LatentNoise(3, 4, seed=1)
    anew = [np.asarray(drawn(image, training=True)) for _ in range(2)]
    assert anew[0].shape == whole.shape
    assert (anew[0] != anew[1]).all()


def test_noise_of_blocks_is_normal_and_that_of_layers_independent():
    from imagej_dl.models.ladder import LatentNoise

    image = np.random.default_rng(4).random((1, 400, 400, 1), np.float32)
    fine, coarse = (np.asarray(LatentNoise(1, side)(image))[0, ..., 0] for side in (2, 4))
    assert abs(fine.mean()) < 0.02
    assert fine.std() == pytest.approx(1, abs=0.02)
    columns = [fine[::2, ::2], fine[1::2, ::2], fine[::2, 1::2], coarse]
    correlation = np.corrcoef([one.ravel() for one in columns])
    np.testing.assert_allclose(correlation, np.eye(4), atol=0.04)


def test_the_network_gives_the_signal_and_the_divergence_of_each_layer():
    model = network("hvae", SMALL).build()
    image = np.random.default_rng(0).random((1, 16, 24, 1), np.float32)
    found = np.asarray(model(image))
    assert found.shape == (1, 16, 24, 3)
    for channel, side in ((1, 2), (2, 4)):
        blocks = found[0, ..., channel].reshape(16 // side, side, 24 // side, side)
        assert np.ptp(blocks, axis=(1, 3)).max() == 0
        assert found[..., channel].min() >= 0
    np.testing.assert_array_equal(np.asarray(model(image)), found)
    anew = [np.asarray(model(image, training=True)) for _ in range(2)]
    assert np.abs(anew[0][..., 0] - anew[1][..., 0]).max() > 0


def test_the_network_sees_no_further_than_its_halo():
    made = network("hvae", SMALL)
    model = made.build()
    field = receptive_field(model)
    assert field.multiple_of == made.multiple_of == 4
    side = 4 * (field.halo // 4 + 2)
    image = np.random.default_rng(0).random((1, 2 * side, 8, 1), np.float32)
    changed = image.copy()
    changed[0, side, 0] += 100
    change = np.abs(np.asarray(model(changed)) - np.asarray(model(image)))
    where = np.flatnonzero((change > 0).any(axis=(0, 2, 3)))
    assert side - field.halo <= where[0] <= where[-1] <= side + field.halo


def test_channels_that_do_not_fit_the_layers_are_refused():
    with pytest.raises(UserError, match="2 layers of latent variables have 3 output channels"):
        network("hvae", {**SMALL, "classes": 4})

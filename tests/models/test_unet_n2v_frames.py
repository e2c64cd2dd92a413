"""The network of Noise2Void that sees several frames: what its output depends on."""

import numpy as np
import pytest

from imagej_dl.models import backend, trust
from imagej_dl.models.networks.registry import network
from imagej_dl.models.receptive_field import receptive_field

pytestmark = pytest.mark.tf


def built(**more):
    backend.keras().utils.set_random_seed(2)
    given = {"channels": 1, "classes": 1, "output": "linear", "depth": 1, "width": 2, "frames": 3}
    return network("unet_n2v_frames", given | more).build()


def test_it_gives_one_frame_that_depends_on_all():
    model = built()
    x = np.random.default_rng(0).random((1, 3, 16, 16, 1), np.float32)
    found = np.asarray(model(x))
    assert found.shape == (1, 16, 16, 1)
    for frame in range(3):
        other = x.copy()
        other[:, frame, 8, 8] += 5
        assert np.abs(np.asarray(model(other)) - found).max() > 1e-4


def test_the_halo_is_exact():
    model = built(width=4)
    halo = receptive_field(model).halo
    side, reached = 64, 0
    for at in (30, 31):
        x = np.random.default_rng(0).random((1, 3, side, 8, 1), np.float32)
        y = np.asarray(model(x))
        x[0, 0, at] += 1e3  # not NaN, which a maximum may not pass on
        rows = np.flatnonzero(np.abs(np.asarray(model(x)) - y).max((0, 2, 3)))
        reached = max(reached, at - rows[0], rows[-1] - at)
    assert reached == halo


def test_with_a_residual_the_last_frame_is_added():
    model = built(residual=True, pooling="max", top_skip=True)
    for layer in model.layers:
        if layer.name == "probabilities":
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    x = np.random.default_rng(0).random((1, 3, 8, 8, 1), np.float32)
    np.testing.assert_allclose(np.asarray(model(x)), x[:, -1], atol=1e-6)


def test_channels_apart_see_nothing_of_each_other():
    model = built(channels=2, classes=2, apart=True)
    x = np.random.default_rng(0).random((1, 3, 8, 8, 2), np.float32)
    other = x.copy()
    other[..., 1] += 1
    before, after = np.asarray(model(x)), np.asarray(model(other))
    np.testing.assert_array_equal(before[..., 0], after[..., 0])
    assert np.abs(before[..., 1] - after[..., 1]).max() > 1e-4


def test_its_file_is_opened_in_safe_mode(tmp_path):
    model = built(residual=True)
    model.save(tmp_path / "model.keras")
    trust.check_parts(tmp_path / "model.keras")
    again = backend.keras().models.load_model(tmp_path / "model.keras", safe_mode=True)
    x = np.random.default_rng(0).random((1, 3, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(again(x)))


def test_it_is_not_for_volumes():
    with pytest.raises(Exception, match="several frames is 2-D"):
        built(patch_slices=4)

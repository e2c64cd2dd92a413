"""Planes above the limit are read, normalised and segmented in parts; nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import small_models as models

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import Normalisation, array_storage, memory_maps
from imagej_dl.prediction import predict
from imagej_dl.prediction.frames import Lazy, ready

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def net():
    return models.unet()


def both(monkeypatch, bundle, image, **given):
    whole = predict(bundle, image, **given)
    monkeypatch.setattr(array_storage, "LARGE", 1000)
    return whole, predict(bundle, image, **given)


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
@pytest.mark.parametrize("shape", [(151, 140), (2, 90, 133)])
def test_the_same_in_parts(monkeypatch, net, tmp_path, dtype, shape):
    rng = np.random.default_rng(3)
    array = np.memmap(tmp_path / "image", dtype, "w+", shape=shape)
    array[:] = rng.integers(0, 250, shape)
    image = images.make(array, "TYX"[-len(shape) :])
    whole, parts = both(monkeypatch, net, image, tile=120, batch=2, probabilities=True)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_array_equal(parts.labels, whole.labels)
    assert parts.labels.dtype == whole.labels.dtype
    assert whole.labels.max() > 0
    if len(shape) == 2:
        assert memory_maps.mapped(parts.labels.data)
        alone = predict(net, image, tile=120)
        assert alone.probabilities is None
        np.testing.assert_array_equal(alone.labels, whole.labels)


@pytest.mark.parametrize("method", ["range", "median", "mean", "equalise"])
@pytest.mark.parametrize("scope", ["plane", "video"])
def test_planes_are_normalised_part_by_part_as_whole(monkeypatch, method, scope):
    rng = np.random.default_rng(5)
    rule = Normalisation(method=method, scope=scope)
    given = {"halo": 0, "multiple_of": 1, "normalisation": rule, "channels": 2}
    bundle = models.bundle_of(None, "binary", **given)
    image = images.make(rng.integers(0, 4095, (2, 2, 40, 50), np.uint16), "TCYX")
    whole = list(ready(bundle, image))
    monkeypatch.setattr(array_storage, "LARGE", 1000)
    for plane, expected in zip(ready(bundle, image), whole, strict=True):
        assert isinstance(plane, Lazy)
        assert plane.shape == expected.shape
        part = plane[3:20, 5:50]
        np.testing.assert_allclose(part, expected[3:20, 5:50], atol=1e-6)


def test_a_pixel_that_is_no_number_is_found_in_its_part(monkeypatch):
    monkeypatch.setattr(array_storage, "LARGE", 1000)
    array = np.ones((60, 70), np.float32)
    array[50, 60] = np.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        predict(models.threshold(), images.make(array), tile=16)


def test_a_temporary_folder_without_room_is_said_before_it_is_filled(monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(array_storage.os, "posix_fallocate", full, raising=False)
    with pytest.raises(UserError, match=r"no room for 0\.4 GB") as raised:
        array_storage.in_file((10**4, 10**4), np.float32)
    assert "TMPDIR" in raised.value.remedy

"""Tiles as large as the memory allows."""

from __future__ import annotations

import numpy as np
import pytest
import small_models as models

from imagej_dl import images, preferences
from imagej_dl.models import backend
from imagej_dl.models.networks.registry import network
from imagej_dl.prediction import memory, passes, predict


def test_what_is_available_is_some_memory():
    found = memory.available()
    assert found is None or 2**26 < found < 2**50


def test_the_limit_of_a_control_group_holds(tmp_path):
    member = tmp_path / "cgroup"
    member.write_text("0::/job/step\n")
    for folder, limit in (("job", "1000000"), ("job/step", "max")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "memory.max").write_text(limit + "\n")
        (tmp_path / folder / "memory.current").write_text("400000\n")
    assert list(memory._cgroup(tmp_path, member)) == [600000]
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("900")
    (tmp_path / "memory/memory.usage_in_bytes").write_text("1000")
    member.write_text("7:cpu:/else\n5:memory:/unseen/within/a/container\n")
    assert list(memory._cgroup(tmp_path, member)) == [0]
    assert list(memory._cgroup(tmp_path, tmp_path / "none")) == []


@pytest.mark.tf
def test_what_a_pixel_takes():
    layers = backend.keras().layers
    source = backend.keras().Input((None, None, 1))
    x = layers.Conv2D(8, 3, padding="same")(source)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Concatenate()([layers.UpSampling2D(2)(x), source])
    # Held at most: 8 channels of doubled pixels, the input and the concatenation of both.
    expected = memory._COPIES * 4 * (8 + 1 + 9)
    assert memory.bytes_per_pixel(backend.keras().Model(source, x)) == expected
    frames = network("mobilenet_mobileunet_lstm", {"frames": 2}).build()
    assert memory.bytes_per_pixel(frames) is None


@pytest.mark.tf
def test_tiles_by_the_free_memory(monkeypatch, tmp_path):
    def tile(*shape):
        return passes.tile_side(bundle.model, shape, halo, 2 * (halo + 8))

    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    bundle = models.unet()
    halo = bundle.config.halo
    needed = memory.bytes_per_pixel(bundle.model)
    monkeypatch.setattr(memory, "available", lambda: 4 * needed * 2048**2)
    assert tile(4000, 4000) == 2048
    assert tile(1024, 9000) == 4096  # of as many pixels
    monkeypatch.setattr(memory, "available", lambda: 2**50)
    assert tile(4000, 4000) ** 2 <= memory._MOST
    for unknown in (None, 1000):
        monkeypatch.setattr(memory, "available", lambda found=unknown: found)
        assert tile(4000, 4000) == 1024
    preferences.change(tile=512)
    assert tile(4000, 4000) == 512
    preferences.change(tile=0)
    monkeypatch.setattr(backend, "gpus", lambda: [backend.GPU("one")])
    monkeypatch.setattr(memory, "available", lambda: 2**50)
    assert tile(4000, 4000) == 1024


@pytest.mark.tf
def test_the_same_whatever_the_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    bundle = models.unet()
    image = images.make(np.random.default_rng(1).integers(0, 255, (300, 430), np.uint8))
    whole = predict(bundle, image, probabilities=True)
    monkeypatch.setattr(passes, "_TILE", 128)
    monkeypatch.setattr(memory, "available", lambda: 2**20)
    tiled = predict(bundle, image, probabilities=True)
    np.testing.assert_allclose(tiled.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_array_equal(tiled.labels, whole.labels)

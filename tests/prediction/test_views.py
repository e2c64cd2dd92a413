"""Test-time augmentation: views of planes, and their outputs brought back."""

from __future__ import annotations

import image_models
import numpy as np
import pytest
import small_models as models

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images import array_storage, memory_maps
from imagej_dl.methods.binary import Binary
from imagej_dl.prediction import predict, predict_image
from imagej_dl.prediction.views import View, seen, views

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def net():
    return models.unet()


def mean_of_views(bundle, plane, augment):
    """Predict each view of a plane as a whole, and average what comes back."""
    method = bundle.config.method
    outputs = [
        method.restored(
            bundle.network_output(view.of(bundle.prepare(plane))), view.quarter_turns, view.mirrored
        )
        for view in views(augment)
    ]
    return np.mean(outputs, axis=0)


def test_there_are_as_many_views_as_said():
    plane = RNG.random((3, 5))
    for augment, number in (("none", 1), ("flips", 4), ("all", 8)):
        found = views(augment)
        assert found[0] == View()
        assert len({view.of(plane).tobytes() + bytes(view.of(plane).shape) for view in found}) == (
            number
        )
    assert all(view.of(plane).shape == (3, 5) for view in views("flips"))
    with pytest.raises(UserError, match="none, flips, all"):
        views("many")


@pytest.mark.parametrize("view", views("all"))
def test_a_part_of_a_view_is_the_view_of_a_part(view):
    plane = RNG.random((7, 11, 2))
    whole = view.of(plane)
    assert whole.shape[:2] == view.shape((7, 11))
    for where in (np.s_[2:5, 1:6], np.s_[0:1, :], np.s_[:, 3:]):
        part = view.of(plane[view.source(where, (7, 11))])
        np.testing.assert_array_equal(part, whole[where])
    # The interface of a method brings back what is turned so.
    np.testing.assert_array_equal(
        Binary().restored(whole, view.quarter_turns, view.mirrored), plane
    )

    class Lazy:
        shape = plane.shape

        def __getitem__(self, where):
            return plane[where]

    lazy = seen(Lazy(), view)
    assert lazy.shape == whole.shape
    np.testing.assert_array_equal(lazy[2:5, 1:6], whole[2:5, 1:6])


@pytest.mark.tf
@pytest.mark.parametrize("augment", ["flips", "all"])
@pytest.mark.parametrize("shape", [(33, 61), (150, 97)])
def test_outputs_of_the_views_are_averaged(net, shape, augment):
    """Planes are no multiples of what the pooling divides by, so each view is padded elsewhere."""
    plane = RNG.integers(0, 255, shape, np.uint8)
    found = predict(net, plane, tile=4096, probabilities=True, augment=augment)
    expected = mean_of_views(net, plane, augment)
    found = found.probabilities.transpose("Y", "X", "C").values
    np.testing.assert_allclose(found, expected, atol=1e-5)
    alone = net.probabilities(plane)
    assert np.abs(expected - alone).max() > 1e-3, "a network without directions would prove nothing"
    tiled = predict(net, plane, tile=120, batch=3, probabilities=True, augment=augment)
    tiled = tiled.probabilities.transpose("Y", "X", "C")
    np.testing.assert_allclose(tiled, expected, atol=1e-5)


@pytest.mark.tf
def test_a_network_without_directions_gives_the_same():
    plane = RNG.integers(0, 255, (40, 55), np.uint8)
    bundle = models.threshold()
    once = predict(bundle, plane, probabilities=True)
    often = predict(bundle, plane, probabilities=True, augment="all")
    np.testing.assert_allclose(often.probabilities, once.probabilities, atol=1e-6)
    np.testing.assert_array_equal(often.labels, once.labels)


@pytest.mark.tf
def test_objects_are_those_of_the_mean_found_once(net, monkeypatch):
    plane = RNG.integers(0, 255, (50, 60), np.uint8)
    seen = []
    instances = type(net.config.method).instances
    monkeypatch.setattr(
        type(net.config.method),
        "instances",
        lambda self, output, settings: (
            seen.append(output.copy()) or instances(self, output, settings)
        ),
    )
    found = predict(net, plane, augment="flips")
    assert len(seen) == 1
    np.testing.assert_allclose(seen[0], mean_of_views(net, plane, "flips"), atol=1e-5)
    assert found.probabilities is None


@pytest.mark.tf
def test_the_method_brings_its_outputs_back(monkeypatch):
    """Channels that depend on directions are the method's own affair."""
    asked = []

    def restored(self, output, quarter_turns, mirrored):
        asked.append((quarter_turns, mirrored))
        back = np.rot90(output, -quarter_turns)
        return np.full_like(back, quarter_turns / 4 + mirrored / 8)

    monkeypatch.setattr(Binary, "restored", restored)
    found = predict(models.threshold(), np.zeros((9, 12)), probabilities=True, augment="all")
    assert asked == [(view.quarter_turns, view.mirrored) for view in views("all")]
    np.testing.assert_allclose(found.probabilities, np.mean([0, 1, 2, 3]) / 4 + 1 / 16)


@pytest.mark.tf
@pytest.mark.parametrize("probabilities", [True, False])
def test_large_planes_are_averaged_in_files(monkeypatch, net, probabilities):
    plane = RNG.integers(0, 250, (151, 140), np.uint8)
    given = {"tile": 120, "batch": 2, "augment": "all"}
    whole = predict(net, plane, probabilities=True, **given)
    monkeypatch.setattr(array_storage, "LARGE", 1000)
    parts = predict(net, plane, probabilities=probabilities, **given)
    np.testing.assert_array_equal(parts.labels, whole.labels)
    assert whole.labels.max() > 0
    if probabilities:
        np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-5)
        assert memory_maps.mapped(parts.probabilities.data)
    else:
        assert parts.probabilities is None


@pytest.mark.tf
def test_all_frames_of_a_window_are_turned(monkeypatch):
    from imagej_dl.models.networks.registry import network

    model = network("unet_lstm", {"width": 1, "depth": 1, "classes": 1, "frames": 2}).build()
    bundle = models.bundle_of(model, "binary", halo=8, multiple_of=2, frames=2, axes="TYX")
    video = RNG.integers(0, 255, (3, 13, 18), np.uint8)
    found = predict(bundle, images.make(video, "TYX"), probabilities=True, augment="all")
    for t in range(3):
        frames = [bundle.prepare(video[max(t - 1, 0)]), bundle.prepare(video[t])]
        window = np.concatenate(frames, axis=-1)
        outputs = [
            bundle.config.method.restored(
                bundle.network_output(view.of(window)), view.quarter_turns, view.mirrored
            )
            for view in views("all")
        ]
        mean = np.mean(outputs, axis=0)[..., 0]
        at = found.probabilities.isel(T=t).squeeze().values
        np.testing.assert_allclose(at, mean, atol=1e-5)


@pytest.mark.tf
def test_progress_counts_every_pass(net):
    told = []
    predict(
        net,
        images.make(RNG.integers(0, 255, (2, 40, 30), np.uint8), "TYX"),
        augment="flips",
        progress=lambda *seen: told.append(seen),
    )
    assert [one for one in told if one[0] == "predict"] == [("predict", n, 8) for n in range(9)]


@pytest.mark.slow
def test_views_that_the_network_cannot_know_are_refused():
    image = images.make(RNG.random((20, 24)).astype(np.float32))
    stripes = image_models.identity(kind="structn2v")
    predict_image(stripes, image, augment="flips")
    with pytest.raises(UserError, match=r"structn2v was trained on.*--augment flips"):
        predict_image(stripes, image, augment="all")
    askew = {"kernel": [[1, 0, 0], [0, 1, 0], [0, 0, 0]]}
    with pytest.raises(UserError, match=r"--augment none"):
        predict_image(
            image_models.identity(kind="structn2v", method_settings=askew), image, augment="flips"
        )

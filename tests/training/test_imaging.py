"""Patches under other imaging conditions are like those of a plane that was so taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imagej_dl.images import Normalisation
from imagej_dl.images.intensities.training_intensities import Seen, SeenChannel
from imagej_dl.methods.registry import method
from imagej_dl.training.fit import _settings
from imagej_dl.training.imaging import Camera, Imaging, Plane
from imagej_dl.training.patches import Example, Patches, Sampling
from imagej_dl.training.settings import Settings

SIZE = np.array((160, 160))
WHOLE = (np.diag(1 / SIZE), np.zeros(2))


@pytest.fixture(scope="module")
def example():
    """Discs of contrast .8 on a background of .1, with noise of .04."""
    y, x = np.indices(SIZE)
    labels = np.zeros(SIZE, np.uint16)
    for number, centre in enumerate(np.ndindex(5, 5), 1):
        cy, cx = 16 + 32 * np.array(centre)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 64] = number
    image = 0.1 + 0.8 * (labels > 0) + np.random.default_rng(0).normal(0, 0.04, SIZE)
    return Example("discs", image[..., None].astype(np.float32), labels)


def noise_to_contrast(image, labels):
    beside = image[labels == 0]
    return beside.std() / (np.median(image[labels > 0]) - np.median(beside))


def taken(example, camera, seed):
    plane = Plane.of(example.image, example.labels)
    return camera(example.image, plane, WHOLE, np.random.default_rng(seed))[..., 0]


def test_the_signal_to_noise_ratio_is_down_to_the_lowest(example):
    camera = Camera(Imaging(snr=2, blur=0, background=0), 16, Normalisation())
    ratios = [noise_to_contrast(taken(example, camera, seed), example.labels) for seed in range(30)]
    assert min(ratios) < 0.08  # it is .05 without
    assert 0.4 < max(ratios) < 0.55


def test_photon_noise_makes_objects_noisier_than_the_background(example):
    inside = example.labels > 0
    for shot, least, most in ((0, 0.9, 1.15), (20, 1.5, 25)):
        camera = Camera(Imaging(snr=2, shot=shot, blur=0, background=0), 16, Normalisation())
        found = [taken(example, camera, seed) for seed in range(12)]
        ratio = max(one[inside].var() / one[~inside].var() for one in found)
        assert least < ratio < most


def test_the_plane_is_stretched_by_its_new_percentiles(example):
    camera = Camera(Imaging(), 16, Normalisation())
    for seed in range(6):
        found = np.percentile(taken(example, camera, seed), (1, 99.8))
        np.testing.assert_allclose(found, (0, 1), atol=0.12)


def test_the_stretch_keeps_to_the_limits_of_the_training(example):
    one = SeenChannel(noise=0.05, top=1.5, levels=(0, 100))
    seen = Seen(planes=4, area=50, channels=(one,))
    camera = Camera(Imaging(snr=1, blur=0, background=0), 16, Normalisation(), seen)
    found = max(taken(example, camera, seed)[example.labels == 0].std() for seed in range(8))
    assert 0.05 < found < 0.05 * 1.5 * 1.1


def test_the_background_rises_across_the_plane(example):
    camera = Camera(Imaging(snr=1000, blur=0, background=2), 16, Normalisation(method="range"))
    rises = []
    for seed in range(8):
        beside = np.where(example.labels == 0, taken(example, camera, seed), np.nan)
        ends = [np.nanmedian(beside[part]) for part in (np.s_[:20], np.s_[-20:])]
        ends += [np.nanmedian(beside[:, part]) for part in (np.s_[:20], np.s_[-20:])]
        rises.append(max(ends) - min(ends))
    assert min(rises) < 0.02 < 0.3 < max(rises) < 1.8


def patches(example, **more):
    camera = Camera(Imaging(), 16, Normalisation())
    given = {"method": method("border", {}), "patch": 32, "batch": 4, "seed": 3, "camera": camera}
    return Patches([example], Sampling(**given | more))


def test_no_share_leaves_batches_as_they_were(example):
    usual = patches(example, camera=None).batch(500)
    for one, other in zip(patches(example, imaging=0.0).batch(500), usual, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_is_a_function_of_seed_and_number(example):
    first, again, other = (patches(example, imaging=1.0, seed=s).batch(302)[0] for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, patches(example, camera=None).batch(302)[0])


def test_the_share_grows_over_the_first_batches(example):
    class Marking(Camera):
        def __call__(self, patch, plane, where, rng):
            return patch + 1000

    camera = Marking(Imaging(), 16, Normalisation())
    made = patches(example, camera=camera, imaging=0.5, batch=100)
    shares = [float((made.batch(n)[0].mean((1, 2, 3)) > 500).mean()) for n in (0, 150, 900)]
    assert shares[0] == 0
    assert 0.12 < shares[1] < 0.38 < shares[2] < 0.62


def test_channels_and_frames_are_varied_each(example):
    two = np.concatenate((example.image, 1 - example.image), axis=-1)
    video = replace(example, image=two, others=(two,))
    found = patches(video, imaging=1.0).batch(300)[0]
    assert found.shape == (4, 32, 32, 4)
    assert np.isfinite(found).all()


def test_an_object_that_a_channel_does_not_show_is_no_division_by_zero():
    flat = Example("flat", np.zeros((40, 40, 1), np.float32), np.ones((40, 40), np.uint16))
    assert np.isfinite(patches(flat, imaging=1.0).batch(300)[0]).all()


@pytest.mark.parametrize(
    ("kind", "varies"), [("border", True), ("flows", True), ("denoiseg", True), ("n2v2", False)]
)
def test_only_kinds_that_find_objects_are_varied(kind, varies):
    assert Settings.of({"kind": kind, "imaging": 0.5}).varies_imaging is varies


def test_a_training_of_an_earlier_version_goes_on_without():
    class Earlier:
        settings = Settings.of({"imaging": 0.0}).model_dump(mode="json")

    assert "imaging" not in Earlier.settings
    assert _settings({}, Earlier, None).imaging == 0

"""The suite's ways of normalising, against their formulas."""

import numpy as np
import pytest

from imagej_dl.images import Normalisation

RNG = np.random.default_rng(0)
PLANE = RNG.gamma(3, 900, (40, 50)).astype(np.uint16)


def test_the_suites_percentiles_are_clipped():
    found = Normalisation(lower=0.1, upper=99.1, clip=True)(PLANE)
    x = PLANE / 65535
    low, high = np.percentile(x, (0.1, 99.1))
    np.testing.assert_allclose(found, np.clip((x - low) / (high - low), 0, 1), atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize(("method", "middle"), [("median", np.median), ("mean", np.mean)])
@pytest.mark.parametrize(("kind", "top"), [(np.uint16, 65535), (np.uint8, 255), (np.float32, 1)])
def test_median_and_mean_become_a_half(method, middle, kind, top):
    plane = (PLANE / 65535 * top).astype(kind)
    x = plane / top
    found = Normalisation(method=method, clip=True)(plane)
    np.testing.assert_allclose(found, np.clip(x + 0.5 - middle(x), 0, 1), atol=2e-6)


def test_equalisation_makes_the_shares_of_darker_pixels():
    found = Normalisation(method="equalise")(PLANE)
    at = [(0, 0), (3, 7), (39, 49)]
    darkest = (PLANE.min() == PLANE).sum()
    for y, x in at:
        not_above = (PLANE[y, x] >= PLANE).sum()
        expected = (not_above - darkest) / (PLANE.size - darkest)
        assert found[y, x] == pytest.approx(expected, abs=1e-6)
    assert (found.min(), found.max()) == (0, 1)
    floats = Normalisation(method="equalise")(PLANE.astype(np.float32))
    np.testing.assert_allclose(floats, found, atol=1e-6)


def test_flat_planes_and_channels():
    flat = np.full((5, 6), 300, np.uint16)
    for method, value in (("percentile", 0), ("median", 0.5), ("mean", 0.5), ("equalise", 0)):
        found = Normalisation(method=method)(flat)
        np.testing.assert_allclose(found, value, atol=1e-6)
    two = np.dstack([PLANE, PLANE // 2])
    for method in ("percentile", "median", "mean", "equalise"):
        rule = Normalisation(method=method)
        np.testing.assert_allclose(rule(two)[..., 1], rule(PLANE // 2), atol=1e-6)


@pytest.mark.parametrize("method", ["percentile", "median", "mean", "equalise"])
@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_video_is_measured_as_a_whole(method, kind):
    video = [(PLANE * factor).astype(kind) for factor in (0.2, 1.0, 0.6)]
    rule = Normalisation(method=method, lower=0.1, upper=99.1, scope="video")
    levels = rule.levels(video)
    together = Normalisation(method=method, lower=0.1, upper=99.1)(np.concatenate(video))
    apart = np.concatenate([rule(plane, levels) for plane in video])
    np.testing.assert_allclose(apart, together, atol=2e-6)
    assert Normalisation(method=method).levels(video) is None


def test_uneven_light_is_taken_off():
    y, x = np.indices((300, 400))
    light = 8000 + 10 * x + 5 * y
    flat = RNG.normal(0, 30, light.shape)
    plane = (light + flat).astype(np.uint16)
    rule = Normalisation(method="range", illumination=25)
    found = rule(plane) * 65535
    middle = (slice(100, 200), slice(150, 250))  # the mirrored edge bends the light
    assert np.corrcoef(light[middle].ravel(), plane[middle].ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(light[middle].ravel(), found[middle].ravel())[0, 1]) < 0.1
    assert found.mean() == pytest.approx(plane.mean(), rel=0.01)


def test_uneven_light_by_a_gaussian_of_501_px():
    plane = RNG.integers(0, 60000, (30, 20)).astype(np.uint16)
    at = np.arange(-250, 251)
    kernel = np.exp(-(at**2) / (2 * 75.5**2))
    kernel /= kernel.sum()
    blurred = plane.astype(float)
    for axis in (0, 1):
        size = plane.shape[axis]
        index = np.abs((np.arange(-250, size + 250)) % (2 * size - 2))
        index = np.where(index < size, index, 2 * size - 2 - index)
        wide = blurred.take(index, axis)
        blurred = np.apply_along_axis(np.convolve, axis, wide, kernel, "valid")
    expected = np.clip(plane - blurred + plane.mean(), 0, 65535) / 65535
    found = Normalisation(method="range", illumination=75.5)(plane)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_models_saved_before_are_read():
    old = {"method": "percentile", "lower": 1.0, "upper": 99.8}
    assert Normalisation.model_validate(old) == Normalisation()

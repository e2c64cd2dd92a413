"""How far a plane is stretched follows what the training saw, in ratios that exposure leaves."""

import numpy as np
import pytest

from imagej_dl.images import Normalisation, Seen
from imagej_dl.images.intensities.training_intensities import Look, Sample, look

RULE = Normalisation()


def cells(seed, count=25, noise=10.0, height=300.0, size=256, radius=9):
    """Discs on a noisy background, uint16, and where they are."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size))
    inside = np.zeros((size, size), bool)
    for _ in range(count):
        cy, cx = rng.uniform(radius, size - radius, 2)
        inside |= (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    image = rng.normal(200, noise, inside.shape) + height * inside
    return np.clip(image, 0, 65535).round().astype(np.uint16), inside


def trained(*planes):
    looks = [RULE.look(plane) for plane in planes]
    return Seen.of([one for one in looks if one is not None], np.pi * 9**2 / 4)


SEEN = trained(*(cells(seed)[0] for seed in range(3)))


def test_planes_like_those_of_the_training_stay_bit_for_bit():
    for seed in range(5):
        plane, _ = cells(seed)
        far = []
        np.testing.assert_array_equal(RULE(plane, None, SEEN, far), RULE(plane))
        assert far == []


@pytest.mark.parametrize("gain", [0.1, 1, 20])
def test_another_exposure_changes_nothing(gain):
    plane, _ = cells(7)
    other = (plane * gain).astype(np.float32)
    far = []
    np.testing.assert_array_equal(RULE(other, None, SEEN, far), RULE(other))
    assert far == []


def test_an_empty_plane_is_stretched_no_more_than_noise_was():
    plane, _ = cells(1, count=0)
    far = []
    found = RULE(plane, None, SEEN, far)
    assert [one.why for one in far] == ["noise"]
    full, inside = cells(0)
    usual = RULE(full)[~inside].std()
    assert RULE(plane).std() > 4 * usual
    assert found.std() < 2.5 * usual


def test_few_bright_pixels_set_the_end_of_the_stretch():
    plane, inside = cells(2, count=1, size=512, radius=5)
    assert inside.mean() < 0.002
    far = []
    found = RULE(plane, None, SEEN, far)
    assert far[0].why == "few"
    assert 0.6 < np.median(found[inside]) < 1.1
    assert np.median(RULE(plane)[inside]) > 4


def test_debris_on_few_pixels_does_not_hide_the_cells():
    plane, inside = cells(3)
    plane[:20, :20] = 60000  # .6 %
    inside[:20, :20] = False
    far = []
    found = RULE(plane, None, SEEN, far)
    assert [one.why for one in far] == ["bright"]
    assert np.median(RULE(plane)[inside]) < 0.01
    assert 0.6 < np.median(found[inside]) < 1.1
    assert found.max() <= SEEN.channels[0].top + 1e-6


def test_debris_may_be_nearly_half_of_what_is_bright():
    plane, inside = cells(3, count=4)
    plane[:25, :25] = 60000
    inside[:25, :25] = False
    assert 0.3 < 25**2 / (25**2 + inside.sum()) < 0.5
    far = []
    found = RULE(plane, None, SEEN, far)
    assert [one.why for one in far] == ["bright"]
    assert 0.5 < np.median(found[inside]) < 1.2


def test_a_hot_pixel_is_bounded_and_named():
    plane = cells(4)[0].astype(np.float32)
    plane[30, 40] = 1e30
    for seen, top in ((SEEN, SEEN.channels[0].top), (None, 100)):
        far = []
        found = RULE(plane, None, seen, far)
        assert [(one.why, one.at) for one in far] == [("hot", (30, 40))]
        assert found.max() == pytest.approx(top, rel=0.02)
        clean = plane.copy()
        clean[30, 40] = 200
        np.testing.assert_allclose(
            np.delete(found, 30, 0), np.delete(RULE(clean), 30, 0), atol=1e-3
        )


def test_a_video_is_bounded_as_a_whole():
    rule = Normalisation(scope="video")
    empty = [cells(seed, count=0)[0] for seed in range(3)]
    far = []
    levels = rule.levels(empty, SEEN, far)
    assert [one.why for one in far] == ["noise"]
    (values,) = levels.values
    assert np.ptp(values) > 2 * np.ptp(rule.levels(empty).values[0])
    full = [cells(seed)[0] for seed in range(3)]
    far = []
    found = rule.levels(full, SEEN, far)
    assert far == []
    np.testing.assert_array_equal(found.values, rule.levels(full).values)


@pytest.mark.slow
def test_a_sample_of_a_large_plane_is_small_and_says_the_same():
    plane = np.tile(cells(0)[0], (20, 20))
    sample = Sample()
    for low in range(0, len(plane), 1000):
        sample.add(plane[low : low + 1000])
    assert sum(slab.size for slab in sample.slabs) <= 2**22
    assert all(slab.base is None for slab in sample.slabs)
    one, part = look([plane], 0, 1), look(sample.slabs, 0, 1)
    assert part.noise == pytest.approx(one.noise, rel=0.05)
    assert part.bright == pytest.approx(one.bright, rel=0.05)


def test_each_channel_has_bounds_of_its_own():
    one, two = cells(0)[0], cells(1, noise=3, height=900)[0]
    seen = trained(np.stack([one, two], -1))
    assert len(seen.channels) == 2
    plane = np.stack([cells(2)[0], cells(3, count=0, noise=3)[0]], -1)
    far = []
    found = RULE(plane, None, seen, far)
    assert [one.why for one in far] == ["noise"]
    np.testing.assert_allclose(found[..., 0], RULE(plane[..., 0]), atol=1e-5)


def test_what_two_trainings_saw_is_joined():
    loud = trained(cells(0, noise=40)[0])
    both = SEEN + loud
    assert both.channels[0].noise == loud.channels[0].noise > SEEN.channels[0].noise
    assert both.planes == 4
    assert both == loud + SEEN


def test_other_ways_have_no_bounds():
    plane, _ = cells(1, count=0)
    for method in ("range", "median", "mean", "equalise"):
        rule = Normalisation(method=method)
        assert rule.look(plane) is None
        np.testing.assert_array_equal(rule(plane, None, SEEN), rule(plane))


def test_noise_is_measured_beside_cells_gradients_and_grey_values():
    rng = np.random.default_rng(0)
    for sigma in (1, 0.7):  # of grey values, of which only a few occur
        noise = rng.normal(100, sigma, (200, 200)).round()
        assert look([noise.astype(np.uint16)], 0, 1).noise == pytest.approx(sigma, abs=0.65)
    plane, _ = cells(5)
    assert look([plane], 0, 1).noise == pytest.approx(10, rel=0.1)
    flat = look([np.full((9, 9), 7, np.uint8)], 7, 7)
    assert isinstance(flat, Look)
    assert flat.bright is None
    assert flat.spread == 1

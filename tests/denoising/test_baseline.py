"""The best Gaussian: each pixel from its neighbours, the width, and the comparison."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.denoising import best_gaussian, compare, left_out
from imagej_dl.denoising.baseline import FEWEST, WIDTHS


def scene(side: int = 64, seed: int = 0) -> np.ndarray:
    """A smooth image of values around 1."""
    noise = np.random.default_rng(seed).normal(size=(side, side))
    smooth = ndi.gaussian_filter(noise, 3)
    return (1 + smooth / smooth.std()).astype(np.float32)


@pytest.mark.parametrize("width", [0.3, 1.2, 5.0])
def test_a_pixel_takes_no_part_in_its_own_prediction(width):
    plane = scene(24)
    before = left_out(plane, width)
    for y, x in (0, 0), (11, 7), (23, 10):
        changed = plane.copy()
        changed[y, x] = 1e4
        after = left_out(changed, width)
        assert after[y, x] == pytest.approx(before[y, x], rel=1e-4)
        assert not np.allclose(after, before)


def test_the_weights_are_those_of_a_gaussian_without_its_centre():
    plane = np.random.default_rng(1).normal(size=(9, 11))
    y, x = np.mgrid[:9, :11]
    weights = np.exp(-((y - 4) ** 2 + (x - 6) ** 2) / (2 * 1.5**2))
    weights[4, 6] = 0
    weights[(abs(y - 4) > 6) | (abs(x - 6) > 6)] = 0  # beyond four standard deviations
    assert left_out(plane, 1.5)[4, 6] == pytest.approx(np.average(plane, weights=weights), rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (3, 3), (1, 9)])
def test_what_is_hidden_besides_takes_no_part(shape):
    plane, hidden = scene(24), np.ones(shape, bool)
    before = left_out(plane, 2.0, hidden)
    changed = plane.copy()
    changed[12, 12] = 1e4
    differs = ~np.isclose(left_out(changed, 2.0, hidden), before, rtol=1e-3)
    y, x = (np.arange(24) for _ in range(2))
    under = (abs(y[:, None] - 12) <= shape[0] // 2) & (abs(x - 12) <= shape[1] // 2)
    assert not differs[under].any()
    assert differs[10:15, 12 + shape[1] // 2 + 1].all()


def test_a_kernel_that_is_not_symmetric_lies_as_it_is_given():
    plane, hidden = scene(24), np.zeros((1, 5), bool)
    hidden[0, 2:] = True  # the pixel itself, and two to its right
    before = left_out(plane, 2.0, hidden)
    changed = plane.copy()
    changed[12, 12] = 1e4
    differs = ~np.isclose(left_out(changed, 2.0, hidden), before, rtol=1e-3)
    assert differs[12, 8:17].tolist() == [True, True, False, False, False, True, True, True, True]


def test_widths_that_a_kernel_hides_are_not_chosen():
    plane = scene(64) + np.random.default_rng(4).normal(0, 0.1, (64, 64))
    best = best_gaussian([plane], hidden=np.ones((9, 9), bool))
    assert np.isinf(best.errors[0][1])
    assert best.width > 1
    assert best.error > best_gaussian([plane]).error
    assert best_gaussian([plane], widths=(0.3,), hidden=np.ones((9, 9), bool)) is None


def test_noise_of_rows_is_predicted_unless_the_row_is_hidden():
    """Else a Gaussian that predicts the noise would seem to denoise well."""
    rng = np.random.default_rng(5)
    noisy = scene(64) + 0.5 * rng.normal(size=(64, 1)) + 0.1 * rng.normal(size=(64, 64))
    assert best_gaussian([noisy]).error < 0.2
    assert best_gaussian([noisy], hidden=np.ones((1, 63), bool)).error > 0.25


def test_an_even_image_is_predicted_to_its_edges_and_on_a_large_offset():
    assert np.allclose(left_out(np.full((12, 12), 3e6), 2.0), 3e6)
    plane = scene(32)
    assert np.allclose(left_out(plane + 1e5, 1.0) - 1e5, left_out(plane, 1.0), atol=0.02)


def test_pixels_without_a_value_spoil_no_others():
    plane = scene(32)
    plane[5, 5] = np.nan
    found = left_out(plane, 1.0)
    assert np.isfinite(found).all()
    assert best_gaussian([plane]).pixels == 32 * 32 - 1


def test_the_width_grows_with_the_noise_and_is_near_the_one_that_truth_would_choose():
    truth, rng = scene(128), np.random.default_rng(2)
    widths = []
    for sigma in (0.1, 0.5, 2.0):
        noisy = truth + rng.normal(0, sigma, truth.shape)
        best = best_gaussian([noisy])
        widths.append(best.width)
        errors = [np.square(left_out(noisy, w) - truth).mean() for w in WIDTHS]
        assert errors[WIDTHS.index(best.width)] < 1.1 * min(errors)
        # The noise of the pixel itself is in the error.
        assert best.error == pytest.approx(sigma**2 + min(errors), rel=0.1)
        assert dict(best.errors)[best.width] == best.error
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_too_few_pixels_choose_nothing():
    assert best_gaussian([]) is None
    assert best_gaussian([np.zeros((1, 1))] * 1000) is None
    assert best_gaussian([np.zeros((7, 7))]) is None  # 49
    assert best_gaussian([np.zeros((7, 7))] * 2).pixels == 98


def patches(sigma: float = 0.5, count: int = 6, share: float = 0.02, seed: int = 3):
    rng = np.random.default_rng(seed)
    truth = [scene(64, seed + i)[..., None] for i in range(count)]
    values = [t + rng.normal(0, sigma, t.shape).astype(np.float32) for t in truth]
    masks = [rng.random(t.shape) < share for t in truth]
    return truth, values, masks


def test_a_network_that_knows_the_truth_is_better():
    truth, values, masks = patches()
    found = compare(values, masks, truth)
    assert found.verdict == "network"
    assert found.network == pytest.approx(0.5, rel=0.1)
    assert found.network < found.gaussian
    assert found.pixels == sum(mask.sum() for mask in masks)
    assert f"a Gaussian of {found.width:g} px gives" in found.words()
    assert found.record()["better"] == "network"


def test_a_network_that_gives_the_mean_is_worse():
    _, values, masks = patches()
    found = compare(values, masks, [np.ones_like(v) for v in values])
    assert found.verdict == "gaussian"


def test_the_same_prediction_is_not_told_apart():
    _, values, masks = patches()
    width = best_gaussian([v[..., 0] for v in values]).width
    rng = np.random.default_rng(9)
    same = [left_out(v[..., 0], width)[..., None] for v in values]
    near = [s + rng.normal(0, 0.01, s.shape) for s in same]
    found = compare(values, masks, near)
    assert found.verdict == "neither"
    assert "do not tell the two apart" in found.words()


def test_only_masked_pixels_count_and_few_say_nothing():
    truth, values, masks = patches()
    spoilt = [np.where(mask, t, 1e6) for mask, t in zip(masks, truth, strict=True)]
    assert compare(values, masks, spoilt) == compare(values, masks, truth)
    few = [np.zeros_like(mask) for mask in masks]
    few[0][:7, :7] = True
    assert few[0].sum() < FEWEST
    assert compare(values, few, truth) is None
    flat = [mask[..., 0] for mask in masks]
    assert compare(values, flat, truth) == compare(values, masks, truth)

"""Which pixels are hidden, and what stands in their place."""

import numpy as np
import pytest

from imagej_dl.methods.shared import masking

SIDE = 32


def plane(seed=0, side=SIDE):
    """Each pixel has a value of its own, so that it is known where a value came from."""
    values = np.arange(side * side, dtype=np.float32)
    return np.random.default_rng(seed).permutation(values).reshape(side, side)


def where(values, value):
    (y,), (x,) = np.nonzero(values == value)
    return int(y), int(x)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.015, 0.002])
def test_one_pixel_of_each_box_is_chosen(share):
    box = round(share**-0.5)
    rng = np.random.default_rng(1)
    chosen = np.array([masking.stratified((64, 64), share, rng) for _ in range(300)])
    for one in chosen:
        ys, xs = np.nonzero(one)
        # A box apart in one axis or the other, or neighbours in the grid: never two in a box.
        starts = [
            (oy, ox)
            for oy in range(box)
            for ox in range(box)
            if len({((y + oy) // box, (x + ox) // box) for y, x in zip(ys, xs, strict=True)})
            == len(ys)
        ]
        assert starts
    assert chosen.mean() == pytest.approx(1 / box**2, rel=0.02)


def test_all_pixels_are_chosen_equally_often():
    rng = np.random.default_rng(2)
    count = 4000
    often = sum(masking.stratified((20, 20), 0.04, rng).astype(int) for _ in range(count))
    expected = count / 25
    assert abs(often.mean() / expected - 1) < 0.02
    assert np.abs(often - expected).max() < 6 * np.sqrt(expected)


def test_a_random_neighbour_lies_within_the_radius_and_is_never_hidden():
    values, rng = plane(), np.random.default_rng(3)
    seen = set()
    for _ in range(200):
        hidden = masking.stratified((SIDE, SIDE), 0.05, rng)
        filled, missing = masking.random_neighbours(values, hidden, 2, rng)
        assert not missing.any()
        np.testing.assert_array_equal(filled[~hidden], values[~hidden])
        for y, x in np.argwhere(hidden):
            ny, nx = where(values, filled[y, x])
            assert not hidden[ny, nx]
            assert max(abs(ny - y), abs(nx - x)) in (1, 2)
            seen.add((ny - y, nx - x))
    assert len(seen) == 24  # all of 5 x 5 but the pixel itself


def test_at_a_corner_the_neighbours_in_the_patch_are_equally_likely():
    values, rng = plane(side=8), np.random.default_rng(4)
    hidden = np.zeros((8, 8), bool)
    hidden[0, 0] = True
    drawn = [masking.random_neighbours(values, hidden, 1, rng)[0][0, 0] for _ in range(3000)]
    found, often = np.unique(drawn, return_counts=True)
    assert set(found) == {values[0, 1], values[1, 0], values[1, 1]}
    assert np.abs(often - 1000).max() < 120


def test_the_median_is_that_of_the_neighbours_that_are_not_hidden():
    rng = np.random.default_rng(5)
    values = rng.random((SIDE, SIDE), np.float32)
    hidden = masking.stratified((SIDE, SIDE), 0.05, rng)
    filled, missing = masking.median_of_neighbours(values, hidden, 2)
    assert not missing.any()
    np.testing.assert_array_equal(filled[~hidden], values[~hidden])
    for y, x in np.argwhere(hidden):
        box = slice(max(y - 2, 0), y + 3), slice(max(x - 2, 0), x + 3)
        assert filled[y, x] == pytest.approx(np.median(values[box][~hidden[box]]), abs=1e-7)


@pytest.mark.parametrize("median", [True, False])
def test_where_all_neighbours_are_hidden_nothing_is_filled(median):
    values, rng = plane(side=8), np.random.default_rng(6)
    hidden = np.zeros((8, 8), bool)
    hidden[:3, :3] = True
    filled, missing = (
        masking.median_of_neighbours(values, hidden, 1)
        if median
        else masking.random_neighbours(values, hidden, 1, rng)
    )
    expected = np.zeros((8, 8), bool)
    expected[:2, :2] = True
    np.testing.assert_array_equal(missing, expected)
    np.testing.assert_array_equal(filled[missing], values[missing])


def test_a_kernel_hides_what_lies_under_it_and_ends_at_the_edge():
    chosen = np.zeros((6, 7), bool)
    chosen[1, 1] = chosen[5, 5] = True
    kernel = np.array(((0, 0, 0, 0, 0), (1, 1, 1, 1, 1), (0, 0, 1, 0, 0)), bool)
    hidden = masking.under(kernel, chosen)
    expected = np.zeros((6, 7), bool)
    expected[1, :4] = expected[2, 1] = True
    expected[5, 3:] = True
    np.testing.assert_array_equal(hidden, expected)

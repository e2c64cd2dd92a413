"""Resampled planes: nothing is shifted, and parts are as the whole."""

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.prediction.label_resampling import resampled_labels
from imagej_dl.prediction.pixels import Pixels, Resampled
from imagej_dl.prediction.resampling import CUBIC, LINEAR, SMOOTH, resampled, weights

RNG = np.random.default_rng(0)


def to(values, shape, kernel=CUBIC):
    rows, columns = (
        weights(before, after, kernel) for before, after in zip(values.shape, shape, strict=False)
    )
    return resampled(values, rows, columns)


@pytest.mark.parametrize("kernel", [CUBIC, LINEAR, SMOOTH], ids=["cubic", "linear", "smooth"])
@pytest.mark.parametrize("after", [7, 16, 31, 32, 64, 128])
def test_a_ramp_stays_where_it_is(kernel, after):
    """A pixel's value is the place of its centre, so a shift by any fraction would show."""
    ramp = np.broadcast_to(np.arange(32)[:, None] + 0.5, (32, 3))
    found = to(ramp, (after, 3), kernel)[:, 0]
    expected = (np.arange(after) + 0.5) * 32 / after
    # The mirrored ends are no ramp any more.
    inner = (expected > 9) & (expected < 23) if after > 7 else abs(expected - 16) < 1
    np.testing.assert_allclose(found[inner], expected[inner], atol=0.02)


def test_the_same_size_is_the_same_picture():
    plane = RNG.random((13, 11), np.float32)
    np.testing.assert_array_equal(to(plane, plane.shape), plane)
    np.testing.assert_array_equal(to(plane, plane.shape, LINEAR), plane)


@pytest.mark.parametrize("shape", [(40, 33), (5, 6), (13, 4), (1, 1)])
def test_a_mirrored_plane_is_resampled_to_the_mirror_image(shape):
    plane = RNG.random((13, 11), np.float32)
    found = to(plane[::-1, ::-1], shape)
    np.testing.assert_allclose(found[::-1, ::-1], to(plane, shape), atol=1e-6)


def test_what_is_finer_than_the_new_pixels_leaves_no_pattern():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(to(stripes, (20, 20))[:, 3:-3], 0.5, atol=0.02)


@pytest.mark.parametrize("shape", [(90, 31), (19, 140), (30, 23)])
@pytest.mark.parametrize("whole", [True, False])
def test_parts_are_as_the_whole(shape, whole):
    array = RNG.integers(0, 65535, (2, 60, 70, 2), np.uint16)
    pixels = Resampled(images.make(array, "TYXC"), shape, whole=whole)
    assert pixels.shape == shape
    plane = pixels.part(1, 0)
    assert plane.shape == (*shape, 2)
    assert plane.dtype == (np.uint16 if whole else np.float32)
    expected = to(array[1], shape)
    if whole:  # what the kernel takes beyond the type's range is cut off
        expected = np.clip(expected, 0, 65535)
    np.testing.assert_allclose(plane, expected, atol=0.5 if whole else 0, rtol=0)
    part = pixels.part(1, 0, (slice(3, 17), slice(5, None)))
    np.testing.assert_array_equal(part, plane[3:17, 5:])


def test_a_large_plane_is_read_some_rows_at_a_time(monkeypatch):
    read = []
    part = Pixels.part
    monkeypatch.setattr("imagej_dl.prediction.pixels._AT_ONCE", 1000)
    monkeypatch.setattr(
        Pixels, "part", lambda self, t, z, where: read.append(where) or part(self, t, z, where)
    )
    array = RNG.integers(0, 255, (200, 100), np.uint8)
    found = Resampled(images.make(array), (50, 25), whole=False).part(0, 0)
    np.testing.assert_array_equal(found, to(array, (50, 25)))
    assert len(read) > 10
    assert max(rows.stop - rows.start for rows, _ in read) <= 30


def ellipses(scale):
    """Draw ellipses that touch or nearly do, from the true outlines, at a scale."""
    shape = [(30, 30, 12, 8), (30, 46.4, 12, 8), (30, 64, 8, 9), (70, 20, 3, 3), (70, 60, 14, 20)]
    y, x = (np.mgrid[: 96 * scale, : 90 * scale] + 0.5) / scale
    labels = np.zeros(y.shape, np.uint16)
    for number, (cy, cx, ry, rx) in enumerate(shape, 1):
        labels[((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1] = number
    return labels


def ious(labels, truth):
    return [
        np.count_nonzero((labels == i) & (truth == i))
        / np.count_nonzero((labels == i) | (truth == i))
        for i in np.unique(truth)[1:]
    ]


@pytest.mark.parametrize(("before", "after", "least"), [(1, 4, 0.9), (1, 3, 0.9), (4, 1, 0.85)])
def test_objects_keep_their_place_shape_and_ids(before, after, least):
    truth = ellipses(after)
    found, lost = resampled_labels(ellipses(before), truth.shape)
    assert lost == 0
    assert found.dtype == np.uint16
    assert min(ious(found, truth)) > least
    for number in range(1, 6):
        at, expected = (np.argwhere(one == number).mean(axis=0) for one in (found, truth))
        np.testing.assert_allclose(at, expected, atol=0.15 * after)


def test_enlarged_outlines_are_no_stairs():
    truth = ellipses(4)
    found, _ = resampled_labels(ellipses(1), truth.shape)
    blocks = np.kron(ellipses(1), np.ones((4, 4), np.uint16))
    assert np.mean(ious(found, truth)) > np.mean(ious(blocks, truth)) + 0.01
    # A stair of four pixels turns by a corner less often than each pixel does.
    corners = lambda labels: np.count_nonzero(  # noqa: E731
        np.diff(np.diff(labels == 5, axis=0).astype(int), axis=1)
    )
    assert corners(found) > 1.5 * corners(blocks)


def test_what_touches_goes_on_touching_and_gaps_stay():
    labels = np.zeros((20, 31), np.uint16)
    labels[4:16, 3:12], labels[4:16, 12:20], labels[4:16, 21:28] = 1, 2, 3
    found, _ = resampled_labels(labels, (80, 124))
    row = found[40]
    assert [int(i) for i, before in zip(row[1:], row[:-1], strict=True) if i != before] == [
        1, 2, 0, 3, 0,
    ]  # fmt: skip
    assert np.count_nonzero(row == 1) == 36
    assert abs(np.count_nonzero(row[:112] == 0) - 12 - 4) <= 1


def test_blocks_do_not_show(monkeypatch):
    labels = ellipses(1)
    whole, _ = resampled_labels(labels, (250, 270))
    monkeypatch.setattr("imagej_dl.prediction.label_resampling._BLOCK", 17)
    monkeypatch.setattr("imagej_dl.images.array_storage.LARGE", 1000)
    seen = []
    parts, _ = resampled_labels(labels, (250, 270), lambda *told: seen.append(told))
    np.testing.assert_array_equal(parts, whole)
    assert seen[-1][1:] == (len(seen) - 1, len(seen) - 1)


def test_nothing_vanishes_without_a_word():
    labels = np.zeros((40, 40), np.uint16)
    labels[3, 3] = 1  # has a pixel of its own
    labels[10:20, 10:20] = 2
    labels[14, 14] = 3  # lies in another object's
    labels[30, 30:34] = 4
    found, lost = resampled_labels(labels, (10, 10))
    assert lost == 1
    assert np.unique(found).tolist() == [0, 1, 2, 3]
    assert found[0, 0] == 1
    assert found[3, 3] == 2
    assert found[7, 7] == 3 or found[7, 8] == 3


def test_one_object_does_not_become_two():
    labels = np.zeros((60, 60), np.uint16)
    labels[10:30, 10:30] = labels[30:50, 30:50] = 1
    labels[29:31, 29:31] = 1  # a bridge of two pixels
    from scipy import ndimage as ndi

    found, lost = resampled_labels(labels, (20, 20))
    assert lost == 0
    assert ndi.label(found == 1)[1] == 1


def test_an_empty_label_map_stays_empty():
    found, lost = resampled_labels(np.zeros((9, 9), np.uint16), (20, 30))
    assert found.shape == (20, 30)
    assert not found.any()
    assert lost == 0

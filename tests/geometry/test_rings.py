"""Outlines of labels enclose exactly their pixels; those of components are the same rings."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label as number

from imagej_dl.geometry import rasterize, rings

RANDOM = 60


def random_labels(seed: int) -> np.ndarray:
    """Return (planes, Y, X) labels of noise or of blocks, padded by one pixel of zeros."""
    random = np.random.default_rng((11, seed))
    shape = (int(random.integers(1, 4)), *(int(n) for n in random.integers(1, 40, 2)))
    labels = random.integers(0, random.integers(2, 6), shape)
    if seed % 2:
        labels = np.kron(labels, np.ones((1, 3, 4), int))[:, : shape[1], : shape[2]]
    return np.pad(labels.astype(np.uint16), ((0, 0), (1, 1), (1, 1)))


def filled(found: rings.Rings, shape: tuple[int, ...]) -> np.ndarray:
    """Fill the rings of each plane and label, even-odd."""
    labels = np.zeros(shape, np.uint16)
    owners = {
        key: i for i, key in enumerate(sorted(set(zip(found.plane, found.label, strict=True))))
    }
    keys = list(owners)
    corners = found.corners
    outlines = rasterize.Outlines(
        *corners.points.T.astype(float),
        corners.sizes,
        np.array([owners[key] for key in zip(found.plane, found.label, strict=True)], np.int64),
        np.array([(0, 0, shape[2], shape[1])] * len(keys), np.int64),
    )
    runs = rasterize.fill(outlines)
    for owner, y, x1, x2 in zip(runs.owner, runs.y, runs.x1, runs.x2, strict=True):
        plane, label = keys[owner]
        assert not labels[plane, y, x1:x2].any()
        labels[plane, y, x1:x2] = label
    return labels


@pytest.mark.parametrize("seed", range(RANDOM))
def test_rings_enclose_exactly_their_labels(seed: int) -> None:
    padded = random_labels(seed)
    inner = padded[:, 1:-1, 1:-1]
    if not inner.any():
        return
    np.testing.assert_array_equal(filled(rings.trace(padded), inner.shape), inner)


def components(padded: np.ndarray) -> np.ndarray:
    numbered = np.zeros(padded.shape, np.int32)
    for plane, labels in zip(numbered, padded, strict=True):
        one = number(labels, background=0, connectivity=2)
        plane[:] = np.where(one > 0, one + numbered.max(), 0)
    return numbered


def rolled(ring: np.ndarray) -> list[tuple[int, int]]:
    """Return the corners of a ring from its smallest on, in its direction."""
    points = [tuple(point) for point in ring.tolist()]
    first = points.index(min(points))
    return points[first:] + points[:first]


@pytest.mark.parametrize("seed", range(RANDOM))
def test_outer_rings_are_those_round_the_components(seed: int) -> None:
    """Followed together (many components) or one by one, and begun elsewhere, they are the same."""
    numbered = components(random_labels(seed))
    count = int(numbered.max())
    every, outer = rings.trace(numbered), rings.trace_outer(numbered, count)
    assert outer.label.tolist() == list(range(1, count + 1))
    first: dict[int, int] = {}
    for index, label in enumerate(every.label.tolist()):
        first.setdefault(label, index)  # the outer ring of a component comes before its holes'
    for index, label in enumerate(outer.label.tolist()):
        assert rolled(outer.corners[index]) == rolled(every.corners[first[label]])
        assert outer.plane[index] == every.plane[first[label]]
        last = np.flatnonzero(numbered == label)[-1]
        plane, y, x = np.unravel_index(last, numbered.shape)
        assert (outer.plane[index], *outer.corners[index][0]) == (plane, x, y)


def test_labels_that_touch_themselves_at_a_corner() -> None:
    labels = np.zeros((1, 8, 8), np.uint16)
    labels[0, 1, 1] = labels[0, 2, 2] = 1  # falling
    labels[0, 1, 5] = labels[0, 2, 4] = 2  # rising
    labels[0, 5:7, 1:3] = 3
    labels[0, 4, 4], labels[0, 5, 5] = 4, 5  # two labels touch, not one itself
    labels[0, 6, 4:6] = labels[0, 5, 4] = 6  # round a corner, but joined by a side
    assert rings.trace(labels).touching.tolist() == [1, 2]


def test_no_label_has_no_ring() -> None:
    empty = np.zeros((2, 5, 5), np.int32)
    for found in (rings.trace(empty), rings.trace_outer(empty, 0)):
        assert len(found.corners) == len(found.plane) == len(found.label) == 0

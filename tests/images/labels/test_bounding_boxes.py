"""Boxes of objects need no table as long as the largest id."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from imagej_dl.images.labels.bounding_boxes import boxes


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@pytest.mark.parametrize("background", [True, False])
def test_boxes_are_those_of_each_id(dtype: type, background: bool) -> None:
    labels = np.full((9, 12), 0 if background else 3, dtype)
    labels[1:4, 2:5] = 7
    labels[5:7, 6:11] = np.iinfo(dtype).max
    found = dict(boxes(labels))
    assert list(found) == ([] if background else [3]) + [7, np.iinfo(dtype).max]
    assert found[7] == (slice(1, 4), slice(2, 5))
    assert found[np.iinfo(dtype).max] == (slice(5, 7), slice(6, 11))


def test_nothing_has_no_box() -> None:
    assert boxes(np.zeros((3, 3), np.uint16)) == []


def test_memory_does_not_grow_with_the_ids() -> None:
    labels = np.zeros((50, 50), np.uint32)
    labels[5:9, 5:9], labels[20:30, 20:30] = 1, 2**32 - 1
    tracemalloc.start()
    try:
        assert len(boxes(labels)) == 2
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()

"""Pieces by runs are those that scikit-image finds."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label

from imagej_dl.images.labels import connected_components


@pytest.mark.parametrize("seed", range(40))
def test_pieces_by_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 40, 2))
    plane = (rng.integers(0, 4, shape) * (rng.random(shape) < rng.random())).astype(np.uint16)
    ids, sizes = connected_components.measured(plane)
    pieces = label(plane, background=0, connectivity=2)
    assert len(ids) == pieces.max(initial=0)
    expected = sorted((plane[pieces == i][0], (pieces == i).sum()) for i in np.unique(pieces) if i)
    assert sorted(zip(ids, sizes, strict=True)) == expected


def test_ids_of_32_bits_and_volumes() -> None:
    plane = np.zeros((6, 7), np.uint32)
    plane[1, 1], plane[2, 2], plane[4:, 5:] = 2**32 - 1, 2**32 - 1, 7
    ids, sizes = connected_components.measured(plane)
    assert dict(zip(ids.tolist(), sizes.tolist(), strict=True)) == {2**32 - 1: 2, 7: 4}
    ids, sizes = connected_components.measured(np.stack([plane, plane]))
    assert dict(zip(ids.tolist(), sizes.tolist(), strict=True)) == {2**32 - 1: 4, 7: 8}
    assert len(connected_components.measured(np.zeros((3, 3), np.uint16))[0]) == 0

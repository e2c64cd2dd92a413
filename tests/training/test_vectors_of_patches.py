"""Directions are cut out of fields as the pixels are that they belong to."""

import numpy as np
import pytest

from imagej_dl.training import augmentation as augment

SIDE = 24


def of(angle=0.0, zoom=1.0, flipped=False):
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    matrix = np.round(np.array(((cosine, -sine), (sine, cosine))), 12) / zoom
    return matrix[:, ::-1] if flipped else matrix


MATRICES = {
    "as it is": of(),
    "turned": of(90),
    "turned and flipped": of(270, flipped=True),
    "zoomed": of(180, 1.4),
    "rotated": of(35),
    "rotated, flipped and zoomed": of(160, 0.8, flipped=True),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("centre", [(25.5, 30.5), (6.5, 52.5)])
def test_the_slope_of_a_patch_is_the_patch_of_the_slope(name, centre):
    """The second place reaches beyond the image, where all is mirrored."""
    y, x = np.indices((52, 60))
    ramp = (2 * y + x).astype(np.float32)
    slope = np.broadcast_to(np.array((2, 1), np.float32)[:, None, None], (2, 52, 60))
    place = MATRICES[name], np.array(centre)
    found = augment.vectors(slope, place, SIDE)
    assert found.shape == (2, SIDE, SIDE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.hypot(*found), np.sqrt(5), rtol=1e-5)
    patch = augment.taken([ramp], place, SIDE)[..., 0]
    expected = np.stack(np.gradient(patch)) * np.sqrt(abs(np.linalg.det(MATRICES[name]))) ** -1
    near = np.abs(found - expected).max(0) < 1e-3
    # Where the mirrored image begins, slopes change within a pixel.
    assert near.mean() > (0.75 if centre[0] < 10 else 0.999)


def test_no_direction_stays_none():
    nothing = np.zeros((2, 40, 40), np.float32)
    assert not augment.vectors(nothing, (of(35, 1.3), np.array((20.5, 20.5))), SIDE).any()

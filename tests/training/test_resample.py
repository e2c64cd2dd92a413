import numpy as np
import pytest
from scipy import ndimage as ndi

from imagej_dl.training import augmentation
from imagej_dl.training.augmentation import Augmentation, Grid

VARIED = {
    "turned": Augmentation(zoom=1),
    "zoomed": Augmentation(zoom=3),
    "rotated": Augmentation(zoom=2, rotation=180, shear=0.5),
}


@pytest.mark.parametrize("settings", VARIED.values(), ids=VARIED)
@pytest.mark.parametrize("shape", [(90, 70), (20, 33), (1, 40), (7, 1)])
def test_a_grid_shows_what_scipy_shows(shape, settings):
    """Inside, over the edges, and where the patch is many times the image."""
    rng = np.random.default_rng(0)
    plane = rng.random(shape, np.float32)
    labels = rng.integers(0, 70_000, shape, np.uint32)
    for side in (16, 31, 64):
        for _ in range(8):
            place = augmentation.draw(shape, rng.uniform(0, shape), side, rng, settings)
            matrix, centre = place
            offset = centre - matrix @ np.full(2, (side - 1) / 2)
            same = {"output_shape": (side, side), "mode": "mirror"}
            grid = Grid(place, side)
            expected = ndi.affine_transform(plane, matrix, offset, order=1, **same)
            found = grid.linear(plane)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=2e-5)
            expected = ndi.affine_transform(labels, matrix, offset, order=0, **same)
            found = grid.nearest(labels)
            assert found.dtype == np.uint32
            # A coordinate in the middle of two pixels may go to either of them.
            assert np.mean(found != expected) < 0.01


def test_unturned_patches_are_copies():
    plane = np.zeros((8, 8), np.float32)
    place = (np.eye(2), np.array([3.5, 3.5]))
    Grid(place, 8).linear(plane)[:] = 1
    Grid(place, 8).nearest(plane)[:] = 1
    assert not plane.any()

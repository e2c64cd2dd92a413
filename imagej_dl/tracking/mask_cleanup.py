"""Clean up a segmentation frame by frame, as microscopy-dl-suite-tf does before it fills gaps."""

from __future__ import annotations

import numpy as np


def tidy(mask: np.ndarray) -> np.ndarray:
    """Close a mask over 3 pixels, fill its holes, drop pieces below 150 pixels.

    So microscopy-dl-suite-tf cleans up the segmentation of a frame before it fills gaps.
    """
    from scipy.ndimage import binary_fill_holes
    from skimage.measure import label
    from skimage.morphology import closing, disk

    padded = np.pad(mask.astype(bool), 3)  # else the border would count as background
    filled = binary_fill_holes(closing(padded, disk(3))[3:-3, 3:-3])
    return without_small(label(filled, connectivity=2), 150) > 0


def tidied_labels(frame: np.ndarray) -> np.ndarray:
    """Tidy the mask of a frame; new pixels belong to the nearest object."""
    from scipy.ndimage import distance_transform_edt

    if not frame.any():
        return frame
    nearest = distance_transform_edt(frame == 0, return_distances=False, return_indices=True)
    return np.where(tidy(frame > 0), frame[tuple(nearest)], 0)


def without_small(regions: np.ndarray, smallest: int) -> np.ndarray:
    """Drop small regions and number the others from 1."""
    sizes = np.bincount(regions.ravel())
    kept = sizes >= smallest
    kept[0] = False
    return (np.cumsum(kept) * kept).astype(np.uint32)[regions]

"""Targets of star-convex shapes: distances along rays, and how deep a pixel lies.

Schmidt et al., Cell Detection with Star-convex Polygons, MICCAI 2018, arXiv 1806.03535. Both are
those of the `stardist` package (of more than 48 rays some differ in the last digit).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.labels.bounding_boxes import boxes
from imagej_dl.methods.shared.objects_apart import ObjectsApart
from imagej_dl.methods.shared.ray_paths import RayPaths, steps_gone


def directions(rays: int) -> NDArray[np.float64]:
    """Return the directions of the rays, (2, rays): along Y and X, clockwise from the right."""
    angles = np.linspace(0, 2 * np.pi, rays, endpoint=False)
    return np.array((np.sin(angles), np.cos(angles)))


def star_distances(labels: NDArray, rays: int, margin: int = 0) -> NDArray[np.float32]:
    """Return the distances in px from each pixel of an object to the end of it, along the rays.

    A ray goes in steps of 1 px until it leaves the object, or the array.

    Parameters
    ----------
    labels : label map (Y, X).
    rays : number of rays, at equal angles.
    margin : px on each side in which rays end, but none begin.

    Returns
    -------
    float32 (Y - 2·margin, X - 2·margin, rays), 0 on the background.
    """
    height, width = (size - 2 * margin for size in labels.shape)
    result = np.zeros((height, width, rays), np.float32)
    places, distances = object_distances(labels, rays, margin)
    result.reshape(-1, rays)[places] = distances
    return result


def object_distances(
    labels: NDArray, rays: int, margin: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the pixels of objects, and their distances as :func:`star_distances` has them.

    Returns
    -------
    flat places (n,) in the array without the margin, in any order; float32 (n, rays).
    """
    apart = ObjectsApart.of(labels, margin)
    if not apart.ids:
        return np.zeros(0, np.intp), np.zeros((0, rays), np.float32)
    # Boxes of long and thin objects lie in each other: apart they would take more room.
    mixed = apart.mask_size > 2 * labels.size
    sheet, origins = _together(labels) if mixed else (apart.mask, apart.origins)
    longest = max(_diagonal(box) for box in apart.boxes)
    path = RayPaths.of(rays, _rounded_up(longest + 2), margin, max(labels.shape) - margin)
    y, x = np.divmod(origins, labels.shape[1])
    begins = sheet > 0
    for place, size in ((y, labels.shape[0]), (x, labels.shape[1])):
        begins &= (place >= margin) & (place < size - margin)
    starts = np.flatnonzero(begins)
    gone = steps_gone(sheet, path, starts, (y, x), mixed=mixed)
    distances = np.empty((rays, len(starts)), np.float32)
    for length, steps, found in zip(path.length, gone, distances, strict=True):
        length.take(steps, out=found)
    places = (y - margin) * (labels.shape[1] - 2 * margin) + x - margin
    return places.ravel()[starts], distances.T


def depths(labels: NDArray, margin: int = 0) -> NDArray[np.float32]:
    """Return how deep each pixel lies in its object: 1 where it is deepest, 0 on the background.

    It is the distance to the nearest pixel of another label as a share of the object's largest;
    what lies beyond the array is unknown, and nothing is near to it.

    Parameters
    ----------
    labels : label map (Y, X).
    margin : px on each side that are looked at, but left out of the result.

    Returns
    -------
    float32 (Y - 2·margin, X - 2·margin).
    """
    height, width = labels.shape
    deep = np.zeros(labels.shape, np.float32)
    inner = (slice(margin, height - margin), slice(margin, width - margin))
    for number, box in boxes(labels):
        if any(o.stop <= i.start or o.start >= i.stop for o, i in zip(box, inner, strict=True)):
            continue
        # A pixel more on each side, where there is one: there the object ends.
        wide = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
        mine = labels[wide] == number
        if mine.all():  # without an end anywhere it is taken to end at the array's edge
            depth = ndi.distance_transform_edt(np.pad(mine, 1))[1:-1, 1:-1]
        else:
            depth = ndi.distance_transform_edt(mine)
        deep[wide][mine] = (depth / (depth.max() + 1e-10))[mine]
    return deep[inner].copy()


def _diagonal(box: tuple[slice, ...]) -> int:
    return int(np.hypot(*(part.stop - part.start for part in box)))


def _rounded_up(steps: int) -> int:
    """Return a number of steps that is one of few, as their table is kept."""
    return 16 * -(-steps // 16)


def _together(labels: NDArray) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the objects as they lie, with a column of background, and where each pixel was."""
    column = ((0, 0), (0, 1))
    flat = np.arange(labels.size).reshape(labels.shape)
    numbered = _renumbered(labels, [number for number, _ in boxes(labels)])
    return np.pad(numbered, column), np.pad(flat, column)


def _renumbered(labels: NDArray, ids: list[int]) -> NDArray:
    if labels.dtype.itemsize == 1 or len(ids) > np.iinfo(np.uint8).max:
        return labels
    if ids[-1] > labels.size:
        return np.where(labels > 0, 1 + np.searchsorted(ids, labels), 0).astype(np.uint8)
    table = np.zeros(ids[-1] + 1, np.uint8)
    table[ids] = np.arange(1, len(ids) + 1)
    return table[labels]

"""Targets of star-convex shapes: distances along rays, and how deep a pixel lies.

Schmidt et al., Cell Detection with Star-convex Polygons, MICCAI 2018, arXiv 1806.03535. Both are
those of the `stardist` package (of more than 48 rays some differ in the last digit).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.labels.bounding_boxes import boxes

_CHECKED = 4
"""Steps between two looks at whether a ray goes on anywhere: each look costs as much as a step."""


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
    inside = tuple(slice(margin, size - margin) for size in labels.shape)
    shape = tuple(size - 2 * margin for size in labels.shape)
    found = boxes(labels)
    longest = max((_diagonal(box) for _, box in found), default=0)
    if not longest or not labels[inside].any():
        return np.zeros((*shape, rays), np.float32)
    # Of one byte where it can be: most of the time goes into comparing them.
    small = _renumbered(labels, [number for number, _ in found])
    path = _Path.of(rays, _rounded_up(longest + 2), margin, max(labels.shape) - margin)
    padded = np.pad(small, path.reach)
    here, zero = small[inside], margin + path.reach
    count = np.empty(shape, np.uint8 if path.steps < 256 else np.uint16)
    same, goes_on = np.empty(shape, bool), np.empty(shape, bool)
    distances = np.empty((rays, *shape), np.float32)
    for ray in range(rays):
        np.greater(here, 0, out=goes_on)
        count[:] = 0
        for step in range(path.steps):
            if path.even[ray, step]:
                y, x = path.shift[:, ray, step] + zero
                np.equal(padded[y : y + shape[0], x : x + shape[1]], here, out=same)
            else:
                rows, columns = (place + path.reach for place in path.place(ray, step, shape))
                np.equal(padded[rows][:, columns], here, out=same)
            goes_on &= same
            count += goes_on
            if step % _CHECKED == 0 and not goes_on.any():
                break
        path.length[ray].take(count, out=distances[ray])
    distances *= here > 0
    return np.ascontiguousarray(np.moveaxis(distances, 0, -1))


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


@dataclass(frozen=True)
class _Path:
    """The steps of all rays, with the rounding of the `stardist` package's single precision.

    offset : float32 (2, rays, steps), along Y and X.
    shift : the same in whole pixels; of the first pixel, but that is of all where `even`.
    even : bool (rays, steps), whether the rounding is the same wherever the ray begins.
    length : float32 (rays, steps + 1), how long a ray is that went so many steps.
    low : row and column of the first pixel that rays begin at.
    """

    offset: NDArray[np.float32]
    shift: NDArray[np.intp]
    even: NDArray[np.bool_]
    length: NDArray[np.float32]
    low: int

    @property
    def steps(self) -> int:
        return self.offset.shape[2]

    @property
    def reach(self) -> int:
        return self.steps + 1

    def place(self, ray: int, step: int, shape: tuple[int, ...]) -> list[NDArray[np.intp]]:
        """Return the rows and the columns that the ray is at, of all where it may begin."""
        starts = (np.arange(self.low, self.low + size, dtype=np.float32) for size in shape)
        ways = self.offset[:, ray, step]
        return [np.rint(s + way).astype(np.intp) for s, way in zip(starts, ways, strict=True)]

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, rays: int, steps: int, low: int, high: int) -> _Path:
        angles = np.arange(rays, dtype=np.float32) * np.float32(2 * np.pi / rays)
        exact = np.array((np.sin(angles, dtype=np.float64), np.cos(angles, dtype=np.float64)))
        step = exact.astype(np.float32)
        offset = np.add.accumulate(np.repeat(step[..., None], steps, axis=2), axis=2)
        start = np.arange(low, high, dtype=np.float32)
        moved = np.rint(start + offset[..., None]).astype(np.intp) - np.arange(low, high)
        shift = moved[..., 0]
        # It goes beyond the object's end by half a step along the longer axis, on average.
        back = np.float32(0.5) / np.abs(step).max(axis=0) - np.float32(1)
        y, x = offset + (back * step)[..., None]
        length = np.sqrt(y * y + x * x)
        even = (moved == shift[..., None]).all(axis=(0, 3))
        # A ray that has gone no step is of length[0]: it ended in the first.
        length = np.concatenate([length, length[:, -1:]], axis=1)
        return cls(offset, shift, even, length, low)


def _diagonal(box: tuple[slice, ...]) -> int:
    return int(np.hypot(*(part.stop - part.start for part in box)))


def _rounded_up(steps: int) -> int:
    """Return a number of steps that is one of few, as their table is kept."""
    return 16 * -(-steps // 16)


def _renumbered(labels: NDArray, ids: list[int]) -> NDArray:
    if labels.dtype.itemsize == 1 or len(ids) > np.iinfo(np.uint8).max:
        return labels
    if ids[-1] > labels.size:
        return np.where(labels > 0, 1 + np.searchsorted(ids, labels), 0).astype(np.uint8)
    table = np.zeros(ids[-1] + 1, np.uint8)
    table[ids] = np.arange(1, len(ids) + 1)
    return table[labels]

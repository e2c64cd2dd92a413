"""Rays that go pixel by pixel through the objects of a label map, until they leave them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Place = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns."""

_CHECKED = 4
"""Steps between two looks at whether a ray goes on anywhere: a look costs half of one."""


@dataclass(frozen=True)
class RayPaths:
    """The steps of all rays, with the rounding of the `stardist` package's single precision.

    offset : float32 (2, rays, steps), along Y and X.
    shift : the same in whole pixels; of the first pixel, but that is of all where `even`.
    even : bool (rays, steps), whether the rounding is the same wherever the ray begins.
    length : float32 (rays, steps + 1), how long a ray is that went so many steps.
    """

    offset: NDArray[np.float32]
    shift: NDArray[np.intp]
    even: NDArray[np.bool_]
    length: NDArray[np.float32]

    @property
    def steps(self) -> int:
        return self.offset.shape[2]

    @property
    def reach(self) -> int:
        return self.steps + 1

    def met(self, ray: int, step: int, origin: Place, width: int) -> NDArray[np.intp]:
        """Return where in a sheet of this width, flat, a ray is that began at each of its pixels.

        `origin` are their rows and columns in the label map, by which the way is rounded.
        """
        down, right = (
            np.rint(start.astype(np.float32) + way).astype(np.intp) - start
            for start, way in zip(origin, self.offset[:, ray, step], strict=True)
        )
        return np.arange(down.size) + (down * width + right).ravel()

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, rays: int, steps: int, low: int, high: int) -> RayPaths:
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
        return cls(offset, shift, even, length)


def steps_gone(
    sheet: NDArray, path: RayPaths, starts: NDArray[np.intp], origin: Place, *, mixed: bool
) -> NDArray[np.unsignedinteger]:
    """Return how many steps rays go that begin at some pixels of a sheet, (rays, n).

    It is worked on as one line, and in all of its pixels: most of the time goes into calls. What
    a ray meets after its end does not matter, so rows need only a pixel of background between them.

    Parameters
    ----------
    sheet : of objects (Y, X), with a column of background behind them.
    starts : flat places in it.
    origin : rows and columns of its pixels in the label map, which steps are rounded by.
    mixed : whether objects touch, and are to be told apart by their numbers.
    """
    width = sheet.shape[1]
    reach = path.reach * (width + 1)
    line = np.pad(sheet.ravel(), reach)
    here = line[reach : reach + sheet.size]
    # Of one byte where it can be, as numpy adds and compares many of them at once.
    kind = np.uint8 if path.steps < 256 else np.uint16
    inside = (here > 0).astype(np.uint8)
    same, goes_on = np.empty(here.shape, bool), np.empty_like(inside)
    somewhere = goes_on.view(bool)
    count = np.empty(here.shape, kind)
    gone = np.empty((len(path.length), len(starts)), kind)
    shifts = (reach + path.shift[0] * width + path.shift[1]).tolist()
    evens, size = path.even.tolist(), here.size
    both, add = np.bitwise_and, np.add
    for ray, (ways, even) in enumerate(zip(shifts, evens, strict=True)):
        goes_on[:] = inside
        count[:] = 0
        for step, way in enumerate(ways):
            if even[step]:
                there = line[way : way + size]
            else:
                there = line.take(reach + path.met(ray, step, origin, width))
            if mixed:
                there = np.equal(there, here, out=same).view(np.uint8)
            both(goes_on, there, goes_on)
            add(count, goes_on, count)
            if step % _CHECKED == 0 and not np.count_nonzero(somewhere):
                break
        count.take(starts, out=gone[ray])
    return gone

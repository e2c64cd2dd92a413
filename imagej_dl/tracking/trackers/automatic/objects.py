"""The objects of a movie as AUTO sees them: places, sizes, and how their masks overlap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imagej_dl.tracking.trackers.base import Detected

Masks = Callable[[int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Objects:
    """The objects of a movie, ordered by frame.

    Parameters
    ----------
    frame : (N,) frame of each, from 0.
    place : (N, 2) centres x, y in the image's unit.
    area : (N,) in the image's unit squared.
    frames : number of frames.
    size : width and height of a frame in the image's unit; 0 where unknown.
    pixel : width and height of a pixel in the image's unit.
    masks : returns a frame's labels (Y, X) and by label its row number + 1, 0 for no object; None
        where there are no masks.
    kept : the overlaps of masks by the motion of the stage, which are measured once.
    """

    frame: np.ndarray
    place: np.ndarray
    area: np.ndarray
    frames: int
    size: np.ndarray
    pixel: np.ndarray
    masks: Masks | None = None
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, detected: Detected) -> Objects:
        rows, columns = detected.size
        pixel = np.array(detected.pixel, float)
        radius = detected.spots["radius"].to_numpy(float)
        return cls(
            detected.frame_of_spot,
            detected.positions,
            np.pi * np.maximum(radius, pixel.min() / 2) ** 2,
            detected.frames,
            np.array([columns, rows]) * pixel,
            pixel,
            detected.masks,
            detected.kept,
        )

    @property
    def radius(self) -> np.ndarray:
        """(N,) radius of the circle of the same area, in the image's unit."""
        return np.sqrt(self.area / np.pi)

    @property
    def bounds(self) -> np.ndarray:
        """(frames + 1,) row of the first object of each frame, and the number of objects."""
        return np.searchsorted(self.frame, np.arange(self.frames + 1))

    def at_border(self, radii: float) -> np.ndarray:
        """(N,) whether each centre is within some radii of a border of the image."""
        if not self.size.all():
            return np.zeros(len(self.frame), bool)
        near = np.minimum(self.place + self.pixel / 2, self.size - self.pixel / 2 - self.place)
        return np.asarray(near.min(axis=1) < radii * self.radius)


def overlaps(
    objects: Objects, sources: np.ndarray, targets: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Return for each pair the shared area by that of the smaller object, 0 to 1.

    Parameters
    ----------
    sources, targets : rows of objects in consecutive frames.
    shift : (frames, 2) common motion x, y from each frame to the next, in the image's unit, by
        which the sources are moved first.
    """
    if objects.masks is None:
        return _of_circles(objects, sources, targets, shift)
    if not len(sources):
        return np.zeros(0)
    key = ("overlaps", shift.tobytes())
    if key not in objects.kept:
        objects.kept[key] = _of_masks(objects, objects.masks, shift)
    pairs, pixels = objects.kept[key]
    shared = np.zeros(len(sources))
    if len(pairs):
        wanted = sources.astype(np.int64) * len(objects.frame) + targets
        at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        shared = np.where(pairs[at] == wanted, pixels[at], 0)
    smaller = np.minimum(objects.area[sources], objects.area[targets])
    return np.minimum(shared * objects.pixel.prod() / smaller, 1.0)


def _of_masks(objects: Objects, masks: Masks, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all overlapping pairs, as source · number + target in order, and shared pixels."""
    count, there = len(objects.frame), np.diff(objects.bounds) > 0
    pairs, pixels = [np.zeros(0, np.int64)], [np.zeros(0)]
    before: tuple[np.ndarray, np.ndarray] | None = None
    for frame in np.flatnonzero(there[:-1] & there[1:]).tolist():
        if before is None or not there[frame - 1]:
            before = masks(frame)
        after = masks(frame + 1)
        right, down = np.rint(shift[frame] / objects.pixel).astype(int).tolist()
        both = _moved(before[0], after[0], right, down)
        found = _shared(*both, before[1], after[1], count)
        pairs.append(found[0])
        pixels.append(found[1])
        before = after
    return np.concatenate(pairs), np.concatenate(pixels)


def _shared(
    first: np.ndarray, second: np.ndarray, rows: np.ndarray, others: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the overlapping pairs, as source · count + target, and the pixels they share.

    Parameters
    ----------
    first, second : labels of two frames, of one place.
    rows, others : by label the row number + 1, 0 for no object.
    """
    both = (first != 0) & (second != 0)
    one, other = first[both], second[both]
    if not len(one):
        return np.zeros(0, np.int64), np.zeros(0)
    # Runs of one pair are counted together: there are far fewer of them than pixels.
    changes = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    begin = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(begin, append=len(one))
    source, target = rows[one[begin]], others[other[begin]]
    seen = (source > 0) & (target > 0)
    pairs = (source[seen] - 1) * count + target[seen] - 1
    found, number = np.unique(pairs, return_inverse=True)
    return found, np.bincount(number, weights=lengths[seen], minlength=len(found))


def _moved(
    before: np.ndarray, after: np.ndarray, right: int, down: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of two frames that are one place when the first one is moved."""
    rows, columns = before.shape
    down, right = int(np.clip(down, -rows, rows)), int(np.clip(right, -columns, columns))
    height, width = rows - abs(down), columns - abs(right)
    y, x, to_y, to_x = max(-down, 0), max(-right, 0), max(down, 0), max(right, 0)
    return (
        before[y : y + height, x : x + width],
        after[to_y : to_y + height, to_x : to_x + width],
    )


def _of_circles(
    objects: Objects, sources: np.ndarray, targets: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Return the overlap of circles of the objects' areas, for objects without masks."""
    radius = objects.radius
    a, b = radius[sources], radius[targets]
    apart = objects.place[targets] - objects.place[sources] - shift[objects.frame[sources]]
    distance = np.hypot(apart[:, 0], apart[:, 1])
    small, large = np.minimum(a, b), np.maximum(a, b)
    shared = (distance <= large - small).astype(float)
    cut = np.flatnonzero((distance > large - small) & (distance < a + b))
    d, s, t = distance[cut], small[cut], large[cut]
    u = (d**2 + s**2 - t**2) / (2 * d)  # from the small circle's centre to the common chord
    chord = np.sqrt(np.maximum(s**2 - u**2, 0))
    lens = s**2 * np.arccos(np.clip(u / s, -1, 1)) - u * chord
    lens += t**2 * np.arccos(np.clip((d - u) / t, -1, 1)) - (d - u) * chord
    shared[cut] = np.clip(lens / (np.pi * s**2), 0, 1)
    return shared

"""Split fused objects by the frames before and after.

A segmentation now and then fuses cells that touch. An object that covers several objects of the
frame before, and several again of one of the next frames, is split: each of its pixels goes to the
nearest of the objects before. A division is not split, nor an object that was
one before, nor one that stays fused.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.label_movie import LabelMovie

if TYPE_CHECKING:
    import xarray as xr

_Box = tuple[slice, ...]

AHEAD = 5
"""Number of frames within which an object must be several again."""
_COVERED = 0.5  # share of an object's pixels from which on another object covers it
_ALIKE = 0.35  # relative difference that the areas before and now may have


def split(labels: xr.DataArray, ahead: int = AHEAD, progress: Progress = silent) -> xr.DataArray:
    """Return a label movie in which fused objects are split.

    Parameters
    ----------
    labels : label movie, T, Y, X.
    ahead : number of frames within which an object must be several again.

    Returns
    -------
    labels : one of the parts keeps the object's number, the others have new ones.
    """
    return split_movie(LabelMovie.of(labels), ahead, progress).data


def split_movie(movie: LabelMovie, ahead: int = AHEAD, progress: Progress = silent) -> LabelMovie:
    """Split fused objects of a movie; see :func:`split`."""
    original = movie.frames
    frames = original.astype(np.uint32)
    before = _Frame(frames[0])
    later = deque(_Frame(frame) for frame in original[1 : 1 + ahead])
    for number in range(1, len(frames)):
        later.extend(_Frame(frame) for frame in original[number + ahead : number + ahead + 1])
        if later:
            later.popleft()
        now = _Frame(frames[number])
        for fused, parts in _covering(now, before).items():
            where = now.ranks[now.boxes[fused]] == fused
            if any(_parts(where, now.boxes[fused], frame) > 1 for frame in later):
                _cut(now, fused, before, parts)
        before = _Frame(frames[number])  # with what was split
        progress("fused", number + 1, len(frames))
    return movie.with_labels(frames)


class _Frame:
    """The labels of a frame, with what is computed from them once."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels

    @cached_property
    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """The labels in order, and for each pixel the rank of its label."""
        top = int(self.labels.max(initial=0))
        if top < self.labels.size:
            return np.arange(top + 1), self.labels.astype(np.int64)
        numbers, ranks = np.unique(self.labels, return_inverse=True)  # which may be 2³² − 1
        return numbers, ranks.reshape(self.labels.shape)

    @property
    def ranks(self) -> np.ndarray:
        return self.ranked[1]

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.ranks.ravel(), minlength=len(self.ranked[0]))

    @cached_property
    def boxes(self) -> list[_Box]:
        from scipy.ndimage import find_objects

        return find_objects(self.ranks + 1)


def _covering(now: _Frame, before: _Frame) -> dict[int, np.ndarray]:
    """Return the objects that cover several objects of the frame before, with those; by rank."""
    both = (now.labels > 0) & (before.labels > 0)
    count = len(before.sizes)
    pairs, shared = np.unique(now.ranks[both] * count + before.ranks[both], return_counts=True)
    ours, theirs = np.divmod(pairs, count)
    whole = shared > _COVERED * before.sizes[theirs]
    ours, theirs = ours[whole], theirs[whole]
    covering, first, number = np.unique(ours, return_index=True, return_counts=True)
    return {
        int(one): theirs[begin : begin + several]
        for one, begin, several in zip(covering, first, number, strict=True)
        if several > 1
    }


def _parts(where: np.ndarray, box: _Box, frame: _Frame) -> int:
    """Count the objects of a frame that a region of a box covers."""
    ranks, shared = np.unique(frame.ranks[box][where], return_counts=True)
    objects = frame.ranked[0][ranks] > 0
    return int(np.count_nonzero(objects & (shared > _COVERED * frame.sizes[ranks])))


def _cut(now: _Frame, fused: int, before: _Frame, parts: np.ndarray) -> None:
    """Give each pixel of an object the label of the nearest of some objects of the frame before."""
    from scipy.ndimage import distance_transform_edt

    area = before.sizes[parts].sum()
    if abs(now.sizes[fused] - area) > _ALIKE * area:
        return
    boxes = [now.boxes[fused], *(before.boxes[part] for part in parts)]
    box = tuple(
        slice(min(one.start for one in along), max(one.stop for one in along))
        for along in zip(*boxes, strict=True)
    )
    where = now.ranks[box] == fused
    far = [distance_transform_edt(before.ranks[box] != part) for part in parts]
    nearest = np.argmin(far, axis=0)
    for part in range(1, len(parts)):
        now.labels[box][where & (nearest == part)] = _free(now.labels)


def _free(labels: np.ndarray) -> int:
    """Return a label that no object has: the next above all, or else the smallest."""
    after = int(labels.max()) + 1
    if after <= np.iinfo(labels.dtype).max:
        return after
    used = np.unique(labels)
    return int(np.setdiff1d(np.arange(1, len(used) + 2), used)[0])

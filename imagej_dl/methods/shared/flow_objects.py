"""From the flows of a plane to its instances, as Cellpose 3.1 finds them.

(Stringer et al., Nature Methods 18, 2021.) Peaks of the histogram of the places where pixels end
are objects, and the places around a peak where others end belong to it. What is done here depends
on what is near alone; so a plane that lies in files is worked through in bands and object by
object, and gives the same as one in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage as ndi

from imagej_dl.images import memory_maps
from imagej_dl.methods.shared.flow_dynamics import follow
from imagej_dl.methods.shared.flow_settings import FlowInstances
from imagej_dl.methods.shared.heat_flows import object_flows
from imagej_dl.methods.shared.postprocessing import cleaned_one_by_one
from imagej_dl.progress import Progress, silent

_BAND = 2**21
"""Pixels of a band."""
_OBJECTS = 1000
"""Objects whose flows are compared at once."""
_SEED = 10
"""More pixels end at the peak of an object,"""
_MEMBER = 2
"""and at each place around it,"""
_REACH = 5
"""in as many steps by one pixel."""


class FlowObjects:
    """Takes the output of a plane some rows at a time, and gives its label map.

    Parameters
    ----------
    shape : of the plane, (Y, X).
    make : makes the arrays that are as large as the plane, all zeros; by default in memory.

    Attributes
    ----------
    left_out : the number of objects that were dropped as too small.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        settings: FlowInstances,
        make: Callable[[tuple[int, ...], DTypeLike], NDArray[Any]] = np.zeros,
    ) -> None:
        self.shape, self.settings, self._make, self.left_out = shape, settings, make, 0
        # One row and column more, which the interpolation reads and does not use.
        self._flow = make((2, shape[0] + 1, shape[1] + 1), np.float32)
        self._region = make(shape, np.uint8)

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, channels): the flows along y and x, and the
        object probability.
        """
        here = slice(low, low + len(rows))
        region = rows[..., 2] > self.settings.region_threshold
        self._region[here] = region
        for axis in (0, 1):
            np.multiply(rows[..., axis], region, out=self._flow[axis, here, :-1])
        self._forget(self._flow, self._region)

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map (Y, X), ids 1…n in the order of first pixels; uint16 or uint32.

        Nothing can be added after that. `progress` is told the stage "objects", in bands.
        """
        bands = list(self._bands())
        steps = len(bands) + 2
        ends = self._make(self.shape, np.int32 if np.prod(self.shape) < 2**31 else np.int64)
        counts = self._make(self.shape, np.int32)
        for number, band in enumerate(bands):
            progress("objects", number, steps)
            self._follow(band, ends, counts)
            self._forget(self._flow, self._region, ends, counts)
        progress("objects", len(bands), steps)
        labels = self._labels(bands, ends, counts)
        del ends, counts
        self._check(labels)
        progress("objects", len(bands) + 1, steps)
        found = self._cleaned(labels)
        progress("objects", steps, steps)
        return found

    def _bands(self) -> Iterator[slice]:
        rows = max(_BAND // max(self.shape[1], 1), 1)
        for low in range(0, self.shape[0], rows):
            yield slice(low, min(low + rows, self.shape[0]))

    def _follow(self, band: slice, ends: NDArray, counts: NDArray) -> None:
        """Write where the pixels of a band end, and count them there."""
        starts = np.flatnonzero(self._region[band]) + band.start * self.shape[1]
        places = follow(self._flow, starts, self.settings.iterations)
        ends.reshape(-1)[starts] = places
        if places.size:
            first = int(places.min())
            more = np.bincount(places - first)
            counts.reshape(-1)[first : first + len(more)] += more.astype(np.int32)

    def _labels(self, bands: list[slice], ends: NDArray, counts: NDArray) -> NDArray[np.uint32]:
        """Return the label map of what ends at the same peak, before anything is dropped."""
        peaks = np.concatenate([_peaks(counts, band) for band in bands] or [np.zeros(0, np.intp)])
        height = counts.reshape(-1)[peaks]
        # Where two reach, the higher one is written last.
        peaks = peaks[np.argsort(height, kind="stable")]
        basins = self._make(self.shape, np.uint32)
        flat = basins.reshape(-1)
        for low in range(0, len(peaks), _OBJECTS):
            places, whose = _basins(counts, peaks[low : low + _OBJECTS])
            flat[places] = whose + (low + 1)
            self._forget(basins, counts)
        labels = self._make(self.shape, np.uint32)
        for band in bands:
            inside = self._region[band] > 0
            labels[band][inside] = flat[ends[band][inside]]
            self._forget(basins, ends, labels, self._region)
        if (most := self.settings.largest_share * labels.size) < labels.size:
            areas = sum(np.bincount(labels[b].ravel(), minlength=len(peaks) + 1) for b in bands)
            _drop(labels, np.flatnonzero(areas > most), bands)
        return labels

    def _check(self, labels: NDArray[np.uint32]) -> None:
        """Drop the objects whose flows are not those of the network."""
        if not self.settings.flow_threshold:
            return
        found = [(i, box) for i, box in enumerate(ndi.find_objects(labels), 1) if box is not None]
        for low in range(0, len(found), _OBJECTS):
            some = found[low : low + _OBJECTS]
            for index, inside, flows in object_flows([labels[box] == i for i, box in some]):
                box = some[index][1]
                given = self._flow[(slice(None), *box)][:, inside]
                error = np.square(flows - given).sum(axis=0).mean()
                if error > self.settings.flow_threshold:
                    labels[box][inside] = 0
            self._forget(labels, self._flow)

    def _cleaned(self, labels: NDArray[np.uint32]) -> NDArray:
        """Return the label map of what is left, numbered in the order of first pixels."""
        width = self.shape[1]
        found = []
        for label, box in enumerate(ndi.find_objects(labels), 1):
            if box is not None:
                column = int(np.argmax(labels[box[0].start, box[1]] == label))
                found.append((box[0].start * width + box[1].start + column, label, box))
        objects = [(label, box) for _, label, box in sorted(found, key=lambda one: one[0])]
        result, self.left_out = cleaned_one_by_one(labels, objects, self.settings, self._make)
        return result

    def _forget(self, *arrays: NDArray) -> None:
        for array in arrays:
            memory_maps.forget(array)


def _peaks(counts: NDArray[np.int32], band: slice) -> NDArray[np.intp]:
    """Return the places in a band where most pixels end of all within 2 px, flat."""
    low = max(band.start - 2, 0)
    near = np.asarray(counts[low : band.stop + 2])
    highest = ndi.maximum_filter(near, 5, mode="constant")
    inner = slice(band.start - low, band.stop - low)
    found = (near == highest)[inner] & (near[inner] > _SEED)
    return np.flatnonzero(found) + band.start * counts.shape[1]


def _basins(
    counts: NDArray[np.int32], peaks: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
    """Return the places around peaks, flat, that belong to them, and whose each is, from 0 on.

    They are in the order of the peaks.
    """
    height, width = counts.shape
    side = np.arange(-_REACH, _REACH + 1)
    y, x = np.divmod(peaks, width)
    y = (y[:, None] + side)[:, :, None]
    x = (x[:, None] + side)[:, None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    places = np.clip(y, 0, height - 1) * width + np.clip(x, 0, width - 1)
    many = (counts.reshape(-1)[places] > _MEMBER) & inside
    reached = np.zeros_like(many)
    reached[:, _REACH, _REACH] = True
    for _ in range(_REACH):
        reached = ndi.binary_dilation(reached, np.ones((1, 3, 3))) & many
    whose, *where = np.nonzero(reached)
    return places[(whose, *where)], whose.astype(np.uint32)


def _drop(labels: NDArray, which: NDArray, bands: list[slice]) -> None:
    for band in bands:
        labels[band][np.isin(labels[band], which)] = 0

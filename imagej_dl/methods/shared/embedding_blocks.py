"""The clusters of a plane that is too large for memory: block by block, as of the whole plane.

A block decides about the seeds within it, in a window around it. What a seed takes depends on the
seeds with higher scores that reach the same pixels, and so on: pixels near to the window's end
depend on what is beyond it. They are UNKNOWN, and so becomes what depends on them. The window is
widened until all seeds of the block are known.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import warn
from imagej_dl.images import memory_maps
from imagej_dl.images.array_storage import in_file
from imagej_dl.methods.shared.embedding_clusters import (
    FREE,
    UNKNOWN,
    Clusters,
    Points,
    clusters,
    points_of,
)
from imagej_dl.methods.shared.postprocessing import cleaned_objects
from imagej_dl.progress import Progress, silent

_BLOCK = 1024
_MARGIN = 64
_WIDE = 1024

Place = tuple[slice, slice]


class ClusterBlocks:
    """Takes the output of a plane some rows at a time, and gives its label map.

    In files lie the output (20 bytes a pixel), the clusters (4) and the labels (4).
    """

    def __init__(
        self,
        shape: tuple[int, int],
        settings: Clusters,
        length: float,
        block: int = _BLOCK,
        wide: int = _WIDE,
    ) -> None:
        self.shape, self.settings, self.length = shape, settings, length
        self.block, self.wide = block, wide
        self.output = in_file((*shape, 5), np.float32)
        self.clusters = in_file(shape, np.uint32)
        self.offset = self.radius = 0.0  # the largest of all pixels, and of all seeds, in px
        self.told = False  # that something was too large for a window
        self.boxes: list[Place] = []  # of each cluster
        self.first: list[int] = []  # of each cluster its first pixel, flat
        self.small: list[int] = []  # areas of objects that were dropped as too small

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, 5)."""
        self.output[low : low + len(rows)] = rows
        for part in range(0, len(rows), 64):
            points = points_of(rows[part : part + 64], self.settings, self.length, (low + part, 0))
            if len(points.place):
                pixel = np.stack(np.divmod(points.place, self.shape[1]))
                pixel[0] += low + part
                self.offset = max(self.offset, np.abs(points.embedding - pixel).max())
                self.radius = points.radius[:, points.seeds].max(initial=self.radius)
        self._forget()

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map as :func:`clustered` does; it lies in a file.

        Nothing can be added after that. `progress` is told the stage "objects", in blocks.
        """
        height, width = self.shape
        corners = list(product(range(0, height, self.block), range(0, width, self.block)))
        for number, (y, x) in enumerate(corners):
            progress("objects", number, len(corners))
            core = (slice(y, min(y + self.block, height)), slice(x, min(x + self.block, width)))
            self._solve(core)
            self._forget()
        self.output = np.empty((0, width, 5), np.float32)
        labels = self._cleaned()
        progress("objects", len(corners), len(corners))
        return labels

    @property
    def left_out(self) -> int:
        """The number of objects that were dropped as too small."""
        return len(self.small)

    @property
    def _reach(self) -> int:
        """Px from a pixel beyond the window within which others may depend on it directly."""
        return int(self.offset + self.radius) + 1

    def _solve(self, core: Place) -> None:
        """Cluster what the seeds of a block take."""
        least, most = 2 * self._reach + _MARGIN, 2 * self._reach + max(self.wide, _MARGIN)
        margin = least
        while True:
            window = self._around(core, margin)
            points = points_of(
                np.array(self.output[window]),
                self.settings,
                self.length,
                (window[0].start, window[1].start),
            )
            mine = _within(points, core, window)
            if not mine[points.seeds].any():
                return
            state, seeds = self._known(points, window)
            owner, seeds = clusters(replace(points, seeds=seeds), state)
            if not (mine & (state == UNKNOWN))[points.seeds].any():
                break
            if margin >= most:
                # It depends on what is farther than any window: taken as it is seen.
                self._tell()
                owner, seeds = clusters(points, np.zeros_like(state))
                break
            margin = min(2 * margin, most)
        self._keep(points, owner, mine[seeds], window)

    def _known(self, points: Points, window: Place) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """Return the state of the pixels: those are UNKNOWN that point to where others from beyond
        the window may reach. Return the seeds, too, without those that reach none but these.
        """
        unknown = np.zeros(len(points.place), bool)
        useless = unknown.copy()
        for axis, (span, size) in enumerate(zip(window, self.shape, strict=True)):
            along, radius = points.embedding[axis], points.radius[axis]
            if span.start > 0:
                unknown |= along < span.start + self._reach
                useless |= along + radius < span.start + self._reach
            if span.stop < size:
                unknown |= along > span.stop - 1 - self._reach
                useless |= along - radius > span.stop - 1 - self._reach
        state = np.where(unknown, np.uint8(UNKNOWN), np.uint8(FREE))
        return state, points.seeds[~useless[points.seeds]]

    def _keep(
        self, points: Points, owner: NDArray[np.uint32], wanted: NDArray[np.bool_], window: Place
    ) -> None:
        """Write the wanted ones of a window's clusters, which are numbered on."""
        number = np.zeros(len(wanted) + 1, np.uint32)
        number[1:][wanted] = np.arange(1, np.count_nonzero(wanted) + 1)
        owner = number[owner]
        here = np.array(self.clusters[window])
        made = np.zeros(here.shape, np.uint32)
        made.ravel()[points.place] = owner
        _, first = np.unique(owner[owner > 0], return_index=True)
        y, x = np.divmod(points.place[owner > 0][first], here.shape[1])
        top, left = window[0].start, window[1].start
        new = (made > 0) & (here == 0)
        here[new] = made[new] + np.uint32(len(self.first))
        self.clusters[window] = here
        self.first += ((y + top) * self.shape[1] + x + left).tolist()
        self.boxes += [
            (slice(a.start + top, a.stop + top), slice(b.start + left, b.stop + left))
            for a, b in ndi.find_objects(made)
        ]

    def _cleaned(self) -> NDArray:
        """Clean the clusters one by one, and number what is left."""
        height, width = self.shape
        labels, number = in_file(self.shape, np.uint32), 0
        for index in np.argsort(self.first).tolist():
            rows, columns = box = self.boxes[index]
            part = np.array(self.clusters[box])
            own = np.where(part == index + 1, 1, np.where(part > 0, 2, 0))
            inner = (rows.start > 0, rows.stop < height, columns.start > 0, columns.stop < width)
            for one in cleaned_objects(
                own, self.settings.cleaning, np.array([1]), inner, self.small
            ):
                number += 1
                labels[box][one.box][one.inside] = number
            if index % 1000 == 0:
                self._forget()
                memory_maps.forget(labels)
        if number > np.iinfo(np.uint16).max:
            return labels
        narrow = in_file(self.shape, np.uint16)
        for place, rows_of in memory_maps.pieces(labels):
            narrow[place] = rows_of
            memory_maps.forget(narrow)
        return narrow

    def _around(self, core: Place, margin: int) -> Place:
        return (
            slice(max(core[0].start - margin, 0), min(core[0].stop + margin, self.shape[0])),
            slice(max(core[1].start - margin, 0), min(core[1].stop + margin, self.shape[1])),
        )

    def _tell(self) -> None:
        if not self.told:
            warn(
                f"objects depend on each other over more than {self.wide} px: in a plane this "
                "large they are found block by block, and the result at block borders may differ "
                "from that of the whole plane"
            )
        self.told = True

    def _forget(self) -> None:
        for array in (self.output, self.clusters):
            memory_maps.forget(array)


def _within(points: Points, core: Place, window: Place) -> NDArray[np.bool_]:
    """Return which pixels of a window lie in the block."""
    y, x = np.divmod(points.place, window[1].stop - window[1].start)
    y, x = y + window[0].start, x + window[1].start
    rows, columns = core
    return (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)

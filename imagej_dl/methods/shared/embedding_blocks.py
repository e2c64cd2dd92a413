"""The clusters of a plane that is too large for memory: block by block, as of the whole plane.

A block decides about the seeds within it, in a window around it. What a seed takes depends on the
seeds with higher scores that reach the same pixels, and so on: pixels near to the window's end
depend on what is beyond it. They are UNKNOWN, and so becomes what depends on them. The window is
widened until all seeds of the block are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import warn
from imagej_dl.images import memory_maps
from imagej_dl.images.array_storage import in_file
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.embedding_clusters import (
    FREE,
    UNKNOWN,
    Clusters,
    Found,
    Points,
    clusters,
    nearest,
    points_of,
)
from imagej_dl.methods.shared.postprocessing import cleaned_one_by_one
from imagej_dl.methods.shared.windows import Place
from imagej_dl.progress import Progress, silent

_BLOCK = 2048
_MARGIN = 64
_WIDE = 1024


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
        self.offset = self.radius = self.seed_radius = 0.0  # the largest, in px
        self.told = False  # that something was too large for a window
        self.found = Found(np.zeros(0, np.intp), np.zeros((2, 0)), np.zeros((2, 0)))
        self.boxes = np.zeros((0, 4), np.intp)  # of each object: top, left, bottom, right
        self.first = np.zeros(0, np.intp)  # of each object its first pixel, flat
        self.left_out = 0  # objects that were dropped as too small

    def add(self, low: int, rows: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, 5)."""
        self.output[low : low + len(rows)] = rows
        for part in range(0, len(rows), 64):
            points = points_of(rows[part : part + 64], self.settings, self.length, (low + part, 0))
            if len(points.place):
                pixel = np.stack(np.divmod(points.place, self.shape[1]))
                pixel[0] += low + part
                self.offset = max(self.offset, np.abs(points.embedding - pixel).max())
                self.radius = points.radius.max(initial=self.radius)
                self.seed_radius = points.radius[:, points.seeds].max(initial=self.seed_radius)
        self._forget()

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map as :func:`clustered` does; it lies in a file.

        Nothing can be added after that. `progress` is told the stage "objects", in blocks.
        """
        cores = windows.blocks(self.shape, self.block)
        for number, core in enumerate(cores):
            progress("objects", number, 2 * len(cores))
            self._solve(core)
            self._forget()
        least, most = np.iinfo(np.intp).min, np.iinfo(np.intp).max
        self.boxes = np.tile([most, most, least, least], (len(self.found.seed), 1))
        self.first = np.full(len(self.boxes), most)
        order = self._order()
        for number, core in enumerate(cores, len(cores)):
            progress("objects", number, 2 * len(cores))
            self._complete(core, order)
            self._forget()
        self.output = np.empty((0, self.shape[1], 5), np.float32)
        labels, self.left_out = cleaned_one_by_one(
            self.clusters, self._objects(), self.settings, in_file
        )
        progress("objects", 2 * len(cores), 2 * len(cores))
        return labels

    def _solve(self, core: Place) -> None:
        """Cluster what the seeds of a block take."""
        # How far from where a seed points to pixels may be that it takes, or that move it.
        travel = self.seed_radius + (self.radius if self.settings.refinement else 0)
        least = int(2 * (self.offset + travel)) + _MARGIN
        margin, most = least, max(least, least - _MARGIN + self.wide)
        while True:
            window = windows.around(core, margin, self.shape)
            points = self._points(window)
            mine = _within(points, core, window)
            if not mine[points.seeds].any():
                return
            state, seeds = self._known(points, window, travel)
            owner, found = clusters(replace(points, seeds=seeds), self.settings, state)
            if not (mine & (state == UNKNOWN))[points.seeds].any():
                break
            if margin >= most:
                # It depends on what is farther than any window: taken as it is seen.
                self._tell()
                owner, found = clusters(points, self.settings)
                break
            margin = min(2 * margin, most)
        self._keep(points, owner, found, mine, window)

    def _known(
        self, points: Points, window: Place, travel: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """Return the state of a window's pixels, and the seeds that change it.

        Pixels from beyond the window may point to within `offset` of its end. A seed that may hold
        some of them is not known, nor is what it may take: these pixels are UNKNOWN at first.
        """
        depth = np.full(len(points.place), np.inf)
        for along, span, size in zip(points.embedding, window, self.shape, strict=True):
            if span.start > 0:
                depth = np.minimum(depth, along - span.start)
            if span.stop < size:
                depth = np.minimum(depth, span.stop - 1 - along)
        depth -= self.offset
        state = np.where(depth <= 2 * travel, np.uint8(UNKNOWN), np.uint8(FREE))
        # Seeds that reach no pixel but these change nothing, and may be wrong.
        seeds = points.seeds
        own = points.radius[:, seeds].max(0) - self.seed_radius + travel
        return state, seeds[depth[seeds] > 2 * travel - own]

    def _keep(
        self,
        points: Points,
        owner: NDArray[np.uint32],
        found: Found,
        mine: NDArray[np.bool_],
        window: Place,
    ) -> None:
        """Keep the objects of a window whose seeds are in the block; they are numbered on."""
        wanted = mine[found.seed]
        before, more = len(self.found.seed), np.count_nonzero(wanted)
        number = np.zeros(len(wanted) + 1, np.uint32)
        number[1:][wanted] = before + 1 + np.arange(more)
        here = np.array(self.clusters[window])
        made = np.zeros(here.shape, np.uint32)
        made.ravel()[points.place] = number[owner]
        new = (made > 0) & (here == 0)
        here[new] = made[new]
        self.clusters[window] = here
        y, x = self._pixels(points.place[found.seed[wanted]], window)
        self.found = Found(
            np.concatenate([self.found.seed, y * self.shape[1] + x]),
            np.concatenate([self.found.centre, found.centre[:, wanted]], 1),
            np.concatenate([self.found.radius, found.radius[:, wanted]], 1),
        )

    def _order(self) -> NDArray[np.intp]:
        """Return the objects in the order in which their seeds are looked at."""
        y, x = np.divmod(self.found.seed, self.shape[1])
        return np.lexsort((self.found.seed, -np.array(self.output[y, x, 4])))

    def _complete(self, core: Place, order: NDArray[np.intp]) -> None:
        """Give the pixels of a block that are left to the nearest object, and note the boxes."""
        points = self._points(core)
        here = np.array(self.clusters[core])
        owner = here.ravel()[points.place]
        reach = self.settings.reach
        if reach > 1 and not owner.all():
            near = np.ones(len(order), bool)
            for axis, span in enumerate(core):
                centre = self.found.centre[axis, order]
                away = self.offset + reach * self.found.radius[axis, order]
                near &= (centre > span.start - 1 - away) & (centre < span.stop + away)
            among = order[near]
            some = Found(among, self.found.centre[:, among], self.found.radius[:, among])
            left = owner == 0
            number = np.concatenate([[0], among + 1]).astype(np.uint32)
            owner[left] = number[nearest(points.embedding[:, left], some, reach)]
            here.ravel()[points.place] = owner
            self.clusters[core] = here
        y, x = self._pixels(points.place[owner > 0], core)
        index = owner[owner > 0].astype(np.intp) - 1
        for column, values in enumerate((y, x)):
            np.minimum.at(self.boxes[:, column], index, values)
            np.maximum.at(self.boxes[:, column + 2], index, values + 1)
        np.minimum.at(self.first, index, y * self.shape[1] + x)

    def _points(self, window: Place) -> Points:
        corner = (window[0].start, window[1].start)
        return points_of(np.array(self.output[window]), self.settings, self.length, corner)

    def _pixels(self, place: NDArray[np.intp], window: Place) -> NDArray[np.intp]:
        """Return y and x in the plane of pixels of a window."""
        y, x = np.divmod(place, window[1].stop - window[1].start)
        return np.stack([y + window[0].start, x + window[1].start])

    def _objects(self) -> Iterator[tuple[int, Place]]:
        """Give the clusters and their boxes, in the order of their first pixels."""
        for index in np.argsort(self.first).tolist():
            top, left, bottom, right = self.boxes[index].tolist()
            if bottom >= top:  # else others took all of it, where blocks did not agree
                yield index + 1, (slice(top, bottom), slice(left, right))

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
    return windows.holds(core, y + window[0].start, x + window[1].start)

"""The instances of a plane that is too large for memory: block by block, as of the whole plane.

Each connected component of the object region is processed as a whole, in a window that is widened
until it holds all that touches its block. So every object is the same as that of the whole plane
(up to peaks of exactly the same height). A component that is larger than a window may be is split
there as the window shows it, which has `_WIDE` px around the block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import warn
from imagej_dl.images import memory_maps
from imagej_dl.images.array_storage import in_file
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.postprocessing import (
    Evidence,
    certain,
    certainty,
    cleaned_objects,
    object_evidence,
    refined_region,
    split_objects,
)
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.methods.shared.windows import Place
from imagej_dl.progress import Progress, silent

_BLOCK = 1536
_MARGIN = 64
_WIDE = 512
_NOTHING = np.uint32(2**32 - 1)
"""Stands for pixels of the region that are worked on and belong to no object."""


class Blocks:
    """Takes the output for a plane some rows at a time, and gives its label map.

    In files lie the region (1 byte a pixel), how sure objects are (4, where they are split) and
    the labels (4).
    """

    def __init__(
        self,
        shape: tuple[int, int],
        settings: Instances,
        block: int = _BLOCK,
        wide: int = _WIDE,
        evidence: Evidence = object_evidence,
    ) -> None:
        self.shape, self.settings, self.block, self.wide = shape, settings, block, wide
        self.evidence = evidence
        self.level = in_file(shape, np.uint8)  # in the region of all objects how sure it is
        self.objects = in_file(shape, np.float32) if settings.split else None
        self.labels = in_file(shape, np.uint32)
        self.told = False  # that something was too large for a window
        self.small: list[int] = []  # areas of objects that were dropped as too small
        self.first = [0]  # of each object the place of its label's first pixel
        smooth = 3 * (int(4 * settings.smoothing) + 1) if settings.split else 0
        self.reach = 2 * settings.closing + settings.region_erosion + smooth + 2

    def add(self, low: int, output: NDArray[np.float32]) -> None:
        """Take the rows from `low` on, (rows, X, channels)."""
        rows = slice(low, low + len(output))
        # A few rows at a time: each step makes arrays as large as what it is given.
        for part in range(rows.start, rows.stop, 64):
            here = slice(part, min(part + 64, rows.stop))
            values = output[here.start - low : here.stop - low]
            anything, objects = self.evidence(values)
            self.level[here] = certainty(anything, self.settings)
            if self.objects is not None:
                self.objects[here] = objects
        self._forget()

    def finish(self, progress: Progress = silent) -> NDArray:
        """Return the label map as :func:`imagej_dl.prediction.instances` does; it lies in a file.

        Nothing can be added after that. `progress` is told the stage "objects", in blocks.
        """
        cores = windows.blocks(self.shape, self.block)
        for number, core in enumerate(cores):
            progress("objects", number, len(cores))
            self._solve(core)
            self._forget()
        progress("objects", len(cores), len(cores))
        self.level, self.objects = np.empty((0, self.shape[1]), np.uint8), None
        return self._numbered()

    @property
    def left_out(self) -> int:
        """The number of objects that were dropped as too small."""
        return len(self.small)

    def _solve(self, core: Place) -> None:
        margin = self.reach + _MARGIN
        while True:
            window = windows.around(core, margin, self.shape)
            level = np.array(self.level[window])
            region = refined_region(level > 0, self.settings)
            pieces, number = ndi.label(region, np.ones((3, 3)))
            inside = windows.within(core, window)
            done = np.array(self.labels[core]) > 0
            mine = np.zeros(number + 1, bool)
            mine[pieces[inside][~done]] = True
            mine[0] = False
            if not mine.any():
                return
            cut = mine & self._cut(pieces, number, window)
            if not cut.any():
                break
            if margin >= self.reach + self.wide:
                # Larger than any window: taken as it is seen, object by object.
                self._tell()
                break
            margin = min(2 * margin, self.reach + self.wide)
        wanted = mine[pieces]
        sure = None if self.objects is None else np.array(self.objects[window])
        labels = split_objects(region, sure, self.settings, wanted)
        of_objects = certain(labels, level, self.settings)
        del sure, level
        among = None
        if cut.any():
            seen = np.array(self.labels[window]) > 0
            among = _mostly_new(labels, seen, inside)
            wanted = np.isin(labels, among) & ~seen
        # A hole that holds another object is told from one that holds none.
        others = region & (labels == 0)
        top = int(labels.max())
        labels[others] = top + 1
        if among is None:
            among = np.arange(1, top + 1)
        if of_objects is not None:
            among = np.intersect1d(among, of_objects)
        self._keep(labels, among, wanted, region, window)

    def _keep(
        self,
        labels: NDArray,
        among: NDArray,
        wanted: NDArray[np.bool_],
        region: NDArray[np.bool_],
        window: Place,
    ) -> None:
        rows, columns = window
        inner = windows.inner_sides(window, self.shape)
        made = np.where(wanted, _NOTHING, np.uint32(0))
        for one in cleaned_objects(labels, self.settings, among, inner, self.small):
            y, x = divmod(one.first, labels.shape[1])
            # Pixels of the region belong to their own pieces alone, holes to whoever fills them.
            free = wanted[one.box] | ~region[one.box]
            made[one.box][one.inside & free] = len(self.first)
            self.first.append((y + rows.start) * self.shape[1] + x + columns.start)
        old = np.array(self.labels[window])
        new = (made > 0) & (old == 0)
        # A hole within a hole is filled by the object whose first pixel comes later.
        held = (old > 0) & (old != _NOTHING)
        both = np.nonzero((made > 0) & held & ~region)
        first = np.array(self.first)
        new[both] = first[made[both]] > first[old[both]]
        old[new] = made[new]
        self.labels[window] = old

    def _tell(self) -> None:
        if not self.told:
            warn(
                f"objects touch each other over more than {self.wide} px: in a plane this "
                "large they are split block by block, and the result at block borders may differ "
                "from that of the whole plane"
            )
        self.told = True

    def _cut(self, pieces: NDArray, number: int, window: Place) -> NDArray[np.bool_]:
        """Return the pieces so near to the window's end that more may belong to them."""
        near = np.zeros(pieces.shape, bool)
        for axis, (span, size) in enumerate(zip(window, self.shape, strict=True)):
            sides = np.moveaxis(near, axis, 0)
            if span.start > 0:
                sides[: self.reach] = True
            if span.stop < size:
                sides[-self.reach :] = True
        cut = np.zeros(number + 1, bool)
        cut[pieces[near]] = True
        cut[0] = False
        return cut

    def _numbered(self) -> NDArray:
        """Number the objects in the order of their first pixels."""
        number = len(self.first) - 1
        kind = np.uint16 if number <= np.iinfo(np.uint16).max else np.uint32
        final = np.zeros(number + 1, kind)
        final[1 + np.argsort(self.first[1:])] = np.arange(1, number + 1)
        target = in_file(self.shape, kind) if kind == np.uint16 else self.labels
        for place, part in memory_maps.pieces(self.labels):
            target[place] = final[np.where(part == _NOTHING, 0, part)]
            memory_maps.forget(target)
        return target

    def _forget(self) -> None:
        for array in (self.level, self.objects, self.labels):
            memory_maps.forget(array)


def _mostly_new(labels: NDArray, seen: NDArray[np.bool_], inside: Place) -> NDArray:
    """Return the labels that reach into the block and are not, for the most part, done before."""
    top = int(labels.max())
    size = np.bincount(labels.ravel(), minlength=top + 1)
    before = np.bincount(labels[seen], minlength=top + 1)
    touching = np.unique(labels[inside])
    new = touching[2 * before[touching] < size[touching]]
    return new[new > 0]

"""The objects of a watershed block by block, as of the whole plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.block_objects import FoundObjects, Kept, Read, widened
from imagej_dl.methods.shared.certain_hills import certain_hills
from imagej_dl.methods.shared.depth import depth
from imagej_dl.methods.shared.postprocessing import (
    Evidence,
    certain,
    certainty,
    cleaned_objects,
    first_pixels,
    refined_region,
    surface_of,
)
from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.methods.shared.windows import Place

_MARGIN = 64


class WatershedBlocks:
    """Finds the objects of a plane block by block. An object belongs to the block of its first
    pixel, row by row.

    In a window around a block it is told what may be otherwise in the whole plane: near the
    window's end, where the background that is nearest may lie beyond it, and what depends on that.
    The window is widened until nothing in the block does.
    """

    layout: ClassVar[Literal["raster", "table"]] = "raster"

    def __init__(self, shape: tuple[int, int], settings: Instances, evidence: Evidence) -> None:
        self.shape, self.settings, self.evidence = shape, settings, evidence
        self.reach = 2 * settings.closing + settings.region_erosion
        self.keeps = ["level", "objects"] if settings.split else ["level"]
        self.smooth = int(4 * settings.smoothing) + 1 if settings.split else 0

    def keep(self, output: NDArray[np.float32], corner: tuple[int, int]) -> Kept:
        """Return how sure the region of all objects is, and where they are split the objects."""
        anything, objects = self.evidence(output)
        kept: Kept = {"level": certainty(anything, self.settings)}
        if self.settings.split:
            kept["objects"] = np.asarray(objects, np.float32)
        return kept

    def facts(self, kept: Kept) -> dict[str, float]:
        """Return nothing: objects depend on what is around them alone."""
        return {}

    def find(self, block: Place, read: Read, facts: Mapping[str, float]) -> FoundObjects:
        """Return the objects whose first pixels lie in a block."""
        margin = self.reach + self.smooth + _MARGIN
        while True:
            window = widened(block, margin, self.shape)
            found = self._within(block, window, read(window))
            if found is not None:
                return found
            margin *= 2

    def _within(self, block: Place, window: Place, kept: Kept) -> FoundObjects | None:
        """Return the block's objects; None where the window does not show all they depend on."""
        level = kept["level"]
        region = refined_region(level > 0, self.settings)
        core = windows.within(block, window)
        labels, doubtful, unknown = self._labels(region, kept, window)
        here = labels[core]
        if (unknown & region)[core].any() or doubtful[here].any():
            return None
        ids, first = first_pixels(labels)
        among = ids[windows.holds(core, *np.divmod(first, labels.shape[1]))]
        sure = certain(labels, level, self.settings)
        if sure is not None:
            among = np.intersect1d(among, sure)
        # A hole that holds another object is told from one that holds none.
        labels[region & (labels == 0)] = len(doubtful)
        inner = windows.inner_sides(window, self.shape)
        small: list[int] = []
        found = []
        for one in cleaned_objects(labels, self.settings, among, inner, small):
            y0, x0 = divmod(one.first, labels.shape[1])
            place = (y0 + window[0].start) * self.shape[1] + x0 + window[1].start
            top, left = (a.start + b.start for a, b in zip(one.box, window, strict=True))
            found.append(((float(place), 0.0), (top, left), one.inside))
        return FoundObjects.of(found, len(small))

    def _labels(
        self, region: NDArray[np.bool_], kept: Kept, window: Place
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the labels of a window, which of them are in doubt, and where nothing is known."""
        # What is beyond the window, and so may be otherwise, is as many px away.
        away = windows.from_inner_sides(window, self.shape) - self.reach
        if not self.settings.split:
            unknown = away < 1
            labels = ndi.label(region & ~unknown)[0]
            doubtful = np.zeros(int(labels.max()) + 1, bool)
            doubtful[labels[ndi.binary_dilation(unknown)]] = True
            doubtful[0] = False
            return labels, doubtful, unknown
        deep = depth(region)
        unknown = (deep > away) | (away < self.smooth)
        if region.all():
            unknown |= np.isfinite(away)
        if unknown.any() and self.smooth > 1:
            unknown = ndi.maximum_filter(unknown, 2 * self.smooth + 1)
        surface, joined = surface_of(deep, kept["objects"], self.settings)
        height = self.settings.marker_height
        labels, doubtful = certain_hills(surface, region, height, unknown, joined)
        return labels, doubtful, unknown

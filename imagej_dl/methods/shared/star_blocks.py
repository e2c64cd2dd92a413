"""Star-convex objects block by block, as of the whole plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.errors import UserError
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.block_objects import FoundObjects, Kept, Read
from imagej_dl.methods.shared.polygon_suppression import decided
from imagej_dl.methods.shared.star_polygons import StarObjects, candidates, outlines_of, painted
from imagej_dl.methods.shared.windows import Place

_MOST = 2**21
"""Polygons that are held at once, of a kilobyte each."""


class StarBlocks:
    """Finds the objects of a plane block by block. An object belongs to the block of its centre.

    In a window around a block, polygons near the window's end are in doubt: others beyond it may
    suppress them, as are those that such ones may suppress. The window is widened until none in the
    block is, nor any that may cover an object of the block.
    """

    layout: ClassVar[Literal["raster", "table"]] = "table"

    def __init__(self, shape: tuple[int, int], settings: StarObjects, unit: float) -> None:
        self.shape, self.settings, self.unit = shape, settings, unit
        self.keeps = ["points", "probabilities", "distances"]

    def keep(self, output: NDArray[np.float32], corner: tuple[int, int]) -> Kept:
        """Return where centres may be, how probable they are, and the distances along the rays."""
        found = candidates(output, corner, self.shape, self.settings, self.unit)
        return dict(zip(self.keeps, found, strict=True))

    def facts(self, kept: Kept) -> dict[str, float]:
        """Return the largest distance: no polygon reaches farther."""
        return {"longest": float(kept["distances"].max(initial=0))}

    def find(self, block: Place, read: Read, facts: Mapping[str, float]) -> FoundObjects:
        """Return the objects whose centres lie in a block."""
        longest = facts["longest"]
        margin = int(3 * longest) + 16
        while True:
            window = windows.around(block, margin, self.shape)
            kept = read(window)
            if len(kept["points"]) > _MOST:
                raise UserError(
                    f"polygons near x = {block[1].start}, y = {block[0].start} depend on "
                    f"{len(kept['points'])} others, which are more than a block may hold",
                    remedy="Predict it without --scheduler.",
                )
            found = self._within(block, window, kept, longest)
            if found is not None:
                return found
            margin *= 2

    def _within(
        self, block: Place, window: Place, kept: Kept, longest: float
    ) -> FoundObjects | None:
        """Return the block's objects; None where the window does not show all they depend on."""
        points, probabilities = kept["points"].astype(np.int64), kept["probabilities"]
        radii = kept["distances"].max(axis=1, initial=0)
        corner = np.array([span.start for span in window])
        away = windows.from_inner_sides(window, self.shape)
        doubtful = away[tuple((points - corner).T)] <= radii + longest + 2
        stay, doubtful = decided(
            points,
            kept["distances"],
            probabilities,
            self.settings.overlap_threshold,
            longest,
            doubtful,
        )
        mine = windows.holds(block, *points.T)
        if doubtful[mine].any():
            return None
        own = stay[mine[stay]]
        if _near(points, radii, own, np.flatnonzero(doubtful)):
            return None
        return self._visible(points, probabilities, kept["distances"], stay, mine, window)

    def _visible(
        self,
        points: NDArray[np.int64],
        probabilities: NDArray[np.float32],
        distances: NDArray[np.float32],
        stay: NDArray[np.intp],
        mine: NDArray[np.bool_],
        window: Place,
    ) -> FoundObjects:
        """Return the objects of the block as far as more probable ones do not cover them."""
        top, left = (span.start for span in window)
        outlines = outlines_of(points[stay], distances[stay])
        canvas = painted(outlines, probabilities[stay], window, self.shape)
        found, small = [], 0
        inner = windows.inner_sides(window, self.shape)
        edge = _at_edges(canvas, inner) if self.settings.drop_edge else set()
        boxes = ndi.find_objects(canvas)
        for number in np.flatnonzero(mine[stay]).tolist():
            box = boxes[number] if number < len(boxes) else None
            if box is None or number + 1 in edge:
                continue
            mask = canvas[box] == number + 1
            if np.count_nonzero(mask) < self.settings.minimum_area:
                small += 1
                continue
            y, x = points[stay[number]].tolist()
            order = (-float(probabilities[stay[number]]), -float(y * self.shape[1] + x))
            found.append((order, (box[0].start + top, box[1].start + left), mask))
        return FoundObjects.of(found, small)


def _near(
    points: NDArray[np.int64],
    radii: NDArray[np.float32],
    some: NDArray[np.intp],
    others: NDArray[np.intp],
) -> bool:
    """Return whether some polygons may meet some others."""
    for one in some.tolist():
        apart = np.abs(points[others] - points[one]).max(axis=1)
        if (apart <= radii[others] + radii[one] + 2).any():
            return True
    return False


def _at_edges(canvas: NDArray[np.uint32], inner: tuple[bool, bool, bool, bool]) -> set[int]:
    """Return the labels in the outer rows and columns that are edges of the plane."""
    sides = (canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1])
    return {
        int(one)
        for side, within in zip(sides, inner, strict=True)
        if not within
        for one in np.unique(side)
    }

"""Objects that are found block by block, each by the one block that it belongs to.

All blocks of a plane together give the objects of the whole plane, the same pixel for pixel. A
block knows nothing of what the others found: it reads what the network gave around it, as far as
its own objects depend on it, and refuses in words what depends on more than it may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError
from imagej_dl.methods.shared import windows
from imagej_dl.methods.shared.windows import Place

Kept = dict[str, NDArray]
"""Arrays that are kept of a network's output."""
Read = Callable[[Place], Kept]
"""Gives what is kept within a window of the plane."""

LARGEST = 2**24
"""Px of the largest window that is read around a block: of about 100 bytes a pixel."""


@dataclass(frozen=True)
class FoundObjects:
    """The objects that belong to a block.

    order : (N, 2) float64, by which objects of a plane are numbered: by the first, then the second.
    boxes : (N, 4) int64: top, left, bottom, right in the plane.
    pixels : uint8, for each object in turn the bits of its mask in its box, row by row, each
        object from a new byte on. Of two objects that have a pixel the later one has it.
    left_out : the number of objects that were dropped as too small.
    """

    order: NDArray[np.float64]
    boxes: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    left_out: int = 0

    @classmethod
    def of(
        cls,
        found: Sequence[tuple[tuple[float, float], tuple[int, int], NDArray[np.bool_]]],
        left_out: int,
    ) -> FoundObjects:
        """Collect objects: what they are numbered by, the top left of their boxes, their masks."""
        boxes = [(y, x, y + mask.shape[0], x + mask.shape[1]) for _, (y, x), mask in found]
        bits = [np.packbits(mask.ravel()) for *_, mask in found]
        return cls(
            np.array([order for order, *_ in found], np.float64).reshape(-1, 2),
            np.array(boxes, np.int64).reshape(-1, 4),
            np.concatenate([np.zeros(0, np.uint8), *bits]),
            left_out,
        )

    def paint(self, labels: NDArray, corner: tuple[int, int], ids: NDArray) -> None:
        """Write ids, 0 for none, into a part of the plane's label map that begins at a corner.

        Where a pixel has an id already, the higher one stays.
        """
        ends = np.cumsum(-(-_areas(self.boxes) // 8))
        low = np.array(corner)
        meets = (self.boxes[:, :2] < low + labels.shape).all(1) & (self.boxes[:, 2:] > low).all(1)
        for number in np.flatnonzero(meets).tolist():
            top, left, bottom, right = self.boxes[number].tolist()
            shape = (bottom - top, right - left)
            begin = int(ends[number - 1]) if number else 0
            bits = np.unpackbits(self.pixels[begin : int(ends[number])], count=shape[0] * shape[1])
            y, x = max(top, corner[0]), max(left, corner[1])
            here = labels[y - corner[0] : bottom - corner[0], x - corner[1] : right - corner[1]]
            mask = bits.reshape(shape)[y - top :, x - left :][: len(here), : here.shape[1]]
            np.maximum(here, labels.dtype.type(ids[number]), out=here, where=mask > 0)


class BlockFinder(Protocol):
    """Finds the objects of a plane of a shape (Y, X) block by block."""

    layout: ClassVar[Literal["raster", "table"]]
    """Of the arrays that are kept: (Y, X, …), or rows one a candidate with its `points` (y, x)."""
    keeps: list[str]
    """Names of the arrays that are kept."""

    def keep(self, output: NDArray[np.float32], corner: tuple[int, int]) -> Kept:
        """Return what is kept of a network's output (Y, X, channels) that begins at a corner."""

    def facts(self, kept: Kept) -> dict[str, float]:
        """Return what finding must know of the whole plane: of all its parts the largest."""

    def find(self, block: Place, read: Read, facts: Mapping[str, float]) -> FoundObjects:
        """Return the objects that belong to a block.

        Raises
        ------
        UserError : when they depend on more than :data:`LARGEST` px around it.
        """


def widened(block: Place, margin: int, shape: tuple[int, int]) -> Place:
    """Return the window of a margin around a block; refuse one that is too large to be held."""
    window = windows.around(block, margin, shape)
    rows, columns = window
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    if high * wide > max(LARGEST, 4 * (block[0].stop - block[0].start) ** 2):
        raise UserError(
            f"an object near x = {block[1].start}, y = {block[0].start} depends on more than "
            f"{wide}×{high} px around it, which is more than a block may hold: it may be a region "
            "of objects without any background or border between them",
            remedy="Predict it without --scheduler, or with a model that tells such objects apart.",
        )
    return window


def _areas(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

"""Objects of a label map set apart: cut out, and packed with background between them.

Touching objects need no comparison of ids there, and what lies between objects takes no work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.labels.bounding_boxes import Box, boxes


@dataclass(frozen=True)
class ObjectsApart:
    """A sheet of the objects' bounding boxes, in rows, the tallest first.

    A line of background at least lies below and to the right of each box: so all 8 neighbours of
    an object are background, also where rows are read on as one line.

    ids : of the objects, in the order of the sheet.
    boxes : of each in the label map.
    places : of each box in the sheet.
    shape : of the sheet.
    """

    labels: NDArray
    ids: list[int]
    boxes: list[Box]
    places: list[Box]
    shape: tuple[int, int]

    @classmethod
    def of(cls, labels: NDArray, margin: int = 0) -> ObjectsApart:
        """Set the objects of a label map (Y, X) apart, but for those in the margin alone."""
        ends = [size - margin for size in labels.shape]
        found = [
            (number, box)
            for number, box in boxes(labels)
            if all(p.stop > margin and p.start < end for p, end in zip(box, ends, strict=True))
        ]
        found.sort(key=lambda one: one[1][0].start - one[1][0].stop)
        sizes = [tuple(part.stop - part.start + 1 for part in box) for _, box in found]
        area = sum(height * width for height, width in sizes)
        across = max([width for _, width in sizes], default=0)
        across = max(across, int(np.sqrt(area)))
        places: list[Box] = []
        y = x = below = 0
        for height, width in sizes:
            if x + width > across:
                y, x = below, 0
            if not x:
                below = y + height
            places.append((slice(y, y + height - 1), slice(x, x + width - 1)))
            x += width
        ids = [number for number, _ in found]
        return cls(labels, ids, [box for _, box in found], places, (below, across))

    @property
    def mask_size(self) -> int:
        """Pixels of the sheet."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """The sheet, 1 in objects."""
        sheet = np.zeros(self.shape, np.uint8)
        for number, box, place in zip(self.ids, self.boxes, self.places, strict=True):
            np.equal(self.labels[box], number, out=sheet[place].view(bool))
        return sheet

    @cached_property
    def origins(self) -> NDArray[np.intp]:
        """The place of each pixel of a box in the label map, flat (of other pixels 0)."""
        sheet = np.zeros(self.shape, np.intp)
        flat = np.arange(self.labels.size).reshape(self.labels.shape)
        for box, place in zip(self.boxes, self.places, strict=True):
            sheet[place] = flat[box]
        return sheet

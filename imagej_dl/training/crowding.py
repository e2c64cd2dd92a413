"""Objects of elsewhere put beside those of a patch, so that more of them touch than in the images.

A network that has seen few objects touch joins those that do, in denser images than it was trained
on. So whole objects of the same plane are copied, turned and zoomed as the patch is, to where they
just touch one that is there; nothing that is there is covered. Copying objects of one image into
another as augmentation: Ghiasi et al., CVPR 2021; here they stay in their plane, with its
background and noise, and contact is what is sought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images.labels.bounding_boxes import boxes, middle
from imagej_dl.methods.base import Truth
from imagej_dl.training import augmentation as augment

if TYPE_CHECKING:
    from imagej_dl.training.patches import Example

_HALO = 3
"""Pixels over which the surroundings of an object pass into what is there."""
_GAPS = (0, 0, 1, 2)
"""Pixels between an object and the one that it is put beside: one of these is drawn."""


class Objects:
    """The whole objects of a plane, which can be copied within it.

    Those at the edge of the image are cut, and those beside what is unknown have unknown
    neighbours: they are left out, as is what is larger than half a patch.

    Parameters
    ----------
    example : the plane, with a label map.
    side : of a patch in px.
    """

    def __init__(self, example: Example, side: int) -> None:
        self._example = example
        self._found: list[tuple[int, NDArray[np.float64], int]] = []
        for label, box in boxes(example.labels):
            wide = tuple(slice(part.start - _HALO, part.stop + _HALO) for part in box)
            extent = max(part.stop - part.start for part in box)
            sizes = zip(wide, example.labels.shape, strict=True)
            whole = all(part.start >= 0 and part.stop <= size for part, size in sizes)
            known = example.known is None or bool(example.known[wide].all())
            if whole and known and extent <= side / 2:
                self._found.append((label, middle(box), extent))
        extents = [extent for *_, extent in self._found]
        self._extent = max(extents, default=0)
        self._most = max(1, round((side / (2 * np.mean(extents))) ** 2)) if extents else 0

    def put_beside(
        self,
        image: NDArray[np.float32],
        truth: Truth,
        matrix: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], Truth]:
        """Copy some objects into a patch, each beside one that is there.

        Parameters
        ----------
        image : the patch, float32 (side, side, C).
        truth : its ground truth, of labels.
        matrix : of the patch's place: how it is turned and zoomed.

        Returns
        -------
        patch and ground truth, the label map as uint32; those given where nothing can be copied.
        """
        if not self._found:
            return image, truth
        largest = float(np.linalg.norm(np.linalg.inv(matrix), 2))
        patch = _Patch.of(image, truth, _window(self._extent, largest))
        middles = [middle(box) for _, box in boxes(patch.labels)]
        for _ in range(1 + rng.integers(self._most)):
            label, centre, extent = self._found[int(rng.integers(len(self._found)))]
            side = _window(extent, largest)
            place = (matrix, np.floor(centre) + (0.5 if side % 2 == 0 else 0.0))
            there = augment.nearest(self._example.labels, place, side)
            pixels = np.argwhere(there == label)
            if not len(pixels):
                continue
            start = patch.beside(pixels, middles, rng)
            if start is not None:
                middles.append(start + pixels.mean(axis=0))
                patch.add(self._example, place, there, label, start)
        more = replace(truth, labels=patch.labels, vectors=patch.vectors, known=patch.known)
        return patch.image, more


@dataclass(frozen=True)
class _Patch:
    """A patch that is changed in place: its image, and its ground truth with a margin.

    padded : the label map with `around` pixels of 0 on each side, so that no object that is
        partly outside needs to be cut before it is compared.
    """

    image: NDArray[np.float32]
    padded: NDArray[np.uint32]
    around: int
    vectors: NDArray[np.float32] | None
    known: NDArray[np.bool_] | None
    margin: int

    @classmethod
    def of(cls, image: NDArray[np.float32], truth: Truth, around: int) -> _Patch:
        """Copy a patch. A new id is one more than the largest; uint16 may have none left."""
        return cls(
            image.copy(),
            np.pad(truth.labels.astype(np.uint32), around),
            around,
            None if truth.vectors is None else truth.vectors.copy(),
            None if truth.known is None else truth.known.copy(),
            truth.margin,
        )

    @property
    def labels(self) -> NDArray[np.uint32]:
        """The label map; what is written to it is kept."""
        return self.padded[self.around : -self.around, self.around : -self.around]

    def beside(
        self,
        pixels: NDArray[np.intp],
        middles: Sequence[NDArray[np.float64]],
        rng: np.random.Generator,
    ) -> NDArray[np.intp] | None:
        """Return where an object's window (y, x) begins so that the object touches another.

        It is moved away from one of those that are there until it covers nothing; where there are
        none it may lie anywhere. None if it would then lie outside.

        Parameters
        ----------
        pixels : of the object in its window, (n, 2).
        middles : of the objects that are there.
        """
        size, centre = len(self.labels), pixels.mean(axis=0)
        if not middles:
            return np.rint(rng.uniform(0, size, 2) - centre).astype(np.intp)
        origin = middles[int(rng.integers(len(middles)))] - centre
        angle, gap = rng.uniform(0, 2 * np.pi), _GAPS[rng.integers(len(_GAPS))]
        way = np.array((np.sin(angle), np.cos(angle)))
        flat, width = self.padded.ravel(), self.padded.shape[1]
        first = (pixels + self.around) @ (width, 1)
        for distance in range(2 * size):
            y, x = (round(float(value)) for value in origin + distance * way)
            if not (-self.around < y < size and -self.around < x < size):
                return None
            if not flat.take(first + (y * width + x)).any():
                return np.rint(origin + (distance + gap) * way).astype(np.intp)
        return None

    def add(
        self,
        example: Example,
        place: augment.Place,
        there: NDArray,
        label: int,
        start: NDArray[np.intp],
    ) -> None:
        """Copy an object, and what is around it, to where nothing is.

        Parameters
        ----------
        example : what it is copied of.
        place, there : the window around it, and the labels in this.
        label : of the object.
        start : where the window begins, (y, x) with the margin.
        """
        side = len(there)
        mask = there == label
        share = (1 - ndi.distance_transform_edt(~mask) / (_HALO + 1)).clip(0).astype(np.float32)
        share[(there != label) & (there != 0)] = 0
        inner, outer = _overlap(start, side, len(self.labels))
        free = self.labels[outer] == 0
        share[inner] *= free
        put = mask[inner] & free
        self.labels[outer][put] = self.labels.max() + 1
        if self.known is not None:
            self.known[outer][put] = True
        if self.vectors is not None and example.vectors is not None:
            turned = augment.vectors(example.vectors, place, side)
            for own, copied in zip(self.vectors, turned, strict=True):
                own[outer][put] = copied[inner][put]
        inner, outer = _overlap(start - self.margin, side, len(self.image))
        copied = augment.taken(example.planes, place, side)[inner]
        part = share[inner][..., None]
        self.image[outer] = part * copied + (1 - part) * self.image[outer]


def _window(extent: int, enlarged: float) -> int:
    """Return the side of the window around an object of this extent, turned in any way."""
    return int(np.ceil(extent * 1.5 * enlarged)) + 2 * _HALO + 1


def _overlap(
    start: NDArray[np.intp], side: int, size: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which part of a window that begins at `start` lies in a map, and where in it."""
    low, high = np.clip(start, 0, size), np.clip(start + side, 0, size)
    (y, x), (down, right) = low - start, high - start
    return (
        (slice(int(y), int(down)), slice(int(x), int(right))),
        (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))),
    )

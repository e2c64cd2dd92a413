"""Missing chunks: those that a writer left out because they are empty, and those that are lost.

Zarr reads a chunk that no file holds as its fill value, and some writers leave out the chunks that
hold nothing else (bioformats2raw from 0.12, zarr-python 3 by default), so that a missing file may
be right. Nothing in the format says which writers do. A missing chunk is therefore taken as

- lost, which is an error, where a file says so: a smaller level of the pyramid shows pixels at its
  place; or a chunk that is there holds nothing but the fill value, so that the writer leaves none
  out (imagej-dl's own files are marked to be such); or the fill value is not defined;
- empty otherwise, with a warning that states how many are missing.

A chunk that a shard does not hold is none of these: its index, written with the others, says so.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn
from imagej_dl.images.ome_zarr.arrays import ArrayFacts
from imagej_dl.images.ome_zarr.chunk_files import ChunkFiles, Place
from imagej_dl.images.ome_zarr.multiscales import Multiscale

_COUNTED = 2**20
"""Most files that are looked for where some are missing, to say how many."""
_LARGE, _SPARSEST = 2**30, 1000
"""Of more bytes than this, at least one chunk in so many must be there."""
_LOOKED_AT = 4096
_TESTED = 256
_MARGIN = 3  # px of a smaller level that its filter may have blurred into a chunk's place
_REMEDY = (
    "Copy the folder again from where it was made. If only empty chunks were left out, write them: "
    "with zarr-python, array.with_config({'write_empty_chunks': True})[...] = array[...]."
)


class ChunkedSource:
    """The full size of an image, whose chunks are looked for before they are read.

    It is a source of :class:`imagej_dl.images.lazy_arrays.LazyArray`, and can be pickled.
    """

    def __init__(self, image: Multiscale) -> None:
        self.image = image
        self.path = image.path
        self.levels = [ChunkFiles(level.facts) for level in image.levels]
        facts = image.levels[0].facts
        self.shape, self.chunks = facts.shape, facts.chunks
        self.dtype = np.dtype(np.uint8) if facts.dtype == bool else facts.dtype
        self._told = False

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        """Return the pixels of a block; those of a mask (bool) are 0 and 255.

        Raises
        ------
        UserError : for chunks that are damaged, or lost.

        Warns
        -----
        DataWarning : once, when chunks are missing that may be empty.
        """
        if any(one.stop <= one.start for one in where):
            return np.zeros([max(one.stop - one.start, 0) for one in where], self.dtype)
        if missing := self.levels[0].missing(where):
            self._judge(missing)
        pixels = self.levels[0].pixels(where)
        return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels

    def check(self) -> None:
        """Refuse an image of which nearly nothing is there, before memory is allocated for it.

        Raises
        ------
        UserError : when none of its chunks is there, and it is no label map; of a large one, when
            fewer than one in a thousand is there.
        """
        first = self.levels[0]
        large = first.total > _COUNTED or math.prod(self.shape) * self.dtype.itemsize > _LARGE
        if large and not first.are_at_least(-(-first.total // _SPARSEST)):
            sizes = " × ".join(map(str, self.shape))
            raise UserError(
                f"declares {sizes} pixels in {first.total} chunks, and has hardly any of them",
                path=first.facts.folder,
                remedy=_REMEDY,
            )
        if self.image.labels or any(map(first.is_there, first.places(_COUNTED))):
            return
        raise UserError(
            f"has none of its {first.total} chunks",
            path=first.facts.folder,
            remedy="Copy the folder again from where it was made.",
        )

    def _judge(self, missing: list[Place]) -> None:
        """Raise UserError for chunks that are lost; warn of those that may be empty."""
        first = self.levels[0]
        if first.facts.fill is None:
            self._lost(missing[0], "its metadata state no fill value for chunks that are left out")
        if self.image.ours:
            self._lost(missing[0], "imagej-dl writes all chunks")
        for place in missing[:_TESTED]:
            if level := self._seen_smaller(place):
                self._lost(place, f"its smaller level {level.name} shows pixels there")
        if self._told:
            return
        if empty := self._written_empty():
            words = f"the file {empty.name} beside it holds nothing but the fill value, so that"
            self._lost(missing[0], f"{words} empty chunks are not left out")
        self._told = True
        looked = min(first.total, _COUNTED)
        gone = sum(not first.is_there(one) for one in first.places(looked))
        of = f"{first.total}" if looked == first.total else f"the first {looked} of {first.total}"
        file = first.facts.file(missing[0]).relative_to(self.path)
        warn(
            f"{gone} of {of} chunks {'is' if gone == 1 else 'are'} not there, the first of them "
            f"{file.as_posix()}; read as {first.facts.fill}, since its writer may have left out "
            "chunks that are empty",
            path=self.path,
            remedy="If nothing should be empty there, copy it again from where it was made.",
        )

    def _lost(self, place: Place, why: str) -> None:
        raise UserError(
            f"this chunk is missing, and not because it is empty: {why}",
            path=self.levels[0].facts.file(place),
            remedy=_REMEDY,
        )

    def _seen_smaller(self, place: Place) -> Path | None:
        """Return the folder of a smaller level that shows pixels at the place of a chunk."""
        first = self.levels[0]
        block = first.block(place)
        for level in reversed(self.levels[1:]):
            where = _inner(first.facts, level.facts, block)
            if where is None:
                continue
            whole = not level.missing(where)
            if not first.is_fill(level.pixels(where)):
                return level.facts.folder
            if whole:
                return None  # what it shows is empty, and it lacks no chunk itself
        return None

    def _written_empty(self) -> Path | None:
        """Return a chunk that is there and holds nothing but the fill value.

        Compressed, it is the smallest; of files of one size, the first are looked at.
        """
        first = self.levels[0]
        there = [one for one in first.places(_LOOKED_AT) if first.is_there(one)]
        sizes = sorted((first.facts.file(one).stat().st_size, one) for one in there)
        for _, place in sizes[:4]:
            if first.is_fill(first.pixels(first.block(place))):
                return first.facts.file(place)
        return None


def _inner(
    first: ArrayFacts, level: ArrayFacts, block: tuple[slice, ...]
) -> tuple[slice, ...] | None:
    """Return what a level surely shows of a block alone; None where that is nothing."""
    where = []
    for one, size, small in zip(block, first.shape, level.shape, strict=True):
        factor = size / small
        margin = _MARGIN if factor > 1 else 0
        # At the ends of the image nothing else is blurred into it.
        low = 0 if one.start == 0 else -int(-one.start // factor) + margin
        high = small if one.stop == size else int(one.stop // factor) - margin
        if high <= low:
            return None
        where.append(slice(low, high))
    return tuple(where)

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

import os
import stat
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, one_line, warn
from imagej_dl.images.ome_zarr import documents
from imagej_dl.images.ome_zarr.arrays import ArrayFacts
from imagej_dl.images.ome_zarr.multiscales import Level, Multiscale

_COUNTED = 2**20
"""Most files that are looked for where some are missing, to say how many."""
_LOOKED_AT = 4096
_TESTED = 256
_MARGIN = 3  # px of a smaller level that its filter may have blurred into a chunk's place
_REMEDY = (
    "Copy the folder again from where it was made. If the chunks were left out because they are "
    "empty, write them: zarr.config.set({'array.write_empty_chunks': True}) when it is saved."
)


class ChunkedSource:
    """The full size of an image, whose chunks are looked for before they are read.

    It is a source of :class:`imagej_dl.images.lazy_arrays.LazyArray`, and can be pickled.
    """

    def __init__(self, image: Multiscale) -> None:
        self.image = image
        self.path = image.path
        facts = image.levels[0].facts
        self.shape, self.chunks = facts.shape, facts.chunks
        self.dtype = np.dtype(np.uint8) if facts.dtype == bool else facts.dtype
        self._top = documents.root(image.path)
        self._folders: set[Path] = set()
        self._there: set[tuple[int, ...]] = set()
        self._told = False
        self._opened: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Another process looks for itself; only that the user was told stays.
        return self.__dict__ | {"_folders": set(), "_there": set(), "_opened": None}

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        """Return the pixels of a block; those of a mask (bool) are 0 and 255.

        Raises
        ------
        UserError : for chunks that are damaged, or lost.

        Warns
        -----
        DataWarning : once, when chunks are missing that may be empty.
        """
        facts = self.image.levels[0].facts
        if any(one.stop <= one.start for one in where):
            return np.zeros([max(one.stop - one.start, 0) for one in where], self.dtype)
        missing = [place for place in _touched(facts, where) if not self._is_there(place)]
        if missing:
            self._judge(missing)
        if self._opened is None:
            self._opened = opened(facts)
        pixels = pixels_of(facts, where, self._opened)
        return pixels.astype(np.uint8) * np.uint8(255) if facts.dtype == bool else pixels

    def check(self) -> None:
        """Refuse an image of which there is hardly any chunk, before memory is allocated for it.

        Raises
        ------
        UserError : when none of its chunks is there, and it is no label map.
        """
        facts = self.image.levels[0].facts
        total = int(np.prod(facts.grid, dtype=object))
        looked = islice(np.ndindex(*facts.grid), _COUNTED)
        if not self.image.labels and not any(self._is_there(place) for place in looked):
            raise UserError(
                f"has none of its {total} chunks",
                path=facts.folder,
                remedy="Copy the folder again from where it was made.",
            )

    def _is_there(self, place: tuple[int, ...]) -> bool:
        if place in self._there:
            return True
        file = self.image.levels[0].facts.file(place)
        if file.parent not in self._folders:
            documents.refuse_links(self._top, file.parent)
            self._folders.add(file.parent)
        try:
            mode = os.lstat(file).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISLNK(mode):
            documents.refuse_links(self._top, file)
            if not file.exists():
                return False
        elif not stat.S_ISREG(mode):
            raise UserError("is no regular file", path=file, remedy="Copy the folder again.")
        self._there.add(place)
        return True

    def _judge(self, missing: list[tuple[int, ...]]) -> None:
        facts = self.image.levels[0].facts
        if facts.fill is None:
            self._lost(missing[0], "its metadata state no fill value for chunks that are left out")
        if self.image.ours:
            self._lost(missing[0], "imagej-dl writes all chunks")
        for place in missing[:_TESTED]:
            if level := _seen_smaller(self.image, place):
                words = f"its smaller level {level.name} shows pixels there"
                self._lost(place, words)
        if self._told:
            return
        if empty := self._written_empty():
            words = f"the file {empty.name} beside it holds nothing but the fill value, so that "
            self._lost(missing[0], f"{words}empty chunks are not left out")
        self._told = True
        total = int(np.prod(facts.grid, dtype=object))
        looked = min(total, _COUNTED)
        gone = sum(not self._is_there(one) for one in islice(np.ndindex(*facts.grid), looked))
        of = f"{total}" if looked == total else f"the first {looked} of {total}"
        warn(
            f"{gone} of {of} chunks {'is' if gone == 1 else 'are'} not there, the first of them "
            f"{facts.file(missing[0]).relative_to(self.image.path).as_posix()}; read as "
            f"{facts.fill:g}, since its writer may have left out chunks that are empty",
            path=self.image.path,
            remedy="If nothing should be empty there, copy it again from where it was made.",
        )

    def _lost(self, place: tuple[int, ...], why: str) -> None:
        raise UserError(
            f"this chunk is missing, and not because it is empty: {why}",
            path=self.image.levels[0].facts.file(place),
            remedy=_REMEDY,
        )

    def _written_empty(self) -> Path | None:
        """Return a chunk that is there and holds nothing but the fill value.

        Compressed, it is the smallest; of files of one size, the first are looked at.
        """
        facts = self.image.levels[0].facts
        sizes = []
        for place in islice(np.ndindex(*facts.grid), _LOOKED_AT):
            if self._is_there(place):
                sizes.append((facts.file(place).stat().st_size, place))
        for _, place in sorted(sizes)[:4]:
            pixels = pixels_of(facts, _block(facts, place))
            if np.all(_is_fill(pixels, facts.fill)):
                return facts.file(place)
        return None


def opened(facts: ArrayFacts) -> Any:
    """Open an array by zarr-python, whose own errors become UserError."""
    import zarr

    try:
        return zarr.open_array(str(facts.folder), mode="r", zarr_format=facts.zarr_format)
    except Exception as error:
        raise UserError(
            f"cannot be opened ({one_line(error)[:200]})",
            path=facts.folder,
            remedy="Its metadata are damaged, or of a Zarr that is not read: make it again.",
        ) from error


def pixels_of(facts: ArrayFacts, where: tuple[slice, ...], array: Any = None) -> NDArray[Any]:
    """Read a block of an array, in the byte order of this machine.

    Parameters
    ----------
    array : of zarr-python, where it is open.

    Raises
    ------
    UserError : when it cannot be read, as for a truncated chunk.
    """
    array = opened(facts) if array is None else array
    try:
        pixels = np.asarray(array[where])
    except (MemoryError, UserError):
        raise
    except Exception as error:  # each codec has its own
        corner = ", ".join(str(one.start) for one in where)
        raise UserError(
            f"cannot be read at {corner} ({one_line(error)[:200]})",
            path=facts.folder,
            remedy="A chunk is damaged: copy the folder again from where it was made.",
        ) from error
    return pixels.astype(facts.dtype, copy=False)


def _touched(facts: ArrayFacts, where: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the places of the files that hold a block."""
    return product(
        *(
            range(one.start // size, -(-one.stop // size))
            for one, size in zip(where, facts.files, strict=True)
        )
    )


def _block(facts: ArrayFacts, place: tuple[int, ...]) -> tuple[slice, ...]:
    """Return what a file holds of the array."""
    return tuple(
        slice(i * size, min((i + 1) * size, n))
        for i, size, n in zip(place, facts.files, facts.shape, strict=True)
    )


def _seen_smaller(image: Multiscale, place: tuple[int, ...]) -> Path | None:
    """Return the folder of a smaller level that shows pixels at the place of a chunk."""
    first = image.levels[0].facts
    block = _block(first, place)
    for level in reversed(image.levels[1:]):
        where = _inner(first, level, block)
        if where is None:
            continue
        if not np.all(_is_fill(pixels_of(level.facts, where), first.fill)):
            return level.facts.folder
        return None
    return None


def _inner(first: ArrayFacts, level: Level, block: tuple[slice, ...]) -> tuple[slice, ...] | None:
    """Return what a level surely shows of a block alone; None where that is nothing."""
    where = []
    for one, size, small in zip(block, first.shape, level.facts.shape, strict=True):
        factor = size / small
        margin = _MARGIN if factor > 1 else 0
        # At the ends of the image nothing else is blurred into it.
        low = 0 if one.start == 0 else -int(-one.start // factor) + margin
        high = small if one.stop == size else int(one.stop // factor) - margin
        if high <= low:
            return None
        where.append(slice(low, high))
    return tuple(where)


def _is_fill(pixels: NDArray[Any], fill: Any) -> NDArray[Any]:
    if pixels.dtype.kind == "f" and fill is not None and np.isnan(fill):
        return np.isnan(pixels)
    return pixels == fill

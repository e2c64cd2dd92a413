"""The files of an array's chunks: which are there, and that none leads out of the folder."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, one_line
from imagej_dl.images.ome_zarr import documents
from imagej_dl.images.ome_zarr.arrays import ArrayFacts

Place = tuple[int, ...]
"""Place of a file in the grid of files."""

_REMEMBERED = 2**18


class ChunkFiles:
    """The chunks of an array, which are looked for before zarr-python reads them."""

    def __init__(self, facts: ArrayFacts) -> None:
        self.facts = facts
        self._top = documents.root(facts.folder)
        self._folders: set[Path] = set()
        self._there: set[Place] = set()
        self._array: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Another process looks for itself.
        return self.__dict__ | {"_folders": set(), "_there": set(), "_array": None}

    @property
    def total(self) -> int:
        """Number of files if all are there."""
        return math.prod(self.facts.grid)

    def places(self, most: int) -> Iterator[Place]:
        """Yield the places of all files, or of as many of them."""
        yield from islice(np.ndindex(*self.facts.grid), most)

    def are_at_least(self, most: int) -> bool:
        """Return whether so many files lie in the folder, whatever they are; counts no further."""
        count = 0
        for _, _, files in os.walk(self.facts.folder):
            count += sum(not name.startswith(".") and name != "zarr.json" for name in files)
            if count >= most:
                return True
        return False

    def missing(self, where: tuple[slice, ...]) -> list[Place]:
        """Return the places of the files that hold a block and are not there."""
        touched = product(
            *(
                range(one.start // size, -(-one.stop // size))
                for one, size in zip(where, self.facts.files, strict=True)
            )
        )
        return [place for place in touched if not self.is_there(place)]

    def is_there(self, place: Place) -> bool:
        """Return whether a file is there.

        Raises
        ------
        UserError : when it, or its folder, is a link that leads out, or it is no regular file.
        """
        if place in self._there:
            return True
        file = self.facts.file(place)
        if file.parent not in self._folders:
            documents.refuse_links(self._top, file.parent)
            self._folders.add(file.parent)
        try:
            mode = os.lstat(file).st_mode
            if stat.S_ISLNK(mode):
                documents.refuse_links(self._top, file)
                mode = os.stat(file).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISREG(mode):
            raise UserError("is no regular file", path=file, remedy="Copy the folder again.")
        if len(self._there) < _REMEMBERED:
            self._there.add(place)
        return True

    def block(self, place: Place) -> tuple[slice, ...]:
        """Return what a file holds of the array."""
        return tuple(
            slice(i * size, min((i + 1) * size, n))
            for i, size, n in zip(place, self.facts.files, self.facts.shape, strict=True)
        )

    def pixels(self, where: tuple[slice, ...]) -> NDArray[Any]:
        """Read a block, in the byte order of this machine; missing chunks are the fill value.

        Raises
        ------
        UserError : when it cannot be read, as for a truncated chunk.
        """
        if self._array is None:
            self._array = _opened(self.facts)
        try:
            pixels = np.asarray(self._array[where])
        except MemoryError:
            raise
        except Exception as error:  # each codec has its own
            corner = ", ".join(str(one.start) for one in where)
            raise UserError(
                f"cannot be read at {corner} ({one_line(error)[:200]})",
                path=self.facts.folder,
                remedy="A chunk is damaged: copy the folder again from where it was made.",
            ) from error
        return pixels.astype(self.facts.dtype, copy=False)

    def is_fill(self, pixels: NDArray[Any]) -> bool:
        """Return whether pixels are nothing but the fill value."""
        fill = self.facts.fill
        if pixels.dtype.kind == "f" and fill is not None and np.isnan(fill):
            return bool(np.isnan(pixels).all())
        return bool((pixels == fill).all())


def _opened(facts: ArrayFacts) -> Any:
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

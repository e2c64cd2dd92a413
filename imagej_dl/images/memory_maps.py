"""Arrays larger than the memory: they lie in files, and are gone through some rows at a time."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 2**25  # bytes


def mapped(array: Any) -> bool:
    """Say whether an array lies in a file."""
    return _map(array) is not None


def forget(array: Any) -> None:
    """Give the memory back that holds what was read or written of a memory map.

    Nothing is lost: the file has it, or the system has still to write it there. Of an array that
    is no memory map, and where the system cannot do it, nothing happens.
    """
    found = _map(array)
    if found is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def pieces(array: Any) -> Iterator[tuple[tuple[int | slice, ...], NDArray]]:
    """Go through an array (..., Y, X) by blocks of rows: where each is, and its pixels.

    What was read of a memory map is forgotten again.
    """
    rows, row = array.shape[-2], max(array.shape[-1] * array.dtype.itemsize, 1)
    step = max(_AT_ONCE // row, 1)
    for index in np.ndindex(array.shape[:-2]):
        for low in range(0, rows, step):
            place = (*index, slice(low, min(low + step, rows)))
            yield place, array[place]
            forget(array)


def largest(array: Any) -> int:
    """Return the largest whole number of an array (..., Y, X); 0 of an empty one."""
    return max((int(part.max()) for _, part in pieces(array) if part.size), default=0)


def _map(array: Any) -> mmap.mmap | None:
    while array is not None and not isinstance(array, mmap.mmap):
        # A map that keeps changes to itself ("c") would lose them.
        if isinstance(array, np.memmap) and array.mode == "c":
            return None
        array = getattr(array, "base", None)
    return array

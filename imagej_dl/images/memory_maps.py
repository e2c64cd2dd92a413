"""Memory maps: arrays larger than the memory, in files, processed some rows at a time."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.images.lazy_arrays import LazyArray

_AT_ONCE = 2**25  # bytes


def mapped(array: Any) -> bool:
    """Return True for an array that is, or is a view of, a memory map."""
    return _map(array) is not None


def forget(array: Any) -> None:
    """Release the memory that holds pixels read from or written to a memory map.

    Nothing is lost: the pixels are in the file, or the system has yet to write them. Nothing
    happens for other arrays, and where the system does not support it.
    """
    memory_map = _map(array)
    if memory_map is not None and hasattr(mmap, "MADV_DONTNEED"):
        memory_map.madvise(mmap.MADV_DONTNEED)


def pieces(array: Any) -> Iterator[tuple[tuple[int | slice, ...], NDArray]]:
    """Yield an array (..., Y, X) in blocks of rows: the index of each, and its pixels.

    Memory of a memory map is released after each block. Of an array that is read when it is
    indexed the blocks are made of whole chunks, so that none is read twice.
    """
    if isinstance(array, LazyArray):
        for place in _of_chunks(array):
            yield place, array[place]
        return
    rows, row = array.shape[-2], max(array.shape[-1] * array.dtype.itemsize, 1)
    step = max(_AT_ONCE // row, 1)
    for index in np.ndindex(array.shape[:-2]):
        for low in range(0, rows, step):
            place = (*index, slice(low, min(low + step, rows)))
            yield place, array[place]
            forget(array)


def _of_chunks(array: LazyArray) -> Iterator[tuple[int | slice, ...]]:
    """Yield the places of blocks of whole chunks: rows as far as they are not too long."""
    (rows, columns), (high, wide) = array.shape[-2:], array.chunks[-2:]
    down = high * max(_AT_ONCE // (columns * high * array.dtype.itemsize), 1)
    down = min(down, -(-rows // high) * high)
    across = wide * max(_AT_ONCE // (down * wide * array.dtype.itemsize), 1)
    for index in np.ndindex(array.shape[:-2]):
        for y in range(0, rows, down):
            for x in range(0, columns, across):
                yield (*index, slice(y, min(y + down, rows)), slice(x, min(x + across, columns)))


def largest(array: Any) -> int:
    """Return the largest value of an integer array (..., Y, X); 0 for an empty one."""
    return max((int(part.max()) for _, part in pieces(array) if part.size), default=0)


def _map(array: Any) -> mmap.mmap | None:
    while array is not None and not isinstance(array, mmap.mmap):
        # A copy-on-write map ("c") would lose its changes.
        if isinstance(array, np.memmap) and array.mode == "c":
            return None
        array = getattr(array, "base", None)
    return array

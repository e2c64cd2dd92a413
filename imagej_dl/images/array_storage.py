"""Room for results that may be larger than the memory."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagej_dl.errors import UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.lazy_arrays import LazyArray

LARGE = 2**25
"""Planes of more pixels than this are worked on in parts, and what comes of them lies in files."""

_IN_MEMORY = 2**30


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array to be filled: in memory, or above 1 GiB in a temporary file."""
    if np.prod(shape, dtype=np.int64) * np.dtype(dtype).itemsize <= _IN_MEMORY:
        return np.empty(shape, dtype)
    return in_file(shape, dtype)


def in_file(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros in a temporary file.

    The file has no name on Unix and is gone when the array is; elsewhere when the process ends.

    Raises
    ------
    UserError : when the temporary folder has no room for it.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile() as file:
            # Without, a disk that is full would end the process while the array is filled.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "w+", shape=shape)
    except OSError as error:
        raise no_room(error, f"{size / 1e9:.1f} GB of ") from error


def spooled(array: LazyArray) -> NDArray[Any]:
    """Return the pixels of an array (..., Y, X) that is read when needed, in memory or a file."""
    kept = empty(array.shape, array.dtype)
    for place, part in memory_maps.pieces(array):
        kept[place] = part
        memory_maps.forget(kept)
    return kept


def no_room(error: OSError, amount: str = "") -> UserError:
    """Return the error of a temporary folder that has no room for an amount, such as "1 GB of "."""
    return UserError(
        f"there is no room for {amount}temporary data ({error.strerror})",
        path=tempfile.gettempdir(),
        remedy="Set the variable TMPDIR to a folder on a disk with enough space.",
    )

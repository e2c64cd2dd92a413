"""Room for results that may be larger than the memory."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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
    """
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)

"""Room for results that may be larger than the memory."""

from __future__ import annotations

import tempfile

import numpy as np
from numpy.typing import NDArray

_IN_MEMORY = 2**30


def empty(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a float32 array to be filled: in memory, or above 1 GiB in a temporary file.

    The file has no name on Unix and is gone when the array is; elsewhere when the process ends.
    """
    if np.prod(shape, dtype=np.int64) * 4 <= _IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)

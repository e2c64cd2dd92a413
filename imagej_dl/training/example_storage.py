"""Storage of the arrays that examples are made of, and the fingerprint of what was read."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.filesystem import temporaries


class Store:
    """Keep arrays in memory up to a limit, further ones in temporary memory-mapped files.

    The files are deleted with the store. What is recorded, in order, makes its fingerprint.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._digest = hashlib.sha256()
        self._folder: Any = None
        self._count = 0

    def keep(self, array: NDArray) -> NDArray:
        """Return the array, or a memory map of it."""
        self._free -= array.nbytes
        if self._free >= 0:
            return array
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix=temporaries.prefix())
        path = Path(self._folder.name) / f"{self._count}.npy"
        self._count += 1
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    def record(self, array: NDArray) -> NDArray:
        """Keep an array whose values are part of the fingerprint."""
        self.note(array.tobytes())
        return self.keep(array)

    def note(self, data: bytes) -> None:
        """Make something part of the fingerprint that need not be kept."""
        self._digest.update(data)

    @property
    def fingerprint(self) -> str:
        """A digest of all that was recorded and noted."""
        return self._digest.hexdigest()

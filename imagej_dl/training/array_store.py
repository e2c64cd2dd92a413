"""Arrays that may be more than the memory holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.filesystem import temporaries


class Store:
    """Keeps arrays in memory up to a limit, then in memory-mapped files that vanish with it."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._folder: Any = None
        self._count = 0

    def keep(self, array: NDArray) -> NDArray:
        self._free -= array.nbytes
        if self._free >= 0:
            return array
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix=temporaries.prefix())
        path = Path(self._folder.name) / f"{self._count}.npy"
        self._count += 1
        np.save(path, array)
        return np.load(path, mmap_mode="r")

"""An OME-TIFF of two scenes, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

_RNG = np.random.default_rng(0)
FIRST = _RNG.integers(0, 60000, (3, 2, 10, 12), np.uint16)
SECOND = _RNG.integers(0, 255, (20, 16), np.uint8)


def write_ome(path: Path, names: Sequence[str] = ("R1", "B2/R 2")) -> Path:
    """Write a movie of two channels, and one plane of other size and type."""
    channels = {"Channel": {"Name": ["DAPI", "GFP µ"]}}
    with tifffile.TiffWriter(path, ome=True) as file:
        first = {"axes": "TCYX", "Name": names[0], "PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3}
        file.write(FIRST, metadata={**first, "TimeIncrement": 2.0, **channels})
        second = {"axes": "YX", "Name": names[1], "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.6}
        file.write(SECOND, metadata=second)
    return path

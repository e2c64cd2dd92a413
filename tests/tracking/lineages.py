"""Tiny lineages, known by construction: squares that stay, divide, vanish for a frame, merge."""

from __future__ import annotations

import xarray as xr

from imagej_dl import images


def movie(*frames: dict[int, tuple[int, int]], size: int = 60, side: int = 8) -> xr.DataArray:
    """Make a label movie; each frame maps a label to the top left corner (x, y) of a square."""
    import numpy as np

    array = np.zeros((len(frames), size, size), np.uint16)
    for frame, objects in zip(array, frames, strict=True):
        for label, (x, y) in objects.items():
            frame[y : y + side, x : x + side] = label
    return images.make(array, "TYX", unit="µm", frame_interval=60.0, title="lineage.tif")


def division() -> xr.DataArray:
    """One cell divides between frames 2 and 3; another stays far off."""
    before = {1: (20, 20), 2: (20, 50)}
    after = {5: (16, 20), 6: (27, 20), 2: (20, 50)}
    return movie(before, before, before, after, after, after)


def gap() -> xr.DataArray:
    """One cell is not seen in frame 2; another is always."""
    seen, unseen = {1: (10, 10), 2: (40, 40)}, {2: (40, 40)}
    return movie(seen, seen, unseen, seen, seen)


def merge() -> xr.DataArray:
    """Two cells become one between frames 2 and 3: one vanishes beside the other."""
    before, after = {1: (20, 20), 2: (30, 20)}, {1: (21, 20)}
    return movie(before, before, before, after, after, after)

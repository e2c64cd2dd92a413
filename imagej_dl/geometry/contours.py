"""Outlines of spots, vertex for vertex as TrackMate (and ImageJ) traces them."""

from __future__ import annotations

import numpy as np

from imagej_dl.geometry import rings
from imagej_dl.geometry.corners import scan
from imagej_dl.geometry.polygons import Polygons

__all__ = ["Polygons", "components", "trace"]


def components(frames: np.ndarray) -> np.ndarray:
    """Number the 8-connected components of each label, frame by frame, from 1 in raster order.

    `frames` is a (T, Y, X) label map; the result has one pixel of zeros added round each frame.
    """
    from skimage.measure import label

    count = 0
    found = np.zeros((len(frames), frames.shape[1] + 2, frames.shape[2] + 2), np.int32)
    for number, frame in enumerate(frames):
        one = label(frame, background=0, connectivity=2)
        found[number, 1:-1, 1:-1] = np.where(one > 0, one + count, 0)
        count += int(one.max(initial=0))
    return found


def trace(numbered: np.ndarray) -> tuple[Polygons, np.ndarray, np.ndarray]:
    """Trace the outer outlines of components; holes are left out, as TrackMate does.

    Parameters
    ----------
    numbered : what :func:`components` gives, shape (T, Y + 2, X + 2).

    Returns
    -------
    polygons : corners in pixel edges (0, 0 is the top left corner of the first pixel), in the
        order of the components, beginning at the right end of the last bottom edge and going up.
        A component that touches itself at corners may make several.
    frames : frame of each polygon.
    pixels : flat index into the unpadded (T, Y, X) array of a pixel in each polygon.
    """
    found = rings.trace_outer(numbered, int(numbered.max(initial=0)))
    polygons, component = _rescan(found, numbered)
    frames = found.plane[component]
    # The pixel up and left of where an outline begins is the object's.
    _, height, width = numbered.shape
    x, y = polygons.points[polygons.offsets[:-1]].T - 1
    return polygons, frames, (frames * (height - 2) + y) * (width - 2) + x


def _rescan(found: rings.Rings, numbered: np.ndarray) -> tuple[Polygons, np.ndarray]:
    """Replace the outlines of components that touch themselves at a corner.

    There an outline is a matter of convention, and TrackMate's differs from that of
    :mod:`imagej_dl.geometry.rings`; see :mod:`imagej_dl.geometry.corners`. Also return the index
    of each outline's component.
    """
    polygons, frames = found.corners, found.plane
    unclear = set((found.touching - 1).tolist())
    if not unclear:
        return polygons, np.arange(len(polygons))
    outlines: list[np.ndarray] = []
    component: list[int] = []
    for number in range(len(polygons)):
        own = [polygons[number]]
        if number in unclear:
            low, high = own[0].min(axis=0), own[0].max(axis=0)
            box = numbered[frames[number], low[1] + 1 : high[1] + 1, low[0] + 1 : high[0] + 1]
            own = [points + low for points in scan(box == number + 1)]
        outlines += own
        component += [number] * len(own)
    sizes = [len(points) for points in outlines]
    return Polygons(np.concatenate(outlines), np.cumsum([0, *sizes])), np.array(component)

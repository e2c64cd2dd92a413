"""Which pixels lie in polygons, for many polygons at once."""

from __future__ import annotations

import numpy as np

from imagej_dl.tracking.outlines import Polygons


def count_pixels(polygons: Polygons, extent: np.ndarray) -> np.ndarray:
    """Count the pixels of each polygon by ImageJ's rule of filling (`PolygonFiller`).

    Parameters
    ----------
    polygons : corners in pixel edges, each polygon moved so that it begins at 0, 0.
    extent : (number of polygons, 2) width and height of the mask it is filled into.
    """
    polygon, left, right, row = _runs(polygons, rule="imagej")
    width, height = extent[polygon, 0], extent[polygon, 1]
    begin = np.clip((left + 0.5).astype(int), 0, width)
    end = np.clip((right + 0.5).astype(int), 0, width)
    size = np.where((row >= 0) & (row < height), np.maximum(end - begin, 0), 0)
    return np.bincount(polygon, weights=size, minlength=len(polygons)).astype(int)


def pixels_inside(polygons: Polygons, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels whose centres lie in closed polygons (TrackMate's way of measuring).

    Parameters
    ----------
    polygons : corners in pixels, where whole numbers are pixel centres.
    shape : rows and columns of the image; pixels beyond it are left out.

    Returns
    -------
    polygon, index : the polygon and the flat index (row · columns + column) of each pixel.
    """
    polygon, left, right, row = _runs(polygons, rule="centre")
    begin = np.maximum(np.ceil(left - 1e-9).astype(int), 0)
    end = np.minimum(np.floor(right + 1e-9).astype(int) + 1, shape[1])
    size = np.where((row >= 0) & (row < shape[0]), np.maximum(end - begin, 0), 0)
    run = np.repeat(np.arange(len(size)), size)
    step = np.arange(len(run)) - np.repeat(np.cumsum(size) - size, size)
    return polygon[run], row[run] * shape[1] + begin[run] + step


def _runs(polygons: Polygons, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut polygons by pixel rows: (polygon, left x, right x, row) of each run inside."""
    a, b = polygons.points, polygons.points[polygons.following]
    owner = polygons.owners
    # Rows from first to last - 1: whose middle (ImageJ) or centre lies between the ends.
    low = np.floor(a[:, 1] + 0.5) if rule == "imagej" else np.ceil(a[:, 1])
    high = np.floor(b[:, 1] + 0.5) if rule == "imagej" else np.ceil(b[:, 1])
    down = low < high
    use = low != high
    if rule == "imagej":
        use &= (low > 0) | (high > 0)
    top, bottom = np.where(down[:, None], a, b)[use], np.where(down[:, None], b, a)[use]
    first, last = np.minimum(low, high)[use].astype(int), np.maximum(low, high)[use].astype(int)
    owner = owner[use]
    slope = (bottom[:, 0] - top[:, 0]) / (bottom[:, 1] - top[:, 1])
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    middle = 0.5 if rule == "imagej" else 0.0
    x = top[edge, 0] + (first[edge] - top[edge, 1] + middle) * slope[edge]
    x += (1e-8 if rule == "imagej" else 0.0) + slope[edge] * (row - first[edge])
    order = np.lexsort((x, row, owner[edge]))
    polygon, row, x = owner[edge][order], row[order], x[order]
    # A closed outline crosses every row an even number of times.
    return polygon[::2], x[::2], x[1::2], row[::2]

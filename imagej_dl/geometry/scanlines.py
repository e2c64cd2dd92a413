"""Which pixels lie in polygons, for many polygons at once."""

from __future__ import annotations

import numpy as np

from imagej_dl.geometry.contours import Polygons


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
    """Find the pixels whose centres lie in polygons, by TrackMate's way of measuring.

    It counts crossings (Franklin's `pnpoly`): on the border left sides are inside, right not.

    Parameters
    ----------
    polygons : corners in pixels, where whole numbers are pixel centres.
    shape : rows and columns of the image; pixels beyond it are those mirrored at its border.

    Returns
    -------
    polygon, index : the polygon and the flat index (row · columns + column) of each pixel.
    """
    polygon, left, right, row = _runs(polygons, rule="centre")
    begin, end = np.ceil(left).astype(int), np.ceil(right).astype(int)
    size = np.maximum(end - begin, 0)
    run = np.repeat(np.arange(len(size)), size)
    step = np.arange(len(run)) - np.repeat(np.cumsum(size) - size, size)
    y, x = _mirrored(row[run], shape[0]), _mirrored(begin[run] + step, shape[1])
    return polygon[run], y * shape[1] + x


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Mirror indices at the first and the last one into an axis."""
    if size == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * size - 2)
    return np.where(index < size, index, 2 * size - 2 - index)


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
    a, b, owner = a[use], b[use], owner[use]
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    if rule == "imagej":
        slope = (bottom[:, 0] - top[:, 0]) / (bottom[:, 1] - top[:, 1])
        begin = top[:, 0] + (first - top[:, 1] + 0.5) * slope + 1e-8
        x = begin[edge] + slope[edge] * (row - first[edge])
    else:
        a, b = a[edge], b[edge]
        x = (a[:, 0] - b[:, 0]) * (row - b[:, 1]) / (a[:, 1] - b[:, 1]) + b[:, 0]
    order = np.lexsort((x, row, owner[edge]))
    polygon, row, x = owner[edge][order], row[order], x[order]
    # A closed outline crosses every row an even number of times.
    return polygon[::2], x[::2], x[1::2], row[::2]

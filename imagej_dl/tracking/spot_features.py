"""Position, size and shape of spots from their contours, as TrackMate's analyzers give them."""

from __future__ import annotations

import numpy as np

from imagej_dl.geometry.contours import Polygons
from imagej_dl.tracking import ellipses


def centroids(polygons: Polygons) -> tuple[np.ndarray, np.ndarray]:
    """Return the (number, 2) centroids x, y and the areas of polygons, in their units.

    The sums run in TrackMate's order, so that the last bits are its own as well: they decide
    which pixels on a contour's slanting sides count as inside.
    """
    a, b = polygons.points, polygons.points[polygons.following]
    owners, count = polygons.owners, len(polygons)
    last = polygons.offsets[1:] - 1
    forward, backward = a[:, 0] * b[:, 1], b[:, 0] * a[:, 1]
    cross = forward - backward
    open_cross = cross.copy()
    open_cross[last] = 0.0
    # bincount adds one after the other; NumPy's sums do not.
    area = np.bincount(owners, weights=open_cross, minlength=count)
    area = (area + forward[last] - backward[last]) / 2.0
    sums = [np.bincount(owners, weights=w, minlength=count) for w in ((a + b) * cross[:, None]).T]
    return np.stack(sums, axis=1) / 6.0 / area[:, None], np.abs(area)


def features(contours: Polygons, areas: np.ndarray) -> dict[str, np.ndarray]:
    """Compute shape features of contours relative to their centres.

    These are area, perimeter, circularity, solidity, shape index, and the fitted ellipse (Halir
    and Flusser's direct fit in the form of Chernov and Doube): centre, half axes, angle in
    radians. The names are TrackMate's in lower case.
    """
    step = contours.points[contours.following] - contours.points
    perimeter = np.add.reduceat(np.hypot(step[:, 0], step[:, 1]), contours.offsets[:-1])
    x0, y0, major, minor, theta = ellipses.fit(contours)
    with np.errstate(invalid="ignore", divide="ignore"):  # no ellipse fits a few corners in a row
        aspect = major / minor
    return {
        "area": areas,
        "perimeter": perimeter,
        "circularity": 4 * np.pi * areas / perimeter**2,
        "solidity": areas / _hull_areas(contours),
        "shape_index": perimeter / np.sqrt(areas),
        "ellipse_x0": x0,
        "ellipse_y0": y0,
        "ellipse_major": major,
        "ellipse_minor": minor,
        "ellipse_theta": theta,
        "ellipse_aspectratio": aspect,
    }


def doubled(contours: Polygons) -> Polygons:
    """Return contours of twice the size round their centres, by TrackMate's arithmetic."""
    x, y = contours.points.T
    radius = np.sqrt(x * x + y * y)
    scaled = np.stack([x / radius * radius * 2.0, y / radius * radius * 2.0], axis=1)
    return Polygons(scaled, contours.offsets)


def intensities(
    polygons: Polygons, outer: Polygons, frames: np.ndarray, image: np.ndarray
) -> dict[str, np.ndarray]:
    """Measure mean, median, minimum, maximum, sum and standard deviation of pixels in contours.

    Contrast and signal to noise ratio compare the mean with that of a ring round the contour.

    Parameters
    ----------
    polygons : contours in pixels, whole numbers are pixel centres.
    outer : the rings' outer borders; see :func:`doubled`.
    frames : frame of each contour.
    image : (T, Y, X) one channel.
    """
    count = len(polygons)
    spot, index = pixels_inside(polygons, image.shape[1:])
    values = image.reshape(len(image), -1)[frames[spot], index].astype(float)
    order = np.lexsort((values, spot))
    spot, values = spot[order], values[order]
    number = np.bincount(spot, minlength=count)
    first = np.cumsum(number) - number
    some = np.flatnonzero(number)
    found = {name: np.full(count, np.nan) for name in ("median", "min", "max", "std")}
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.bincount(spot, weights=values, minlength=count)
        mean = total / number
        squares = np.bincount(spot, weights=(values - mean[spot]) ** 2, minlength=count)
        deviation = np.sqrt(squares / (number - 1))
        round_spot, round_index = pixels_inside(outer, image.shape[1:])
        around = image.reshape(len(image), -1)[frames[round_spot], round_index]
        pixels = np.bincount(round_spot, minlength=count) - np.floor(total / mean)
        ring = (np.bincount(round_spot, weights=around, minlength=count) - total) / pixels
        contrast, snr = (mean - ring) / (mean + ring), (mean - ring) / deviation
    found["median"][some] = values[first[some] + number[some] // 2]
    found["min"][some] = values[first[some]]
    found["max"][some] = values[first[some] + number[some] - 1]
    return {
        "mean_intensity": mean,
        "median_intensity": found["median"],
        "min_intensity": found["min"],
        "max_intensity": found["max"],
        "total_intensity": np.where(number > 0, total, np.nan),
        "std_intensity": deviation,
        "contrast": contrast,
        "snr": snr,
    }


def _hull_areas(contours: Polygons) -> np.ndarray:
    """Compute the areas of the convex hulls.

    Andrew's monotone chain takes one point of every contour at a time.
    """
    sizes, owners = contours.sizes, contours.owners
    order = np.lexsort((contours.points[:, 1], contours.points[:, 0], owners))
    points = contours.points[order]
    area = np.zeros(len(contours))
    everyone = np.arange(len(contours))
    for direction in (1, -1):
        stack = np.zeros((len(contours), int(sizes.max(initial=0)) + 1), np.int64)
        depth = np.zeros(len(contours), np.int64)
        for step in range(int(sizes.max(initial=0))):
            alive = everyone[sizes > step]
            begin = contours.offsets[alive]
            new = begin + step if direction == 1 else begin + sizes[alive] - 1 - step
            pending = np.arange(len(alive))
            while pending.size:
                who = alive[pending]
                deep = depth[who] >= 2
                pending, who = pending[deep], who[deep]
                q, r = points[stack[who, depth[who] - 1]], points[stack[who, depth[who] - 2]]
                p = points[new[pending]]
                outside = (q[:, 0] - r[:, 0]) * (p[:, 1] - r[:, 1]) >= (q[:, 1] - r[:, 1]) * (
                    p[:, 0] - r[:, 0]
                )
                pending = pending[outside]
                depth[alive[pending]] -= 1
            stack[alive, depth[alive]] = new
            depth[alive] += 1
        for level in range(stack.shape[1] - 1):
            alive = everyone[depth > level + 1]
            a, b = points[stack[alive, level]], points[stack[alive, level + 1]]
            area[alive] += a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]
    return np.abs(area) / 2


def pixels_inside(polygons: Polygons, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels whose centres lie in polygons, as TrackMate measures them.

    This is Franklin's `pnpoly`, another rule than ImageJ's filling: a centre is inside where a ray
    from it crosses the outline an odd number of times, so one on a left side is, on a right side
    is not.

    Parameters
    ----------
    polygons : corners in pixels, where whole numbers are pixel centres.
    shape : rows and columns of the image; pixels beyond it are those mirrored at its border.

    Returns
    -------
    polygon, index : the polygon and the flat index (row · columns + column) of each pixel.
    """
    polygon, left, right, row = _rows_inside(polygons)
    begin, end = np.ceil(left).astype(int), np.ceil(right).astype(int)
    size = np.maximum(end - begin, 0)
    run = np.repeat(np.arange(len(size)), size)
    step = np.arange(len(run)) - np.repeat(np.cumsum(size) - size, size)
    y, x = _mirrored(row[run], shape[0]), _mirrored(begin[run] + step, shape[1])
    return polygon[run], y * shape[1] + x


def _rows_inside(polygons: Polygons) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut polygons by the rows of pixel centres: polygon, left x, right x, row of each piece."""
    a, b = polygons.points, polygons.points[polygons.following]
    low, high = np.ceil(a[:, 1]), np.ceil(b[:, 1])  # rows low … high − 1 lie between the ends
    use = low != high
    a, b, owner = a[use], b[use], polygons.owners[use]
    first, last = np.minimum(low, high)[use].astype(int), np.maximum(low, high)[use].astype(int)
    count = last - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    a, b = a[edge], b[edge]
    x = (a[:, 0] - b[:, 0]) * (row - b[:, 1]) / (a[:, 1] - b[:, 1]) + b[:, 0]
    order = np.lexsort((x, row, owner[edge]))
    polygon, row, x = owner[edge][order], row[order], x[order]
    # A closed outline crosses every row an even number of times.
    return polygon[::2], x[::2], x[1::2], row[::2]


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Mirror indices at the first and the last one into an axis."""
    if size == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * size - 2)
    return np.where(index < size, index, 2 * size - 2 - index)

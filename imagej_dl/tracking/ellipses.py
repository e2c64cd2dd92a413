"""Ellipses fitted to spots' contours."""

from __future__ import annotations

import numpy as np

from imagej_dl.geometry.contours import Polygons

_AT_ONCE = 4096


def fit(contours: Polygons) -> tuple[np.ndarray, ...]:
    """Fit an ellipse to each contour's corners: x0, y0, long and short half axis, angle.

    Halir and Flusser's direct fit in the form of Chernov and Doube, as in TrackMate. Of the many
    ellipses through three or four corners the smallest is taken; corners in a row have none (NaN).
    The angle is that of the long axis, above -pi/2 and up to pi/2. TrackMate's is the same line,
    but differs by pi where the sign of an eigenvector, which is free, came out the other way.
    """
    starts = contours.offsets[:-1]
    middle = np.add.reduceat(contours.points, starts, axis=0) / contours.sizes[:, None]
    x, y = (contours.points - middle[contours.owners]).T
    quadratic = np.stack([x * x, x * y, y * y], axis=1)
    linear = np.stack([x, y, np.ones_like(x)], axis=1)

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.add.reduceat(a[:, :, None] * b[:, None, :], starts, axis=0)

    s1, s2, s3 = (
        product(quadratic, quadratic),
        product(quadratic, linear),
        product(linear, linear),
    )
    t = -np.linalg.pinv(s3) @ s2.transpose(0, 2, 1)
    m = s1 + s2 @ t
    n = np.stack([m[:, 2] / 2, -m[:, 1], m[:, 0] / 2], axis=1)
    vectors = np.linalg.eig(n)[1].real
    condition = 4 * vectors[:, 0] * vectors[:, 2] - vectors[:, 1] ** 2
    chosen = np.argmax(condition > 0, axis=1)
    a1 = np.take_along_axis(vectors, chosen[:, None, None], axis=2)
    conics = np.concatenate([a1, t @ a1], axis=1)[:, :, 0]
    last = contours.points[contours.offsets[1:] - 1]
    closed = (np.abs(last - contours.points[starts]) < 1e-9).all(axis=1)
    four = np.flatnonzero(contours.sizes - closed == 4)
    for some in np.split(four, range(_AT_ONCE, len(four), _AT_ONCE)):
        corners = contours.points[starts[some, None] + np.arange(4)] - middle[some, None]
        conics[some] = _smallest(corners)
    three = np.flatnonzero(contours.sizes - closed == 3)
    corners = contours.points[starts[three, None] + np.arange(3)] - middle[three, None]
    conics[three] = _steiner(corners)
    # The sign of a conic is free, and LAPACK's choice is not every machine's.
    conics *= np.where(conics[:, 0] + conics[:, 2] < 0, -1.0, 1.0)[:, None]
    a, b, c, d, e, f = conics.T
    with np.errstate(invalid="ignore", divide="ignore"):
        discriminant = b * b - 4 * a * c
        term1 = 2 * (a * e * e + c * d * d - b * d * e + discriminant * f)
        term3 = np.sqrt((a - c) ** 2 + b * b)
        one = -np.sqrt(term1 * (a + c + term3)) / discriminant
        two = -np.sqrt(term1 * (a + c - term3)) / discriminant
        x0 = (2 * c * d - b * e) / discriminant + middle[:, 0]
        y0 = (2 * a * e - b * d) / discriminant + middle[:, 1]
        theta = np.where(b != 0, np.arctan((c - a - term3) / b), np.where(a < 0, 0.0, np.pi / 2))
    swap = two > one
    theta = np.where(swap, theta + np.pi / 2, theta)
    theta = np.where(theta > np.pi / 2, theta - np.pi, theta)
    found = x0, y0, np.where(swap, two, one), np.where(swap, one, two), theta
    ellipse = (discriminant < 0) & np.isfinite(found).all(axis=0) & (found[3] > 0)
    return tuple(np.where(ellipse, values, np.nan) for values in found)


def _steiner(corners: np.ndarray) -> np.ndarray:
    """Return the conics a..f of the smallest ellipses through three corners each, (N, 3, 2)."""
    centre = corners.mean(axis=1)
    corners = corners - centre[:, None]
    spread = 2 / 3 * corners.transpose(0, 2, 1) @ corners
    (p, q), (_, r) = spread.transpose(1, 2, 0)
    whole = p * r - q * q
    whole = np.where(whole > 1e-9 * (p + r) ** 2, whole, 0.0)  # in a row: no ellipse
    x, y = centre.T
    free = r * x * x - 2 * q * x * y + p * y * y - whole
    return np.stack([r, -2 * q, p, 2 * (q * y - r * x), 2 * (q * x - p * y), free], axis=1)


def _smallest(corners: np.ndarray) -> np.ndarray:
    """Return the conics a..f of the smallest ellipses through four corners each, (N, 4, 2).

    The direct fit has one of the many by the rounding of its last bits, and it may be as long as
    a parabola; so has TrackMate, whose ellipse is another one here.
    """
    x, y = corners[..., 0], corners[..., 1]
    design = np.stack([x * x, x * y, y * y, x, y, np.ones_like(x)], axis=-1)
    through = np.linalg.svd(design)[2][:, -2:]
    best, reach = np.full(len(corners), np.pi / 2), np.pi / 2
    for _ in range(6):  # ever closer round the smallest so far
        turns = best[:, None] + np.linspace(-reach, reach, 61)
        areas = _areas(_turned(through, turns))
        best = np.take_along_axis(turns, areas.argmin(axis=1)[:, None], axis=1)[:, 0]
        reach /= 20
    return _turned(through, best[:, None])[:, 0]


def _turned(through: np.ndarray, turns: np.ndarray) -> np.ndarray:
    one, other = through[:, None, 0], through[:, None, 1]
    return np.cos(turns)[..., None] * one + np.sin(turns)[..., None] * other


def _areas(conics: np.ndarray) -> np.ndarray:
    """Area of each ellipse, but for a factor; infinite for what is none."""
    a, b, c, d, e, f = np.moveaxis(conics, -1, 0)
    squares = 4 * a * c - b * b
    whole = squares * f - a * e * e - c * d * d + b * d * e
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(squares > 0, np.abs(whole) / squares**1.5, np.inf)

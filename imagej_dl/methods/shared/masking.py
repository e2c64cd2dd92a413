"""Blind spots: which pixels of a patch are hidden, and what stands in their place.

A hidden pixel gets a value from around it that is no hidden pixel's own. So nothing that the
network sees depends on the pixels that it is scored on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DRAWS = 20
"""Rounds of drawing a neighbour that is not hidden; nearly all are found in the first."""


def stratified(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose one pixel in each box of a grid, at random: bool, of a shape (Y, X) or (Z, Y, X).

    Parameters
    ----------
    share : of the pixels, about; boxes have the side 1 / √share px, rounded, those of a volume
        1 / ∛share. The grid lies at random, so that all pixels are chosen equally often.
    """
    box = max(2, round(1 / share ** (1 / len(shape))))
    starts = [np.arange(-int(rng.integers(box)), side, box) for side in shape]
    boxes = tuple(map(len, starts))
    places = [
        start + rng.integers(box, size=boxes)
        for start in np.meshgrid(*starts, indexing="ij", sparse=True)
    ]
    inside = np.ones(boxes, bool)
    for place, side in zip(places, shape, strict=True):
        inside &= (place >= 0) & (place < side)
    chosen = np.zeros(shape, bool)
    chosen[tuple(place[inside] for place in places)] = True
    return chosen


def under(kernel: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels under a kernel around each chosen one, these among them.

    Both are (Y, X) or (Z, Y, X).
    """
    hidden = chosen.copy()
    places = np.argwhere(chosen)
    for step in np.argwhere(kernel) - np.array(kernel.shape) // 2:
        moved = places + step
        inside = ((moved >= 0) & (moved < chosen.shape)).all(axis=1)
        hidden[tuple(moved[inside].T)] = True
    return hidden


def random_neighbours(
    plane: NDArray[np.float32], hidden: NDArray[np.bool_], radius: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Replace each hidden pixel by one around it that is not hidden, at random.

    Parameters
    ----------
    plane : (Y, X).
    hidden : (Y, X).
    radius : px along each axis, within which all pixels of the plane are equally likely.

    Returns
    -------
    the plane with its hidden pixels replaced; and the hidden pixels that are not, (Y, X), since
    none was found around them.
    """
    height, width = plane.shape
    ys, xs = np.nonzero(hidden)
    top, left = np.maximum(ys - radius, 0), np.maximum(xs - radius, 0)
    rows = np.minimum(ys + radius, height - 1) - top + 1
    columns = np.minimum(xs + radius, width - 1) - left + 1
    result, missing = plane.copy(), np.zeros_like(hidden)
    for _ in range(_DRAWS):
        drawn = (rng.random(len(ys)) * (rows * columns)).astype(np.intp)
        y, x = top + drawn // columns, left + drawn % columns
        found = ~hidden[y, x]  # which the pixel itself never is
        result[ys[found], xs[found]] = plane[y[found], x[found]]
        left_over = ~found
        if not left_over.any():
            return result, missing
        ys, xs, top, left = ys[left_over], xs[left_over], top[left_over], left[left_over]
        rows, columns = rows[left_over], columns[left_over]
    missing[ys, xs] = True
    return result, missing


def median_of_neighbours(
    plane: NDArray[np.float32], hidden: NDArray[np.bool_], radius: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Replace each hidden pixel by the median of those around it that are not hidden.

    See :func:`random_neighbours` for the parameters and what is returned.
    """
    ys, xs = np.nonzero(hidden)
    padded = np.full(np.add(plane.shape, 2 * radius), np.inf, np.float32)
    inner = (slice(radius, radius + plane.shape[0]), slice(radius, radius + plane.shape[1]))
    padded[inner] = np.where(hidden, np.float32(np.inf), plane)
    steps = np.arange(2 * radius + 1)
    around = padded[
        ys[:, None, None] + steps[None, :, None], xs[:, None, None] + steps[None, None, :]
    ].reshape(len(ys), -1)
    around.sort(axis=1)
    count = np.isfinite(around).sum(axis=1)
    found = count > 0
    below, above = np.maximum(count - 1, 0) // 2, count // 2
    each = np.arange(len(ys))
    middle = (around[each, below] + around[each, np.minimum(above, steps.size**2 - 1)]) / 2
    result, missing = plane.copy(), np.zeros_like(hidden)
    result[ys[found], xs[found]] = middle[found]
    missing[ys[~found], xs[~found]] = True
    return result, missing

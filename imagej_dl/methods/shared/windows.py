"""Windows of a plane that is too large for memory: blocks, and what lies around them."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Place = tuple[slice, slice]
"""Rows and columns of a plane, each with a start and an end."""


def blocks(shape: tuple[int, int], side: int) -> list[Place]:
    """Cut a plane (Y, X) into blocks of at most `side` px, row by row."""
    height, width = shape
    return [
        (slice(y, min(y + side, height)), slice(x, min(x + side, width)))
        for y, x in product(range(0, height, side), range(0, width, side))
    ]


def around(block: Place, margin: int, shape: tuple[int, int]) -> Place:
    """Return the window of `margin` px around a block, as far as the plane goes."""
    rows, columns = (
        slice(max(span.start - margin, 0), min(span.stop + margin, size))
        for span, size in zip(block, shape, strict=True)
    )
    return rows, columns


def inner_sides(window: Place, shape: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
    """Return which sides of a window (top, bottom, left, right) are no edge of the plane."""
    rows, columns = window
    height, width = shape
    return rows.start > 0, rows.stop < height, columns.start > 0, columns.stop < width


def within(block: Place, window: Place) -> Place:
    """Return the place of a block in a window that holds it."""
    rows, columns = (
        slice(one.start - around.start, one.stop - around.start)
        for one, around in zip(block, window, strict=True)
    )
    return rows, columns


def holds(window: Place, y: NDArray[np.integer], x: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which points of the plane a window holds."""
    rows, columns = window
    return (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)


def from_inner_sides(window: Place, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return of each pixel of a window the px to the nearest side that is no edge of the plane.

    0 in the outer rows and columns; infinite where all sides are edges of the plane.
    """
    away = []
    for span, size in zip(window, shape, strict=True):
        place = np.arange(span.stop - span.start, dtype=np.float64)
        before = place if span.start > 0 else np.full(len(place), np.inf)
        after = place[::-1] if span.stop < size else np.full(len(place), np.inf)
        away.append(np.minimum(before, after))
    return np.minimum.outer(*away)

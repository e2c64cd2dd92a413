"""The levels of a pyramid: each half as large along Y and X as the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024
"""Largest side of a chunk, in px along Y and X; it has one frame, channel and slice."""

_SMALLEST = 256
"""Px of the longer side from which there is no smaller level."""
_ACROSS = 4
"""Chunks along X that are held at once."""


def shapes(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes of all levels of an array (..., Y, X), the full size first."""
    levels = [tuple(shape)]
    while max(levels[-1][-2:]) > _SMALLEST:
        *stack, height, width = levels[-1]
        levels.append((*stack, -(-height // 2), -(-width // 2)))
    return levels


def chunks(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of the chunks of an array (..., Y, X)."""
    return (*[1] * (len(shape) - 2), *(min(n, CHUNK) for n in shape[-2:]))


def blocks(shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield blocks of whole chunks, which make up an array (..., Y, X) and fit in memory."""
    height, width = shape[-2:]
    steps = product(range(0, height, CHUNK), range(0, width, CHUNK * _ACROSS))
    places = [
        (slice(y, min(y + CHUNK, height)), slice(x, min(x + CHUNK * _ACROSS, width)))
        for y, x in steps
    ]
    for index in np.ndindex(*shape[:-2]):
        for place in places:
            yield (*(slice(i, i + 1) for i in index), *place)


def halved(fine: Any, coarse: Any, labels: bool) -> None:
    """Fill a level with what the one before it shows, block by block.

    Parameters
    ----------
    fine, coarse : arrays (..., Y, X) that are read and written by slices.
    labels : take every other pixel, so that ids stay ids; else the mean of four.
    """
    height, width = fine.shape[-2:]
    for place in blocks(coarse.shape):
        *stack, y, x = place
        rows = slice(2 * y.start, min(2 * y.stop, height))
        columns = slice(2 * x.start, min(2 * x.stop, width))
        pixels = np.asarray(fine[(*stack, rows, columns)])
        coarse[place] = pixels[..., ::2, ::2] if labels else mean(pixels)


def mean(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of each 2 × 2 pixels of an array (..., Y, X), of what is there at its ends.

    Whole numbers are rounded; those of 64 bits are added as floats.
    """
    odd = [(0, 0)] * (pixels.ndim - 2) + [(0, n % 2) for n in pixels.shape[-2:]]
    even = np.pad(pixels, odd, mode="edge")
    # Float32 is exact for the sum of four numbers of 16 bits.
    kind = np.float32 if pixels.dtype.itemsize < 4 else np.float64
    total = np.zeros((*even.shape[:-2], even.shape[-2] // 2, even.shape[-1] // 2), kind)
    for y, x in product((0, 1), (0, 1)):
        total += even[..., y::2, x::2]
    total /= 4
    return (np.rint(total) if pixels.dtype.kind in "iu" else total).astype(pixels.dtype)

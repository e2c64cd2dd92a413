"""Closed outlines of labels along the sides of pixels, on many planes at once.

Pixels that touch at a corner only are one piece. An outline runs with its label on the left hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.geometry.polygons import Polygons

Ints = NDArray[np.int64]

# Sides of a pixel in the order in which its outline runs:
# the top to the left, the left side down, the bottom to the right, the right side up.
_TOP, _LEFT, _BOTTOM, _RIGHT = range(4)
_ALONG_X, _ALONG_Y = np.array((-1, 0, 1, 0)), np.array((0, 1, 0, -1))
# where each side starts, from the pixel's upper left corner
_START_X, _START_Y = np.array((1, 0, 0, 1)), np.array((0, 0, 1, 1))

# A pixel's sides that border on another label, as bits 1 << side: how many there are, which is
# the n-th, and how many come before a side.
_HAS = (np.arange(16)[:, None] >> np.arange(4)) & 1
_COUNT = _HAS.sum(axis=1)
_NTH = np.argsort(-_HAS, axis=1, kind="stable")
_BEFORE = np.cumsum(_HAS, axis=1) - _HAS

_FEW = 32  # outlines that are followed one by one, not all together


@dataclass(frozen=True)
class Rings:
    """Closed outlines, each with its plane and its label.

    `corners` are int64 x, y of pixel corners: 0, 0 is the top left corner of the first pixel.
    `touching` are the labels that touch themselves at a corner only, sorted.
    """

    corners: Polygons
    plane: Ints
    label: Ints
    touching: Ints


def trace(padded: NDArray[Any]) -> Rings:
    """Follow the outlines of all labels, those of their holes included.

    Parameters
    ----------
    padded : (planes, Y + 2, X + 2) labels with a border of zeros one pixel wide.

    Returns
    -------
    rings : in the order of their first sides (by plane, y, x), where each begins.
    """
    sides = _Sides.of(padded)
    return sides.rings(*_cycles(sides.follow), padded.shape)


def trace_outer(padded: NDArray[Any], count: int) -> Rings:
    """Follow the outer outline of each component.

    Parameters
    ----------
    padded : (planes, Y + 2, X + 2) components, numbered 1 … `count`, with a border of zeros one
        pixel wide.

    Returns
    -------
    rings : by number; each begins at the right side of its component's last pixel.
    """
    sides = _Sides.of(padded)
    last = np.zeros(count, np.int64)
    last[sides.label - 1] = np.arange(len(sides.label))  # the last write stays
    return sides.rings(*_follow_all(sides.follow, last), padded.shape)


@dataclass(frozen=True)
class _Sides:
    """All sides of pixels that border on another label, sorted by pixel and side.

    `follow` is the index of the side that the outline continues with, `leaps` whether it gets
    there across a corner, the pixel ahead being another label's.
    """

    label: Ints
    pixel: Ints
    side: Ints
    follow: Ints
    leaps: NDArray[np.bool_]

    @classmethod
    def of(cls, padded: NDArray[Any]) -> _Sides:
        flat, width = padded.reshape(-1), padded.shape[2]
        borders = _borders(flat, width)
        pixels = np.flatnonzero(borders != 0)
        pixels = pixels[flat[pixels] != 0]
        count = _COUNT[borders[pixels]]
        first = np.cumsum(count) - count
        index_type = np.int32 if flat.size < 2**29 else np.int64
        first_of = np.empty(flat.size, index_type)  # only where there is a border
        first_of[pixels] = first

        pixel = np.repeat(pixels, count)
        side = _NTH[np.repeat(borders[pixels], count), np.arange(len(pixel)) - first_of[pixel]]
        along = _ALONG_X + _ALONG_Y * width
        outward = np.roll(along, 1)  # across a side is along the one before: up across the top
        ahead = pixel + along[side]
        corner = ahead + outward[side]
        label = flat[pixel]
        # Around the end of a side lie the pixel ahead and, across the side, the one at the
        # corner. The outline turns right around the corner pixel where that has the label too
        # (so pixels that touch at corners are one piece), goes on, or turns left.
        to_corner, to_ahead = flat[corner] == label, flat[ahead] == label
        next_pixel = np.where(to_corner, corner, np.where(to_ahead, ahead, pixel))
        next_side = np.where(to_corner, side + 3, np.where(to_ahead, side, side + 1)) & 3
        follow = first_of[next_pixel] + _BEFORE[borders[next_pixel], next_side]
        return cls(label.astype(np.int64), pixel, side, follow, to_corner & ~to_ahead)

    def rings(self, order: Ints, ends: Ints, shape: tuple[int, ...]) -> Rings:
        """Return the outlines, given the sides in their order and where each outline ends."""
        side = self.side[order]
        starts = np.append(0, ends)[:-1]
        # a corner is where the side changes; the ring's first side is compared with its last
        before = np.roll(side, 1)
        before[starts] = side[ends - 1]
        turns = np.flatnonzero(side != before)
        side = side[turns]
        plane, rest = np.divmod(self.pixel[order[turns]], shape[1] * shape[2])
        y, x = np.divmod(rest, shape[2])
        corners = np.stack((x + _START_X[side] - 1, y + _START_Y[side] - 1), axis=1)
        offsets = np.append(0, np.searchsorted(turns, ends))
        touching = np.unique(self.label[self.leaps])
        polygons = Polygons(corners, offsets)
        return Rings(polygons, plane[offsets[:-1]], self.label[order[starts]], touching)


def _borders(flat: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Return for each pixel the sides that border on another label, as bits."""
    borders = np.zeros(flat.size, np.uint8)
    left = np.flatnonzero(flat[1:] != flat[:-1])
    borders[left] |= 1 << _RIGHT
    borders[left + 1] |= 1 << _LEFT
    upper = np.flatnonzero(flat[width:] != flat[:-width])
    borders[upper] |= 1 << _BOTTOM
    borders[upper + width] |= 1 << _TOP
    return borders


def _cycles(follow: Ints) -> tuple[Ints, Ints]:
    """Return the sides in the order of their outlines, and where each outline ends."""
    following = follow.tolist()
    seen = bytearray(len(following))
    order: list[int] = []
    ends: list[int] = []
    for start in range(len(following)):
        if seen[start]:
            continue
        at = start
        while not seen[at]:
            seen[at] = 1
            order.append(at)
            at = following[at]
        ends.append(len(order))
    return np.array(order, np.int64), np.array(ends, np.int64)


def _follow_all(follow: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Follow the outlines that begin at some sides; return the same as :func:`_cycles`.

    All are followed together, a side at a time, so that NumPy is called as often as the longest
    of many is long; the last few, which may be far longer, one by one.
    """
    alive, at = np.arange(len(starts)), starts
    size = np.zeros(len(starts), np.int64)
    owners, sides, steps = [], [], []
    step = 0
    while len(alive) > _FEW:
        owners.append(alive)
        sides.append(at)
        steps.append(np.full(len(alive), step))
        step += 1
        at = follow[at]
        ended = at == starts[alive]
        if ended.any():
            size[alive[ended]] = step
            alive, at = alive[~ended], at[~ended]
    following = follow.tolist() if len(alive) else []
    for ring, here in zip(alive.tolist(), at.tolist(), strict=True):
        start = int(starts[ring])
        rest: list[int] = []
        while not rest or here != start:
            rest.append(here)
            here = following[here]
        size[ring] = step + len(rest)
        owners.append(np.full(len(rest), ring))
        sides.append(np.array(rest, np.int64))
        steps.append(np.arange(step, size[ring]))
    ends = np.cumsum(size)
    order = np.zeros(int(size.sum()), np.int64)
    if owners:
        place = (ends - size)[np.concatenate(owners)] + np.concatenate(steps)
        order[place] = np.concatenate(sides)
    return order, ends

"""Geometry of tiled inference: parts of a plane that a network sees, and what is kept of each.

The plane is thought of as mirrored at its borders up to a multiple of what the network's pooling
divides by. Every window lies inside that padded plane and begins on the pooling grid; a window
at the border ends where the padded plane ends. So a network sees in each window, up to its
receptive field around the kept part, just what it would see in the whole plane, its own zero
padding included: tiled and whole results are equal, wherever the tiles are cut. The padded plane
itself is never made, and only the rows of tiles in work are held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(N, Y, X, C) to (N, Y, X, K), Y and X multiples of what it asks for."""


@dataclass(frozen=True)
class Span:
    """One axis of a window: it covers `start` to `start + size`, of which `low` to `high` is kept.

    All in pixels of the plane; the window may reach over the plane's ends, the kept part not.
    """

    start: int
    size: int
    low: int
    high: int

    @property
    def inner(self) -> slice:
        """The kept part, counted from the window's start."""
        return slice(self.low - self.start, self.high - self.start)


def spans(
    length: int, tile: int, halo: int, multiple_of: int, margin: int = 0, *, exact: bool = False
) -> list[Span]:
    """Cut one axis into windows of equal size whose kept parts join without gap or overlap.

    Parameters
    ----------
    length : px of the plane along this axis.
    tile : largest window, px, halo included; a plane that fits is one window. They are smaller
        where as many smaller ones do.
    halo : px of context on each side of what is kept: the receptive field's radius.
    multiple_of : what starts and sizes of windows are multiples of (2^poolings).
    margin : px that the plane is mirrored by at its ends, at least; before and after it.
    exact : whether all windows must be just as large as the tile; what is beyond the plane's end
        is mirrored, and there is no further margin.

    Raises
    ------
    UserError : when the tile leaves nothing between its halos.
    """
    if exact:
        return _exact_spans(length, tile, halo, multiple_of)
    before = _up(margin, multiple_of)
    padded = before + _up(length + margin, multiple_of)
    size = min(padded, max(tile // multiple_of, 1) * multiple_of)
    if size == padded:
        return [Span(-before, size, 0, length)]
    halo = _up(halo, multiple_of)
    step = size - 2 * halo
    if step <= 0:
        raise UserError(
            f"a tile of {tile} px is too small for this model, whose halo is {halo} px",
            remedy=f"Use tiles of at least {2 * halo + multiple_of} px.",
        )
    # As few windows, but no larger than they need to be for it.
    count = -(-(padded - 2 * halo) // step)
    step = _up(-(-(padded - 2 * halo) // count), multiple_of)
    size = step + 2 * halo
    starts = [*range(0, padded - size, step), padded - size]
    ends = [start + size - halo for start in starts[:-1]] + [padded]
    cut = []
    low = 0
    for start, end in zip(starts, ends, strict=True):
        high = min(end - before, length)
        if high > low:  # a window that would keep nothing but padding is left out
            cut.append(Span(start - before, size, low, high))
            low = high
    return cut


def warn_of_edges(halo: int, needed: int, *axes: Sequence[Span]) -> None:
    """Warn where an axis is cut with a halo that is smaller than the receptive field needs."""
    if halo < needed and any(len(axis) > 1 for axis in axes):
        warn(
            f"tiles overlap by {halo} px, but the receptive field reaches {needed} px: tile edges "
            "may show"
        )


def _exact_spans(length: int, size: int, halo: int, multiple_of: int) -> list[Span]:
    """Cut one axis into windows of one size that begin on the pooling grid."""
    if length <= size:
        return [Span(0, size, 0, length)]
    step = (size - 2 * halo) // multiple_of * multiple_of
    if step <= 0:
        raise UserError(
            f"tiles of {size} px, which the model takes, are too small for its halo of {halo} px",
            remedy="Name a smaller one with --halo; tile edges may show.",
        )
    last = _up(length - size, multiple_of)
    starts = [*range(0, last, step), last]
    ends = [start + size - halo for start in starts[:-1]] + [length]
    lows = [0, *ends[:-1]]
    return [
        Span(start, size, low, high) for start, low, high in zip(starts, lows, ends, strict=True)
    ]


def around(part: slice, length: int, halo: int, multiple_of: int) -> Span:
    """Return the window that shows a part of one axis, without steps, and the halo around it."""
    low, high, _ = part.indices(length)
    start = max(low - halo, 0) // multiple_of * multiple_of
    end = _up(min(high + halo, length), multiple_of)
    return Span(start, end - start, low, high)


def window(plane: NDArray, rows: Span, columns: Span) -> NDArray:
    """Return what a window shows of a plane (Y, X, ...), mirrored beyond its borders."""
    y, x = mirrored(rows, plane.shape[0]), mirrored(columns, plane.shape[1])
    # Only the part that is needed is read, so that a memory map stays on the disk.
    part = np.asarray(plane[y.min() : y.max() + 1, x.min() : x.max() + 1])
    return part[np.ix_(y - y.min(), x - x.min())]


@dataclass(frozen=True)
class Strip:
    """A finished row of tiles: rows `low` to `high` of plane number `plane`.

    `values` is (rows, X, K); `last` says that the plane is finished with it.
    """

    plane: int
    low: int
    high: int
    last: bool
    values: NDArray[np.float32]


def strips(
    planes: Iterable[NDArray],
    network: Network,
    *,
    tile: int | tuple[int, int],
    halo: int,
    multiple_of: int,
    batch: int,
    margin: int = 0,
    exact: bool = False,
) -> Iterator[Strip]:
    """Run a network over planes and give the results row of tiles by row of tiles, in order.

    Windows of one size are put together in batches, over the ends of planes too, so that the
    small frames of a video fill a batch. Held at a time: one batch and the strips it touches.

    Parameters
    ----------
    planes : arrays (Y, X, C), each read when its turn comes; sizes may differ.
    network : gets float32 (N, Y, X, C), returns (N, Y, X, K).
    tile, halo, multiple_of, margin, exact : see :func:`spans`; the tile's sides along Y and X, or
        one for both.
    batch : most windows given to the network at once.

    Raises
    ------
    UserError : when the tile leaves nothing between its halos.
    """

    sides = (tile, tile) if isinstance(tile, int) else tile

    def windows() -> Iterator[_Window]:
        for number, plane in enumerate(planes):
            options = (halo, multiple_of, margin)
            down, across = (
                spans(plane.shape[axis], sides[axis], *options, exact=exact) for axis in (0, 1)
            )
            for rows, columns in product(down, across):
                joins = columns is across[-1]
                ends = joins and rows is down[-1]
                seen = window(plane, rows, columns)
                yield _Window(number, plane.shape[1], rows, columns, joins, ends, seen)

    row: NDArray[np.float32] | None = None
    for group in _batches(windows(), batch):
        seen = np.stack([part.seen for part in group]).astype(np.float32, copy=False)
        for part, value in zip(group, network(seen), strict=True):
            kept = value[part.rows.inner, part.columns.inner]
            if row is None and part.joins:
                row = kept
            elif row is None:
                row = np.empty((len(kept), part.across, kept.shape[-1]), np.float32)
            if row is not kept:
                row[:, part.columns.low : part.columns.high] = kept
            if part.joins:
                yield Strip(part.plane, part.rows.low, part.rows.high, part.ends, row)
                row = None


def joined(planes: Iterable[NDArray], network: Network, **options: Any) -> NDArray[np.float32]:
    """Run a network over planes of one size, and return all results, (N, Y, X, K).

    The arguments are those of :func:`strips`.
    """
    rows: list[list[NDArray[np.float32]]] = [[]]
    for strip in strips(planes, network, **options):
        rows[-1].append(strip.values)
        if strip.last:
            rows.append([])
    return np.stack([np.concatenate(whole) for whole in rows[:-1]])


@dataclass(frozen=True)
class _Window:
    plane: int
    across: int  # px of the plane
    rows: Span
    columns: Span
    joins: bool  # the last of its row of tiles
    ends: bool  # the last of its plane
    seen: NDArray


def _batches(windows: Iterable[_Window], size: int) -> Iterator[list[_Window]]:
    group: list[_Window] = []
    for part in windows:
        if group and (len(group) == size or part.seen.shape != group[0].seen.shape):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def mirrored(span: Span, length: int) -> NDArray[np.intp]:
    """Return the pixels that a span shows, those outside mirrored: c b a | a b c | c b a."""
    index = np.arange(span.start, span.start + span.size) % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _up(value: int, multiple_of: int) -> int:
    return -(-value // multiple_of) * multiple_of

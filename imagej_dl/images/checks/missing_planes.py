"""Comparison of the planes that a file declares with those that it holds.

Frames (or slices) that are missing at the end are left out, as after an acquisition that was
stopped or in a file that was truncated. A plane that is missing between others stays, black, so
that the others keep their time and place. Missing planes cost no memory, however many are declared.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NAMES = {"T": "frame", "Z": "slice", "C": "channel", "I": "page", "Q": "plane", "R": "position"}
_FIRST = "TZC"
_LISTED = 8
_MOST = 2**62
# At least one plane in so many must be there.
_SPARSEST = 10


@dataclass(frozen=True)
class AvailablePlanes:
    """The planes that a file holds, with notes about the others.

    Attributes
    ----------
    shape : of the axes that are not of a plane, no longer than declared.
    places : of each plane that is there, in the order of a file (the last axis runs first): from
        its place among those of `shape` to its place among those that were declared.
    notes : messages about missing planes.
    """

    shape: tuple[int, ...]
    places: Mapping[int, int]
    notes: list[str]

    @property
    def number(self) -> int:
        """Number of planes in `shape`."""
        return math.prod(self.shape)


def compare_planes(
    axes: str, declared: Sequence[int], present: Collection[int], by: str
) -> AvailablePlanes:
    """Compare the planes that a file holds with those that it declares.

    Parameters
    ----------
    axes : names of the axes outside a plane, such as "TZC".
    declared : their sizes.
    present : places of the planes that the file holds, from 0, in the order of the file.
    by : the part of the file that declares them, such as "its OME-XML".

    Raises
    ------
    ValueError : when there is none, or fewer than one in ten of those that would be read.
    """
    total = math.prod(declared)
    indices = np.unique(np.fromiter((p for p in present if 0 <= p < min(total, _MOST)), np.int64))
    if not len(indices):
        raise ValueError(f"{by} declares {_planes(total)}, and the file has none of them")
    if len(indices) == total:
        return AvailablePlanes(tuple(declared), dict(enumerate(range(total))), [])
    where = _unravelled(indices, declared)
    axis, size = _cut(axes, declared, where)
    inside = where[axis] < size
    shape = tuple(size if i == axis else n for i, n in enumerate(declared))
    if math.prod(shape) > _MOST:
        raise ValueError(f"{by} declares {_sizes(axes, declared)}, of which the file has few")
    new = np.ravel_multi_index(tuple(one[inside] for one in where), shape)
    if len(new) * _SPARSEST < math.prod(shape):
        raise ValueError(
            f"{by} declares {_sizes(axes, declared)}, and of these {total} planes the file has "
            f"only {len(indices)}"
        )
    notes = _trimmed(axes, declared, axis, size, int((~inside).sum()), by)
    notes += _holes(axes, shape, new, by)
    return AvailablePlanes(
        shape, dict(zip(new.tolist(), indices[inside].tolist(), strict=True)), notes
    )


def _cut(axes: str, declared: Sequence[int], where: list[np.ndarray]) -> tuple[int, int]:
    """Return the axis along which planes are missing at the end, and its remaining length."""
    order = _order(axes, declared)
    each = {axis: math.prod(declared) // declared[axis] for axis in order}
    counts = {axis: Counter(where[axis].tolist()) for axis in order}
    for axis in order:
        # Cut clean: what is left is all there, and of the rest there is nothing.
        last = max(counts[axis])
        if len(where[0]) == (last + 1) * each[axis]:
            return axis, last + 1
    # Stopped within a frame: only the frames before it are complete.
    first = order[0]
    last = max(counts[first])
    before = [count for place, count in counts[first].items() if place != last]
    stopped = before and counts[first][last] < each[first] and set(before) == {each[first]}
    return first, last if stopped else last + 1


def _order(axes: str, sizes: Sequence[int]) -> list[int]:
    """Return the axes of more than one place: time, slices, channels, others."""
    several = (i for i, n in enumerate(sizes) if n > 1)
    return sorted(several, key=lambda i: (_FIRST + axes).index(axes[i]))


def _unravelled(places: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Unravel indices as NumPy does, also for sizes whose product exceeds NumPy's integers."""
    indices = []
    for size in reversed(sizes):
        indices.append(places % min(size, _MOST))
        places = places // min(size, _MOST)
    return indices[::-1]


def _trimmed(
    axes: str, declared: Sequence[int], axis: int, size: int, more: int, by: str
) -> list[str]:
    if size == declared[axis]:
        return []
    name = _NAMES.get(axes[axis], f"place along {axes[axis]}")
    each = math.prod(declared) // declared[axis]
    parts = f" (of the next, {more} of {_planes(each)} would be there)"
    rest = declared[axis] - size
    others = "is" if rest == 1 else f"{rest} are"
    return [
        f"{by} declares {declared[axis]} {name}s, and the file has {size}: the other {others} left "
        "out" + (parts if more else "")
    ]


def _holes(axes: str, shape: Sequence[int], present: np.ndarray, by: str) -> list[str]:
    total = math.prod(shape)
    if len(present) == total:
        return []
    missing = np.setdiff1d(np.arange(total), present)
    places = np.array(np.unravel_index(missing, shape)).reshape(len(shape), -1)
    axis = _order(axes, shape)[0]
    each = total // shape[axis]
    name = _NAMES.get(axes[axis], f"place along {axes[axis]}")
    counts = sorted(Counter(places[axis].tolist()).items())
    if all(count == each for _, count in counts):
        words = enumerated([place + 1 for place, _ in counts], name)
    else:
        some = [
            " ".join(
                f"{_NAMES.get(a, a)} {p + 1}"
                for a, p, n in zip(axes, one, shape, strict=True)
                if n > 1
            )
            for one in places.T[:_LISTED].tolist()
        ]
        more = " …" if len(missing) > _LISTED else ""
        words = f"{_planes(len(missing))} ({', '.join(some)}{more})"
    verb = "is" if len(missing) == 1 or words.startswith(f"{name} ") else "are"
    return [f"{words} of the {shape[axis]} {name}s declared by {by} {verb} missing, and left black"]


def enumerated(numbers: Sequence[int], name: str) -> str:
    """Return "frame 6", or "frames 6, 7, 9 …"."""
    some = ", ".join(str(number) for number in numbers[:_LISTED])
    more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
    return f"{name}{'s' if len(numbers) > 1 else ''} {some}{more}"


def _planes(number: int) -> str:
    return f"{number} plane{'s' if number != 1 else ''}"


def _sizes(axes: str, declared: Sequence[int]) -> str:
    parts = [
        f"{n} {_NAMES.get(a, f'place along {a}')}s"
        for a, n in zip(axes, declared, strict=True)
        if n > 1
    ]
    return " of ".join(parts) or "1 plane"

"""The planes that a file declares, and those that it holds: what is missing is said, or refused.

Frames (or slices) that lack at the end are left out, as where an acquisition was stopped or a file
cut short. A plane that lacks between others stays, black, so that all others keep their time and
place. Nothing is made of sizes that are only declared: what is missing costs no memory.
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
# So many planes can lack among those that are there: one in ten is there at least.
_SPARSEST = 10


@dataclass(frozen=True)
class Kept:
    """The planes that are read.

    Attributes
    ----------
    shape : of the axes that are not of a plane, no longer than declared.
    places : of each plane that is there, in the order of a file (the last axis runs first): from
        its place among those of `shape` to its place among those that were declared.
    said : what to say about the others.
    """

    shape: tuple[int, ...]
    places: Mapping[int, int]
    said: list[str]

    @property
    def number(self) -> int:
        """How many planes `shape` has."""
        return math.prod(self.shape)


def kept(axes: str, declared: Sequence[int], there: Collection[int], by: str) -> Kept:
    """Compare the planes that are there with those that are declared.

    Parameters
    ----------
    axes : names of the axes that are not of a plane, such as "TZC".
    declared : their sizes.
    there : places of the planes that are there, from 0, in the order of a file.
    by : what declares them, such as "its OME-XML".

    Raises
    ------
    ValueError : when there is none, or less than one in ten of those that would be read.
    """
    total = math.prod(declared)
    found = np.unique(np.fromiter((p for p in there if 0 <= p < min(total, _MOST)), np.int64))
    if not len(found):
        raise ValueError(f"{by} declares {_planes(total)}, and the file has none of them")
    if len(found) == total:
        return Kept(tuple(declared), dict(enumerate(range(total))), [])
    where = _unravelled(found, declared)
    axis, size = _cut(axes, declared, where)
    inside = where[axis] < size
    shape = tuple(size if i == axis else n for i, n in enumerate(declared))
    if math.prod(shape) > _MOST:
        raise ValueError(f"{by} declares {_sizes(axes, declared)}, of which the file has few")
    new = np.ravel_multi_index(tuple(one[inside] for one in where), shape)
    if len(new) * _SPARSEST < math.prod(shape):
        raise ValueError(
            f"{by} declares {_sizes(axes, declared)}, and of these {total} planes the file has "
            f"only {len(found)}"
        )
    said = _trimmed(axes, declared, axis, size, int((~inside).sum()), by)
    said += _holes(axes, shape, new, by)
    return Kept(shape, dict(zip(new.tolist(), found[inside].tolist(), strict=True)), said)


def _cut(axes: str, declared: Sequence[int], where: list[np.ndarray]) -> tuple[int, int]:
    """Return the axis that is cut, and how many places of it are left."""
    order = _order(axes, declared)
    each = {axis: math.prod(declared) // declared[axis] for axis in order}
    counts = {axis: Counter(where[axis].tolist()) for axis in order}
    for axis in order:
        # Cut clean: what is left is all there, and of the rest there is nothing.
        last = max(counts[axis])
        if len(where[0]) == (last + 1) * each[axis]:
            return axis, last + 1
    # Stopped within a frame: its planes are of no use, those of the frames before are.
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
    """As NumPy's unravel_index, for sizes whose product is beyond any integer of NumPy's."""
    found = []
    for size in reversed(sizes):
        found.append(places % min(size, _MOST))
        places = places // min(size, _MOST)
    return found[::-1]


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


def _holes(axes: str, shape: Sequence[int], there: np.ndarray, by: str) -> list[str]:
    total = math.prod(shape)
    if len(there) == total:
        return []
    missing = np.setdiff1d(np.arange(total), there)
    places = np.array(np.unravel_index(missing, shape)).reshape(len(shape), -1)
    axis = _order(axes, shape)[0]
    each = total // shape[axis]
    name = _NAMES.get(axes[axis], f"place along {axes[axis]}")
    counts = sorted(Counter(places[axis].tolist()).items())
    if all(count == each for _, count in counts):
        words = named([place + 1 for place, _ in counts], name)
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


def named(numbers: Sequence[int], name: str) -> str:
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

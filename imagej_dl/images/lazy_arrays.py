"""Arrays whose pixels are read when they are indexed, for files larger than the memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from imagej_dl.errors import UserError


class Source(Protocol):
    """A reader of the pixels of a :class:`LazyArray`; its axes have an order of their own.

    `path` is named in errors.
    """

    path: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        """Return the pixels of a block, a slice (start, stop) for each axis of the source."""


class LazyArray(NDArrayOperatorsMixin):
    """A part of a source, its axes in any order, that is read when it is indexed.

    Indexing reads what it names, and nothing else, and returns a NumPy array; :meth:`part` and
    :meth:`transpose` read nothing. NumPy's functions and operators read the whole. It can be
    pickled where its source can, and Dask's `from_array` takes it.

    Parameters
    ----------
    source : reads blocks.
    where : for each axis of the source the range (start, stop) that is seen, or the index along an
        axis that is not; all of it where left out.
    order : the axes of the source that are seen, in their order here.
    """

    def __init__(
        self,
        source: Source,
        where: Sequence[int | tuple[int, int]] | None = None,
        order: Sequence[int] | None = None,
    ) -> None:
        self.source = source
        self.where = tuple(where) if where is not None else tuple((0, n) for n in source.shape)
        seen = [i for i, one in enumerate(self.where) if isinstance(one, tuple)]
        self.order = tuple(order) if order is not None else tuple(seen)
        assert sorted(self.order) == seen, "each axis is seen once"

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes that are seen."""
        return tuple(high - low for low, high in map(self._range, self.order))

    @property
    def chunks(self) -> tuple[int, ...]:
        """Lengths of the blocks in which the pixels are stored, along the axes that are seen."""
        return tuple(self.source.chunks[axis] for axis in self.order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels, in the byte order of this machine."""
        return self.source.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.order)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the pixels take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyArray(shape={self.shape}, dtype={self.dtype}, of {self.source.path})"

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read the pixels that integers and slices name; other indices read the whole."""
        keys = self._keys(key)
        if keys is None:
            return np.asarray(self)[key]
        where = [slice(one, one + 1) if isinstance(one, int) else slice(*one) for one in self.where]
        last: list[int | slice] = []
        for axis, one in zip(self.order, keys, strict=True):
            low, high = self._range(axis)
            if isinstance(one, int):
                where[axis] = slice(low + one, low + one + 1)
                last.append(0)
                continue
            places = range(*one.indices(high - low))
            first, end = (min(places), max(places) + 1) if len(places) else (0, 0)
            where[axis] = slice(low + first, low + end)
            last.append(slice(None, None, places.step if len(places) else None))
        fixed = [i for i, one in enumerate(self.where) if isinstance(one, int)]
        block = self._read(tuple(where)).transpose(*self.order, *fixed)
        return block[(*last, *[0] * len(fixed))]

    def part(self, *key: int | slice) -> LazyArray:
        """Return a part by an index or slice for each axis, without reading it.

        Raises
        ------
        IndexError : for indices outside, and slices with a step.
        """
        keys = self._keys(key)
        if keys is None:
            raise IndexError("a part is named by integers and slices")
        where = list(self.where)
        for axis, one in zip(self.order, keys, strict=True):
            low, high = self._range(axis)
            if isinstance(one, int):
                where[axis] = low + one
                continue
            start, stop, step = one.indices(high - low)
            if step != 1:
                raise IndexError("a part has no steps")
            where[axis] = (low + start, low + max(start, stop))
        return LazyArray(
            self.source, where, [axis for axis in self.order if isinstance(where[axis], tuple)]
        )

    def transpose(self, *axes: Any) -> LazyArray:
        """Return the array with its axes in another order, as NumPy's `transpose`."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], Sequence)):
            axes = tuple(axes[0] or ())
        chosen = axes or tuple(range(self.ndim))[::-1]
        return LazyArray(self.source, self.where, [self.order[axis] for axis in chosen])

    def reshape(self, *shape: Any) -> Any:
        """Return the array without, or with its, axes of length 1; any other shape is read."""
        wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        if wanted == self.shape:
            return self
        long = [n for n in self.shape if n != 1]
        if 1 in self.shape and list(wanted) == long:
            return self.part(*(0 if n == 1 else slice(None) for n in self.shape))
        return np.asarray(self).reshape(wanted)

    def astype(self, dtype: Any, copy: bool = True, **_: Any) -> NDArray[Any]:
        """Read the whole, as another type."""
        return np.asarray(self).astype(dtype, copy=copy)

    def any(self, *args: Any, **how: Any) -> Any:
        """Read the whole; whether any pixel is not 0."""
        return np.asarray(self).any(*args, **how)

    def min(self, *args: Any, **how: Any) -> Any:
        """Read the whole; the smallest value."""
        return np.asarray(self).min(*args, **how)

    def max(self, *args: Any, **how: Any) -> Any:
        """Read the whole; the largest value."""
        return np.asarray(self).max(*args, **how)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[(slice(None),) * self.ndim]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **how: Any) -> Any:
        return getattr(ufunc, method)(*map(_read, inputs), **how)

    def __array_function__(self, func: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        return func(*_read(args), **{name: _read(value) for name, value in kwargs.items()})

    def _range(self, axis: int) -> tuple[int, int]:
        one = self.where[axis]
        assert isinstance(one, tuple), "the axis is seen"
        return one

    def _keys(self, key: Any) -> list[int | slice] | None:
        """Return an integer from 0 or a slice for each axis; None for other indices."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(one is Ellipsis for one in keys):
            at = next(i for i, one in enumerate(keys) if one is Ellipsis)
            rest = self.ndim - len(keys) + 1
            keys = [*keys[:at], *[slice(None)] * rest, *keys[at + 1 :]]
        if len(keys) > self.ndim:
            return None  # None among them, or too many of them: NumPy decides
        plain: list[int | slice] = []
        for one, length in zip(keys, self.shape, strict=False):
            if isinstance(one, slice):
                plain.append(one)
            elif isinstance(one, int | np.integer) and not isinstance(one, bool | np.bool_):
                if not -length <= one < length:
                    raise IndexError(f"index {one} is out of range of an axis of {length}")
                plain.append(int(one) % length)
            else:
                return None
        return plain + [slice(None)] * (self.ndim - len(plain))

    def _read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        try:
            return self.source.read(where)
        except MemoryError as error:
            pixels = math.prod(one.stop - one.start for one in where)
            amount = pixels * self.dtype.itemsize / 1e9
            raise UserError(
                f"{amount:.1f} GB of it were to be read at once, for which there is no memory",
                path=self.source.path,
                remedy="Work on a part of it, or predict it block by block.",
            ) from error


def plane_of(array: Any, place: Sequence[int]) -> Any:
    """Return a plane of an array (..., Y, X) by its place before these; unread if it is lazy."""
    if isinstance(array, LazyArray):
        return array.part(*place, *[slice(None)] * (array.ndim - len(place)))
    return array[tuple(place)]


def _read(value: Any) -> Any:
    if isinstance(value, LazyArray):
        return np.asarray(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_read, value))
    return value

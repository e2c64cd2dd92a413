"""Arrays that are read when they are indexed give what NumPy would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagej_dl.errors import UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.lazy_arrays import LazyArray, plane_of

WHOLE = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)


class Memory:
    """A source in memory that keeps what it was asked for."""

    path, shape, dtype, chunks = "a", WHOLE.shape, WHOLE.dtype, (1, 1, 5, 7)

    def __init__(self) -> None:
        self.asked: list[tuple[slice, ...]] = []

    def read(self, where: tuple[slice, ...]) -> np.ndarray:
        self.asked.append(where)
        return WHOLE[where]


KEYS: list[Any] = [
    np.s_[1],
    np.s_[-1, ..., 2],
    np.s_[:, 1:3, ::2, ::-3],
    np.s_[0, 2, 4, 6],
    np.s_[..., 3:3],
    np.s_[:, np.array([2, 0])],
    np.s_[None, 1],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_is_numpys(key: Any) -> None:
    found = LazyArray(Memory())[key]
    np.testing.assert_array_equal(found, WHOLE[key])


def test_parts_and_orders_read_nothing_until_they_are_indexed() -> None:
    source = Memory()
    part = LazyArray(source).part(1, slice(1, 3), slice(None), slice(2, 6)).transpose(2, 0, 1)
    assert (part.shape, part.chunks, source.asked) == ((4, 2, 5), (7, 1, 5), [])
    np.testing.assert_array_equal(part[1:3, -1], WHOLE[1, 2, :, 3:5].T)
    assert source.asked == [(slice(1, 2), slice(2, 3), slice(0, 5), slice(3, 5))]
    np.testing.assert_array_equal(plane_of(LazyArray(source), [0, 1]), WHOLE[0, 1])


def test_numpys_functions_and_operators_read_the_whole() -> None:
    lazy = LazyArray(Memory())
    np.testing.assert_array_equal(lazy + 1, WHOLE + 1)
    np.testing.assert_array_equal(np.concatenate([lazy, lazy]), np.concatenate([WHOLE, WHOLE]))
    assert (lazy.max(), np.percentile(lazy, 50)) == (209, 104.5)


@pytest.mark.parametrize("key", [(0, 0, 9), (5,)])
def test_what_is_outside_is_refused(key: tuple[int, ...]) -> None:
    with pytest.raises(IndexError, match="out of range"):
        LazyArray(Memory())[key]


@pytest.mark.parametrize("at_once", [1, 200, 10**6])
def test_pieces_are_of_whole_chunks(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(memory_maps, "_AT_ONCE", at_once)
    source = Memory()
    source.chunks = (1, 1, 2, 3)
    made = np.zeros_like(WHOLE)
    for place, part in memory_maps.pieces(LazyArray(source)):
        made[place] = part
    np.testing.assert_array_equal(made, WHOLE)
    assert all(y.start % 2 == 0 and x.start % 3 == 0 for *_, y, x in source.asked)
    assert len(source.asked) == {1: 54, 200: 6 * 3, 10**6: 6}[at_once]


def test_what_has_no_room_in_memory_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Memory, where: tuple[slice, ...]) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(Memory, "read", full)
    with pytest.raises(UserError, match="for which there is no memory"):
        np.asarray(LazyArray(Memory()))

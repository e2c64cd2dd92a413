"""Pixels of any type in ImageJ's three types, and back, without Java."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imagej_dl import UserError
from imagej_dl.errors import DataWarning
from imagej_dl.images import lossless_dtypes

SMALL = st.integers(0, 2**24)
LARGE = st.integers(2**24 - 5, 2**32 - 1)


def back(found: lossless_dtypes.Sent) -> np.ndarray:
    properties = found.properties
    return lossless_dtypes.received(
        found.array, properties.get(lossless_dtypes.DTYPE), properties.get(lossless_dtypes.IDS)
    )


@settings(deadline=None)
@given(hnp.arrays(np.uint32, st.integers(1, 30), elements=st.one_of(SMALL, LARGE)))
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_all_ids_come_back(labels: np.ndarray) -> None:
    found = lossless_dtypes.sent(labels)
    assert found.array.dtype in (np.uint16, np.float32)
    assert found.array.max() <= 2**24
    again = back(found)
    assert again.dtype == np.uint32
    np.testing.assert_array_equal(again, labels)
    # Ids that ImageJ can hold are themselves, so that an edit means what it says.
    small = labels <= 2**24
    np.testing.assert_array_equal(found.array[small], labels[small])
    assert len(np.unique(found.array)) == len(np.unique(labels))


@settings(deadline=None)
@given(
    st.sampled_from(["bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4"]).flatmap(
        lambda kind: hnp.arrays(
            np.dtype(kind).newbyteorder(">"),
            st.integers(1, 20),
            elements=(
                None
                if kind in ("bool", "u1", "i1", "u2", "i2", "f2", "f4")
                else st.integers(0 if kind[0] == "u" else -(2**24), 2**24)
            ),
        )
    )
)
def test_every_type_comes_back(array: np.ndarray) -> None:
    found = lossless_dtypes.sent(array)
    assert found.array.dtype.name in lossless_dtypes.NATIVE
    assert found.array.dtype.isnative
    again = back(found)
    assert again.dtype.name == array.dtype.name
    np.testing.assert_array_equal(again, array)


def test_float64_is_rounded_aloud() -> None:
    with pytest.warns(DataWarning, match=r"a\.tif: float64 is rounded"):
        found = lossless_dtypes.sent(np.array([0.1, np.nan, np.inf]), "a.tif")
    again = back(found)
    assert again.dtype == np.float64
    np.testing.assert_allclose(again, [0.1, np.nan, np.inf], rtol=1e-7)


def test_stand_ins_avoid_ids_that_are_there() -> None:
    labels = np.array([0, 2**24, 2**24 - 1, 2**24 + 1, 2**24 + 3], np.uint32)
    with pytest.warns(DataWarning, match="2 of them"):
        found = lossless_dtypes.sent(labels)
    assert found.array.tolist() == [0, 2**24, 2**24 - 1, 2**24 - 2, 2**24 - 3]
    assert found.properties[lossless_dtypes.IDS] == "16777214=16777217,16777213=16777219"


def test_too_many_large_numbers_are_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lossless_dtypes, "_MOST_STAND_INS", 3)
    labels = np.arange(2**24 + 1, 2**24 + 5, dtype=np.uint32)
    with pytest.raises(UserError, match="4 different numbers above 16777216"):
        lossless_dtypes.sent(labels)
    # Nor when so many ids are in use below that there is no number left for them.
    full = np.arange(2**24 - 7, 2**24 + 2, dtype=np.uint32)
    with pytest.raises(UserError, match="1 different numbers above"):
        lossless_dtypes.sent(full)


@pytest.mark.parametrize("ids", ["1=a", "1", "7=-2", "7=99999999999", "=", "1=2=3"])
def test_damaged_tables_leave_the_pixels(ids: str) -> None:
    array = np.array([1, 7], np.float32)
    with pytest.warns(DataWarning, match="not labels any more"):
        assert lossless_dtypes.received(array, "uint32 float32", ids) is array


@pytest.mark.parametrize("dtype", ["object uint16", "float128 uint16", "uint32", "", "x uint16 y"])
def test_damaged_types_leave_the_pixels(dtype: str) -> None:
    array = np.array([1, 7], np.uint16)
    assert lossless_dtypes.received(array, dtype, None) is array


def test_pixels_of_another_type_keep_it() -> None:
    found = lossless_dtypes.sent(np.array([1, 300]))
    assert found.array.dtype == np.uint16
    wider = found.array.astype(np.float32)
    dtype = found.properties[lossless_dtypes.DTYPE]
    assert lossless_dtypes.received(wider, dtype, None).dtype == np.float32
    assert lossless_dtypes.received(found.array, dtype, None).dtype == np.int64

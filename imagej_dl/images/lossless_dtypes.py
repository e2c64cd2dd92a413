"""Pixels of any type as one of ImageJ's three, and back: no number is changed in silence.

ImageJ has 8-bit, 16-bit and 32-bit float pixels. The last hold whole numbers exactly up to 2^24
(IEEE 754), which label ids may exceed. Such ids get stand-ins: numbers from 2^24 downward that
no label of the image has. All other ids are themselves, so that a label which a user adds or
edits in ImageJ is what its number says. The table of stand-ins goes with the image as a property.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError, warn

DTYPE = "imagej_dl.dtype"
"""Property of an ImagePlus: the pixels' type in Python and the one they were sent as."""
IDS = "imagej_dl.ids"
"""Property of an ImagePlus (and of ImageJ's TIFFs): `stand-in=id`, separated by commas."""

LARGEST = 2**24
NATIVE = ("uint8", "uint16", "float32")
_KNOWN = re.compile("bool|u?int(8|16|32|64)|float(16|32|64)")
_MOST_STAND_INS = 2**20


@dataclass(frozen=True)
class Sent:
    """Pixels in one of ImageJ's types, and the properties by which :func:`received` undoes it."""

    array: NDArray[Any]
    properties: dict[str, str]


def sent(array: NDArray[Any], name: str | None = None) -> Sent:
    """Return pixels of any type as uint8, uint16 or float32, native and with the same numbers.

    Parameters
    ----------
    array : bool becomes 0 and 255; whole numbers 16-bit where they fit, else float; ids above
        2^24 in uint32 (the type of label maps) become stand-ins, see this module.
    name : of the image or its file, for errors.

    Raises
    ------
    UserError : for types ImageJ has not (complex, text), for numbers of other types than uint32
        that 32-bit float would change, and for too many ids above 2^24 to be labels.

    Warns
    -----
    DataWarning : when ids have stand-ins; when float64 is rounded.
    """
    dtype = array.dtype.name
    if not _KNOWN.fullmatch(dtype):
        raise UserError(
            f"ImageJ has no pixels of type {dtype}", path=name, remedy="Convert it to float32."
        )
    if dtype in NATIVE:
        return Sent(array.astype(dtype, copy=False), {})
    properties = {}
    made: NDArray[Any]
    if dtype == "bool":
        made = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype.kind == "f":
        made = _rounded(array, name)
    else:
        made, table = _whole(array, name)
        if table:
            properties[IDS] = table
    return Sent(made, {DTYPE: f"{dtype} {made.dtype.name}", **properties})


def received(array: NDArray[Any], dtype: str | None, ids: str | None) -> NDArray[Any]:
    """Undo :func:`sent` for pixels that may have been edited since.

    Parameters
    ----------
    array : uint8, uint16 or float32, which is changed nowhere.
    dtype, ids : the image's properties of these names, None where it has them not.

    Returns
    -------
    array of the former type, where the pixels have ImageJ's type as they were sent and fit in
    the former one; else as it is.

    Warns
    -----
    DataWarning : when there are stand-ins and the pixels are no label map any more.
    """
    former, _, was = (dtype or "").partition(" ")
    if ids:
        restored = _restored(array, ids)
        if restored is None:
            warn(
                "the image had stand-ins for ids above 2^24, but its values are not labels any "
                "more: they are left unchanged"
            )
            return array
        return restored.astype(np.uint32)
    if was != array.dtype.name or not _KNOWN.fullmatch(former):
        return array
    return array if not _fits(array, former) else _cast(array, former)


def _rounded(array: NDArray[Any], name: str | None) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        made = array.astype(np.float32)
    if array.dtype.name == "float16":
        return made
    changed = (made != array) & ~np.isnan(array)
    if changed.any():
        if np.isinf(made[changed]).any():
            raise UserError(
                f"ImageJ's 32-bit images cannot hold {np.abs(array[changed]).max():g}",
                path=name,
                remedy="Scale the image down.",
            )
        largest = np.abs(array[changed]).max()
        if largest > LARGEST and np.array_equal(array, np.rint(array)):
            _refuse(float(largest), name)
        warn(f"{name or 'the image'}: float64 is rounded to ImageJ's 32-bit float")
    return made


def _whole(array: NDArray[Any], name: str | None) -> tuple[NDArray[Any], str]:
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low >= 0 and high < 2**16:
        return array.astype(np.uint16), ""
    if max(-low, high) <= LARGEST:
        return array.astype(np.float32), ""
    if array.dtype.name == "uint32":
        return _standing_in(array, name)
    made = array.astype(np.float32)
    # Compared as float64 where 2^63 and above would overflow on the way back.
    if high < 2**53 and low > -(2**53) and np.array_equal(made.astype(np.float64), array):
        return made, ""
    _refuse(max(-low, high), name)
    raise AssertionError


def _refuse(number: float, name: str | None) -> None:
    raise UserError(
        f"ImageJ's 32-bit images cannot hold numbers up to {int(number)} exactly",
        path=name,
        remedy="If it is a label map, make it uint32 (images.as_labels), whose ids are kept; "
        "if it is not, convert it to float32, which rounds.",
    )


def _standing_in(array: NDArray[Any], name: str | None) -> tuple[NDArray[np.float32], str]:
    large = np.unique(array[array > LARGEST])
    taken = np.unique(array[(array <= LARGEST) & (array > LARGEST - 2 * _MOST_STAND_INS)])
    reach = len(large) + len(taken)
    if len(large) > _MOST_STAND_INS or reach > 2 * _MOST_STAND_INS:
        raise UserError(
            f"has {len(large)} different numbers above {LARGEST}, which is not a label map",
            path=name,
            remedy="Renumber the labels from 1, or convert an image to float32, which rounds.",
        )
    free = np.setdiff1d(np.arange(LARGEST, LARGEST - reach, -1), taken)
    numbers = free[::-1][: len(large)]
    made = array.astype(np.float32)
    where = array > LARGEST
    made[where] = numbers[np.searchsorted(large, array[where])]
    warn(
        f"{name or 'the labels'}: ids above {LARGEST} ({len(large)} of them) have stand-ins "
        f"in ImageJ, {numbers[-1]} to {numbers[0]}; Python gets the ids back"
    )
    return made, ",".join(f"{n}={i}" for n, i in zip(numbers, large, strict=True))


def _restored(array: NDArray[Any], ids: str) -> NDArray[np.int64] | None:
    pairs = [pair.split("=") for pair in ids.split(",")]
    try:
        table = np.array(sorted((int(number), int(label)) for number, label in pairs), np.int64)
    except (ValueError, OverflowError):
        return None
    if array.dtype != np.float32 or not _fits(array, "uint32"):
        return None
    whole = array.astype(np.int64)
    numbers, labels = table.T
    if labels.min() < 0 or labels.max() >= 2**32:
        return None
    place = np.minimum(np.searchsorted(numbers, whole), len(numbers) - 1)
    return np.where(numbers[place] == whole, labels[place], whole)


def _fits(array: NDArray[Any], dtype: str) -> bool:
    """Return True if a cast to the type keeps every number."""
    if dtype == "bool":
        return bool(np.isin(array, (0, 255)).all())
    if dtype.startswith("float"):
        with np.errstate(over="ignore"):
            return np.array_equal(array.astype(dtype), array, equal_nan=True)
    limits = np.iinfo(dtype)
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.rint(array))).all():
        return False
    if not array.size:
        return True
    return int(array.min()) >= limits.min and int(array.max()) <= limits.max


def _cast(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    return array == 255 if dtype == "bool" else array.astype(dtype)

"""Images in memory that ImageJ's process and this one share.

An image goes as an array of the axes T, Z, C, Y, X (ImageJ's order of planes) with a dictionary
`about`: title, pixel_width, pixel_height, pixel_depth, unit, frame_interval (s), from ImageJ also
`unit_y` and `unit_z` where they are others, `time_unit` and `signed` (16 bit), `display` with attrs
of :mod:`imagej_dl.images.display`, LUTs being lists, and
`props` for what ImageJ has no type for (see :mod:`imagej_dl.images.lossless_dtypes`).
"""

from __future__ import annotations

import atexit
import math
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imagej_dl.filesystem import temporaries
from imagej_dl.images import calibration, coloured, display, lossless_dtypes, units
from imagej_dl.images.array import HYPERSTACK, from_hyperstack
from imagej_dl.images.units import seconds

_kept: list[Any] = []
_given: list[str] = []
_marks: list[Path] = []
_LISTED = Path("/dev/shm")


def to_image(array: Any, about: dict[str, Any]) -> xr.DataArray:
    """Copy ImageJ's image out of shared memory; axes of length 1 are dropped, Y and X excepted."""
    about = dict(about)
    about.pop("display", None)
    props = about.pop("props", None) or {}
    interval = about["frame_interval"] * seconds(about.pop("time_unit", "s") or "s")
    about["frame_interval"] = interval if 0 < interval < math.inf else 0.0
    pixels = lossless_dtypes.received(
        np.array(array.ndarray()), props.get(lossless_dtypes.DTYPE), props.get(lossless_dtypes.IDS)
    )
    array.shm.close()
    _given.append(array.shm.name)
    about["unit"] = units.kept(about["unit"])
    about["pixel_depth"] = abs(about["pixel_depth"]) or 1.0
    own = about.pop("unit_y", ""), about.pop("unit_z", "")
    units.in_one(about.get("title", ""), about, own, told=pixels.shape[1] > 1)
    if about.pop("signed", False) and pixels.dtype == np.uint16:
        # ImageJ holds signed numbers as unsigned ones, 32768 higher.
        pixels = (pixels ^ np.uint16(0x8000)).view(np.int16)
    _mark(array.shm.name)
    return from_hyperstack(pixels, **about)


def display_of(about: dict[str, Any]) -> dict[str, Any]:
    """Return the attrs that say how ImageJ shows an image."""
    shown = dict(about.get("display") or {})
    if "luts" in shown:
        shown["luts"] = [np.array(lut, np.uint8) for lut in shown["luts"]]
    if "display_ranges" in shown:
        # ImageJ holds signed numbers as unsigned ones, 32768 higher.
        higher = 32768 if about.get("signed") else 0
        shown["display_ranges"] = [(a - higher, b - higher) for a, b in shown["display_ranges"]]
    return shown


def encoded(item: dict[str, Any]) -> dict[str, Any]:
    """Return an event or result with its images in shared memory, each as {"array", "about"}.

    Label maps, which are those of `kind` labels and events, get their colours; of floats none is.
    """
    labels = item.get("kind") != "image"
    return {
        key: share(value, labels and value.dtype.kind != "f")
        if isinstance(value, xr.DataArray)
        else value
        for key, value in item.items()
    }


def share(image: xr.DataArray, labels: bool = False) -> dict[str, Any]:
    """Put an image into shared memory, where it stays until :func:`release`."""
    import appose

    signed = image.dtype == np.int16 and not labels
    if signed:
        # As ImageJ holds them: unsigned ones, 32768 higher.
        pixels = np.asarray(image.data, np.int16).view(np.uint16) ^ np.uint16(0x8000)
        sent = lossless_dtypes.Sent(pixels, {})
    else:
        sent = lossless_dtypes.sent(np.asarray(image.data), image.attrs.get("title") or None)
    pixels = sent.array
    full = image.copy(data=pixels).expand_dims([a for a in HYPERSTACK if a not in image.dims])
    ordered = full.transpose(*HYPERSTACK).data
    block = appose.NDArray(str(pixels.dtype), ordered.shape, _room(ordered.nbytes))
    _kept.append(block)
    block.ndarray()[...] = ordered
    ours = calibration(image)
    about = {
        "title": str(image.attrs.get("title") or "image"),
        "pixel_width": ours.pixel_width,
        "pixel_height": ours.pixel_height,
        "pixel_depth": ours.pixel_depth,
        "unit": ours.unit,
        "frame_interval": ours.frame_interval,
        "props": sent.properties,
        "signed": signed,
    }
    if labels:
        shown = coloured(image).attrs
        about |= {"lut": shown["luts"][0].tolist(), "range": list(shown["display_ranges"][0])}
    elif shown := _shown(image):
        if signed and "display_ranges" in shown:
            shown["display_ranges"] = [[a + 32768, b + 32768] for a, b in shown["display_ranges"]]
        about["display"] = shown
    return {"array": block, "about": about}


def _shown(image: xr.DataArray) -> dict[str, Any]:
    luts, ranges = display.luts(image), display.ranges(image)
    shown = {
        "luts": None if luts is None else [lut.tolist() for lut in luts],
        "display_ranges": None if ranges is None else [list(pair) for pair in ranges],
        "display_mode": display.mode(image),
        "slice_labels": display.slice_labels(image),
    }
    return {key: value for key, value in shown.items() if value}


def release(but: int = 0) -> None:
    """Give the memory of the shared images back, but for the last ones; ImageJ has copied them."""
    while len(_kept) > but:
        block = _kept.pop(0)
        block.shm.close()
        # ImageJ took its name away when it had copied it; one it never asked for has it still.
        _unlink(block.shm.name)
    # What ImageJ has taken away needs no mark any more: it takes it away when it has its answer.
    for mark in [mark for mark in _marks if not (_LISTED / temporaries.what(mark.name)).exists()]:
        mark.unlink(missing_ok=True)
        _marks.remove(mark)


def _room(size: int) -> Any:
    """Return shared memory whose name says whose it is, where a later process can look for it."""
    if not _LISTED.is_dir():
        return None  # and elsewhere names may have 30 letters only
    from appose import SharedMemory as Shared

    _sweep()
    return Shared(name=temporaries.name(hidden=False), create=True, rsize=size)


def _mark(given: str) -> None:
    """Note what ImageJ gave: when both are killed, the next worker takes it away."""
    if _LISTED.is_dir():
        _sweep()
        with suppress(OSError):
            mark = _LISTED / temporaries.name(given.strip("/"), hidden=False)
            mark.touch()
            _marks.append(mark)


def _sweep() -> None:
    for name in temporaries.sweep(_LISTED):
        if given := temporaries.what(name):
            _unlink(given)


def _end() -> None:
    release()
    # What ImageJ gave it takes away itself, unless it was killed.
    for name in _given:
        _unlink(name)
    for mark in _marks:
        mark.unlink(missing_ok=True)


def _unlink(name: str) -> None:
    with suppress(FileNotFoundError, ValueError):
        SharedMemory(name).unlink()


atexit.register(_end)

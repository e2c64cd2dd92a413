"""Alignment of an image and its label map: the name of their stack's axis, and calibration."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import xarray as xr

from imagej_dl.errors import warn
from imagej_dl.images import units
from imagej_dl.images.array import AXES, Calibration, calibration, with_data


def stacked_like(image: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Return the image with its stack axis named as that of `other`: Z for T, or T for Z.

    A movie may be a Z stack in one file and a T stack in the other, since ImageJ opens a plain
    stack as Z. If each image has one of the two axes, of the same length, the axis gets the name
    that it has in `other`. Otherwise the image is returned as it is.

    Warns
    -----
    DataWarning : when the axis is renamed.
    """
    mine, theirs = _stack(image), _stack(other)
    if len(mine) != 1 or len(theirs) != 1 or mine == theirs:
        return image
    if image.sizes[mine[0]] != other.sizes[theirs[0]]:
        return image
    words = {"T": "frames", "Z": "slices"}
    warn(
        f"{image.attrs.get('title') or 'the image'}: its {image.sizes[mine[0]]} "
        f"{words[mine[0]]} are taken as {words[theirs[0]]}, as in "
        f"{other.attrs.get('title') or 'the other image'}"
    )
    flat = image.isel({axis: 0 for axis in theirs if axis in image.dims}, drop=True)
    renamed = flat.rename({mine[0]: theirs[0]})
    return renamed.transpose(*(axis for axis in AXES if axis in renamed.dims))


def calibrated_like(labels: xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """Return the labels with the image's calibration where they have none of their own.

    Warns
    -----
    DataWarning : when values are taken from the image, and when both are calibrated differently;
        then the labels' calibration stays.
    """
    ours, theirs = calibration(labels), calibration(image)
    here = labels.attrs.get("title") or "the labels"
    there = image.attrs.get("title") or "their image"
    known = units.is_calibrated(ours.unit)
    if not known and units.is_calibrated(theirs.unit):
        interval = theirs.frame_interval or ours.frame_interval
        taken = replace(theirs, frame_interval=interval)
    elif not ours.frame_interval and theirs.frame_interval:
        taken = replace(ours, frame_interval=theirs.frame_interval)
    else:
        taken = ours
    if taken != ours:
        words = f"not calibrated; {_described(taken)}"
        if known:
            words = f"has no frame interval; {taken.frame_interval:g} s"
        warn(f"{words} taken from {there}", path=here)
    if not same_calibration(taken, theirs):
        warn(
            f"{_described(taken)}, but {_described(theirs)} in {there}; the former is used",
            path=here,
        )
    return labels if taken == ours else with_data(labels, labels.data, **asdict(taken))


def same_calibration(ours: Calibration, theirs: Calibration) -> bool:
    """Return True if two calibrations agree but for rounding, or one of them is unknown.

    Sizes in two units of length are compared, such as 0.65 µm and 650 nm.
    """
    if units.is_calibrated(ours.unit) and units.is_calibrated(theirs.unit):
        scale = units.factor(theirs.unit, ours.unit)
        if scale is None:
            return False
        pairs = [
            (ours.pixel_width, theirs.pixel_width * scale),
            (ours.pixel_height, theirs.pixel_height * scale),
        ]
    else:
        pairs = []
    if ours.frame_interval and theirs.frame_interval:
        pairs.append((ours.frame_interval, theirs.frame_interval))
    return all(math.isclose(a, b, rel_tol=1e-3) for a, b in pairs)


def _stack(image: xr.DataArray) -> list[str]:
    return [axis for axis in "TZ" if image.sizes.get(axis, 1) > 1]


def _described(cal: Calibration) -> str:
    size = f"pixels of {cal.pixel_width:g} × {cal.pixel_height:g} {cal.unit}"
    return size + (f", frames of {cal.frame_interval:g} s" if cal.frame_interval else "")

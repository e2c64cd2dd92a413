"""Conversion of a label map to ROIs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.geometry import rings
from imagej_dl.images.labels.marks import BACKGROUND, IGNORED
from imagej_dl.rois.roi import LABEL_KEY, Roi

Ints = NDArray[np.int64]
_BATCH = 4_000_000  # pixels outlined at a time
_LARGE = 2**25  # pixels of a plane that is outlined in bands


def trace(
    labels: xr.DataArray | NDArray[Any] | str | os.PathLike[str],
    names: Mapping[int, str] | None = None,
    *,
    hyperstack: bool | None = None,
) -> list[Roi]:
    """Outline the labels of a label map as ROIs that enclose exactly their pixels.

    A label of one piece without holes becomes a traced ROI as ImageJ's wand makes it (pixels
    that touch at corners are one piece), any other a composite. Each plane has its own ROIs.
    The id is kept in the property "imagej-dl.label", which ImageJ preserves, so that
    :func:`label_map` restores the same label map, also with gaps between the ids.

    Parameters
    ----------
    labels : a label map with dims of T, Z, Y, X, its file, or a bare array YX, TYX or TZYX.
    names : name of each label; others are called "label-0012". ROIs of a stack get the suffix
        "-t003" or "-z003", which replaces that of an earlier round trip.
    hyperstack : whether ROIs get a hyperstack position (slice and frame) or one in a plain
        stack. By default the former only where the labels have both slices and frames, since
        ImageJ shows other stacks as plain ones.

    Returns
    -------
    rois : by plane (frames, then slices), then by label.

    Raises
    ------
    UserError : when it is no label map: channels, negative or broken numbers.
    """
    image = _as_image(labels)
    sizes = {str(axis): int(size) for axis, size in image.sizes.items()}
    frames, slices = sizes.get("T", 1), sizes.get("Z", 1)
    planes = np.asarray(images.as_labels(image.data)).reshape(-1, sizes["Y"], sizes["X"])
    both = frames > 1 and slices > 1
    plain = not (both if hyperstack is None else hyperstack)
    # what a table of an earlier round trip has behind the name
    ending = ("-t\\d{3,}" if frames > 1 else "") + ("-z\\d{3,}" if slices > 1 else "")
    former = re.compile(f"(?:{ending})+$")
    rois = []
    for plane, label, corners in _outlines(planes):
        t, z = divmod(plane, slices)
        base = former.sub("", (names or {}).get(label) or "") or f"label-{label:04}"
        name = (
            base + (f"-t{t + 1:03}" if frames > 1 else "") + (f"-z{z + 1:03}" if slices > 1 else "")
        )
        roi = _roi(corners, name, label)
        if plain and both:
            raise UserError("labels of slices and frames need hyperstack positions")
        if plain and len(planes) > 1:
            roi.position = plane + 1
        elif len(planes) > 1:
            roi.z, roi.t = (z + 1 if slices > 1 else 0), (t + 1 if frames > 1 else 0)
        rois.append(roi)
    return rois


def trace_marks(marks: xr.DataArray, *, hyperstack: bool | None = None) -> list[Roi]:
    """Outline marks as ROIs named ignore and background, which :func:`labelled` reads as marks.

    Parameters
    ----------
    marks : as :mod:`imagej_dl.images.labels.marks` has them.
    hyperstack : see :func:`trace`.
    """
    names = {IGNORED: "ignore", BACKGROUND: "background"}
    found = trace(marks, names, hyperstack=hyperstack)
    return [replace(roi, properties="") for roi in found]


def _as_image(labels: Any) -> xr.DataArray:
    labels = images.labels_of(labels)
    if "C" in labels.dims:
        if labels.sizes["C"] > 1:
            raise UserError("has channels, a label map has none")
        labels = labels.isel(C=0)
    return labels


def _roi(corners: list[Ints], name: str, label: int) -> Roi:
    """Return the ROI of a label's rings, each given by its corners."""
    properties = f"{LABEL_KEY}: {label}\n"
    if len(corners) == 1:
        return Roi("traced", name, points=corners[0].astype(np.int32), properties=properties)
    parts: list[NDArray[np.float32]] = []
    for ring in corners:
        segments = np.ones((len(ring), 3), np.float32)  # 1: line to
        segments[0, 0] = 0  # move to
        segments[:, 1:] = ring
        parts += [segments.ravel(), np.array([4], np.float32)]  # close
    return Roi("composite", name, path=np.concatenate(parts), properties=properties)


def _outlines(planes: NDArray[Any]) -> Iterator[tuple[int, int, list[Ints]]]:
    """Yield plane, label and its rings of corners (x, y), sorted by plane and label."""
    pixels = planes.shape[1] * planes.shape[2]
    if pixels > _LARGE:
        for plane, labels in enumerate(planes):
            of_label: dict[int, list[Ints]] = {}
            for low, part in _bands(labels):
                for _, label, ring in _rings(part[None]):
                    of_label.setdefault(label, []).append(ring + np.array((0, low)))
            for label in sorted(of_label):
                yield plane, label, of_label.pop(label)
        return
    step = max(_BATCH // max(pixels, 1), 1)
    for first in range(0, len(planes), step):
        outlined: dict[tuple[int, int], list[Ints]] = {}
        for plane, label, ring in _rings(planes[first : first + step]):
            outlined.setdefault((plane, label), []).append(ring)
        for plane, label in sorted(outlined):
            yield first + plane, label, outlined[plane, label]


def _rings(planes: NDArray[Any]) -> Iterator[tuple[int, int, Ints]]:
    """Yield plane, label and corners of each closed outline, in the order of first pixels."""
    found = rings.trace(np.pad(planes, ((0, 0), (1, 1), (1, 1))))
    for index, (plane, label) in enumerate(
        zip(found.plane.tolist(), found.label.tolist(), strict=True)
    ):
        yield plane, label, found.corners[index]


def _bands(labels: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Cut a large plane into bands of rows: where each begins, and the labels that begin there.

    A band has as many rows as the longest of its labels needs.
    """
    height, width = labels.shape
    rows = max(_BATCH // width, 1)
    starts = range(0, height, rows)
    last: dict[int, int] = {}  # of each label the band where it ends
    begin: list[list[int]] = []
    for number, low in enumerate(starts):
        present = np.unique(labels[low : low + rows]).tolist()
        images.memory_maps.forget(labels)
        begin.append([label for label in present if label and label not in last])
        last.update(dict.fromkeys(present, number))
    for number, low in enumerate(starts):
        if not (mine := begin[number]):
            continue
        end = low + rows * (1 + max(last[label] for label in mine) - number)
        part = np.array(labels[low:end])
        images.memory_maps.forget(labels)
        part[~np.isin(part, mine)] = 0
        yield low, part

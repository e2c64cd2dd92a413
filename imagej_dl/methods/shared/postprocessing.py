"""Post-processing of class probabilities: from a plane's probability maps to its instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage as ndi

from imagej_dl.images import as_labels, memory_maps
from imagej_dl.methods.shared.depth import depth
from imagej_dl.methods.shared.h_maxima_watershed import h_maxima_watershed
from imagej_dl.methods.shared.postprocessing_settings import Cleaning, Instances
from imagej_dl.methods.shared.windows import Place, inner_sides

_FORGOTTEN = 1000
"""Objects after which the memory of those in files is released."""


def instances(probabilities: NDArray, settings: Instances) -> NDArray:
    """Make a label map of a plane's probabilities.

    The region of all objects is eroded to their true outline: the border class lies on both
    sides of it. The centre of an object lies deep within the region (Euclidean distance transform)
    and has a high object probability. Peaks of `depth + object_weight · p_object` that rise
    `marker_height` above the passes to higher peaks are objects (h-maxima; Soille, Morphological
    Image Analysis, 2003, 6.3.4), split by a watershed. Unlike markers by a threshold this keeps
    small objects that are all border. Peaks
    that meet where p_object is high are one all the same, and what is hardly sure to be an object
    is none, where `joining` and `least_mean` say so.

    Parameters
    ----------
    probabilities : float (Y, X, classes), classes "object", "background, object", or these two and
        a border or contour. Two need not sum to 1: their ratio counts.
    settings : of the model; lengths in px.

    Returns
    -------
    label map (Y, X), ids 1…n in the order of the objects' first pixels, row by row; uint16, or
    uint32 above 65535 objects. Each object is 4-connected and, with `fill_holes`, has no holes.
    """
    return instances_with_dropped(probabilities, settings)[0]


Evidence = Callable[[NDArray], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Takes of outputs (Y, X, channels) the probability of being in any object, and what is highest in
their middles ("p_object" in the settings). Of each pixel by itself: rows of a plane may be given
one by one."""


def object_evidence(probabilities: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the probabilities of not being background, and of the object, both (Y, X)."""
    values = np.asarray(probabilities, np.float32)
    several = values.shape[-1] > 1
    objects = values[..., 1] if several else values[..., 0]
    anything = 1 - values[..., 0] if several else values[..., 0]
    if values.shape[-1] == 2:
        anything = objects = objects / np.maximum(values.sum(-1), np.float32(1e-12))
    return anything, objects


def certainty(anything: NDArray[np.float32], settings: Instances) -> NDArray[np.uint8]:
    """Return 0 outside the region of all objects, and in it their probability from 1 to 255."""
    level = np.rint(1 + 254 * np.clip(anything, 0, 1)).astype(np.uint8)
    level[~(anything > settings.region_threshold)] = 0
    return level


def instances_with_dropped(
    output: NDArray, settings: Instances, evidence: Evidence = object_evidence
) -> tuple[NDArray, int]:
    """Return the same label map, and how many objects below `minimum_area` are left out of it."""
    anything, objects = evidence(output)
    level = certainty(anything, settings)
    labels = split_objects(refined_region(level > 0, settings), objects, settings)
    return cleaned(labels, settings, certain(labels, level, settings))


def refined_region(region: NDArray[np.bool_], settings: Instances) -> NDArray[np.bool_]:
    """Return the region closed, and eroded to the objects' true outline.

    A pixel depends on those not farther than `2 · closing + region_erosion`.
    """
    if settings.closing:
        region = _closed(region, settings.closing)
    if settings.region_erosion:
        # What lies beyond the image's border is unknown: it takes nothing off.
        region = ndi.binary_erosion(region, iterations=settings.region_erosion, border_value=1)
    return region


def split_objects(
    region: NDArray[np.bool_],
    objects: NDArray[np.float32] | None,
    settings: Instances,
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray:
    """Return labels of the region's objects, with gaps; where given, only in its `wanted` pieces.

    `objects` may be left out where nothing is split.

    A piece that hangs together (by corners too) depends on what is not farther from it than
    `3 · (4 · smoothing + 1)` px.
    """
    where = region if wanted is None else wanted
    if not settings.split or objects is None:
        return ndi.label(where)[0]
    return _split(region, objects, settings, where)


def _split(region: NDArray, objects: NDArray, settings: Instances, where: NDArray) -> NDArray:
    surface, joined = surface_of(depth(region), objects, settings)
    return h_maxima_watershed(surface, where, settings.marker_height, joined)


def surface_of(
    deep: NDArray[np.float64], objects: NDArray[np.float32], settings: Instances
) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
    """Return the surface whose hills are objects, and where no two hills meet, if anywhere.

    `deep` is the region's :func:`depth`.
    """
    if settings.smoothing:
        deep = ndi.gaussian_filter(deep, settings.smoothing)
        objects = ndi.gaussian_filter(objects, settings.smoothing)
    joined = objects > settings.joining if settings.joining else None
    return deep + settings.object_weight * objects, joined


def certain(
    labels: NDArray, level: NDArray[np.uint8], settings: Instances
) -> NDArray[np.intp] | None:
    """Return the labels of objects that are as sure as `least_mean` asks; None for all.

    `level` is their :func:`certainty`.
    """
    if not settings.least_mean:
        return None
    at = np.nonzero(labels)
    ids = labels[at]
    pixels = np.bincount(ids)
    levels = np.bincount(ids, level[at])
    return np.flatnonzero((pixels > 0) & (levels >= pixels * (1 + 254 * settings.least_mean)))


def _closed(region: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Close gaps by a disc (Soille, chapter 4.1); what lies beyond the image closes none."""
    wide = np.pad(region, radius)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    closed = ndi.binary_closing(wide, x**2 + y**2 <= radius**2)
    return closed[radius:-radius, radius:-radius] | region


def cleaned(
    labels: NDArray, settings: Cleaning, among: NDArray | None = None
) -> tuple[NDArray, int]:
    """Return the label map of what :func:`cleaned_objects` gives, and how many were too small."""
    tidy = np.zeros(labels.shape, np.uint32)
    small: list[int] = []
    for number, one in enumerate(cleaned_objects(labels, settings, among, small=small), 1):
        tidy[one.box][one.inside] = number
    return as_labels(tidy), len(small)


def cleaned_one_by_one(
    labels: NDArray,
    objects: Iterable[tuple[int, Place]],
    settings: Cleaning,
    make: Callable[[tuple[int, ...], DTypeLike], NDArray],
) -> tuple[NDArray, int]:
    """Return the same of a label map that may lie in a file, which is not looked through.

    Parameters
    ----------
    objects : the labels and their boxes, in the order in which they are to be numbered.
    make : makes arrays of zeros.
    """
    shape = (labels.shape[0], labels.shape[1])
    tidy, number = make(shape, np.uint32), 0
    small: list[int] = []
    for done, (label, box) in enumerate(objects):
        part = np.asarray(labels[box])
        # 1 is the object; what else there is fills no hole.
        alone = np.where(part == label, 1, 2 * (part > 0))
        inner = inner_sides(box, shape)
        for one in cleaned_objects(alone, settings, np.ones(1), inner, small):
            number += 1
            tidy[box][one.box][one.inside] = number
        if done % _FORGOTTEN == 0:
            memory_maps.forget(labels)
            memory_maps.forget(tidy)
    if number > np.iinfo(np.uint16).max:
        return tidy, len(small)
    narrow = make(shape, np.uint16)
    for place, rows in memory_maps.pieces(tidy):
        narrow[place] = rows
        memory_maps.forget(narrow)
    return narrow, len(small)


@dataclass(frozen=True)
class CleanedObject:
    """An object: the place of its label's first pixel (flat), its box and its pixels in that."""

    first: int
    box: tuple[slice, slice]
    inside: NDArray[np.bool_]


def cleaned_objects(
    labels: NDArray,
    settings: Cleaning,
    among: NDArray | None = None,
    inner: tuple[bool, bool, bool, bool] = (False, False, False, False),
    small: list[int] | None = None,
) -> Iterator[CleanedObject]:
    """Fill holes, drop small objects and those at the edge; give the rest, by their first pixels.

    `among` names the labels that are looked at, all by default. `inner` says which sides (top,
    bottom, left, right) are no edge of the image. `small` takes the areas of those that are
    dropped as too small, in px.
    """
    boxes = ndi.find_objects(labels)
    ids, first = first_pixels(labels)
    if among is not None:
        looked_at = np.isin(ids, among)
        ids, first = ids[looked_at], first[looked_at]
    order = np.argsort(first)
    for label, begin in zip(ids[order].tolist(), first[order].tolist(), strict=True):
        if label == 0:
            continue
        box = boxes[label - 1]
        part = labels[box]
        filled = part == label
        if not filled.all():
            # Pieces that touch by a corner only have two outlines: the largest is the object.
            pieces, number = ndi.label(filled)
            if number > 1:
                filled = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
            if settings.fill_holes and _has_holes(filled):
                # A hole that is another object stays that object.
                filled = ndi.binary_fill_holes(filled) & (filled | (part == 0))
        if settings.drop_edge and _at_edge(filled, box, labels.shape, inner):
            continue
        area = int(np.count_nonzero(filled))
        if area >= settings.minimum_area:
            yield CleanedObject(begin, box, filled)
        elif small is not None:
            small.append(area)


def first_pixels(labels: NDArray) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the ids of the objects, and the place of the first pixel of each (flat)."""
    flat = labels.ravel()
    inside = np.flatnonzero(flat)[::-1]
    first = np.full(int(flat.max(initial=0)) + 1, -1, np.intp)
    first[flat[inside]] = inside  # of pixels with the same id the last that is written: the first
    ids = np.flatnonzero(first >= 0)
    return ids, first[ids]


def _has_holes(inside: NDArray[np.bool_]) -> bool:
    around = np.pad(~inside, 1, constant_values=True)
    return bool(ndi.label(around)[1] > 1)


def _at_edge(
    inside: NDArray[np.bool_],
    box: tuple[slice, slice],
    shape: tuple[int, ...],
    inner: tuple[bool, bool, bool, bool],
) -> bool:
    """Return whether an object, given in its box, has a pixel in the image's outer rows."""
    rows, columns = box
    top, bottom, left, right = inner
    return bool(
        (rows.start == 0 and not top and inside[0].any())
        or (columns.start == 0 and not left and inside[:, 0].any())
        or (rows.stop == shape[0] and not bottom and inside[-1].any())
        or (columns.stop == shape[1] and not right and inside[:, -1].any())
    )

"""From the probabilities of a plane to its objects, one id each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl.images import as_labels
from imagej_dl.models import Instances
from imagej_dl.prediction.hills import hills


def instances(probabilities: NDArray, settings: Instances) -> NDArray:
    """Make a label map of a plane's probabilities.

    The region of all objects is eroded to their true outline: the border class lies on both
    sides of it. What the objects' middles are is seen from two sides: deep within the region
    (Euclidean distance transform) and sure to be object and not border. Hills of
    `depth + object_weight · p_object` that rise `marker_height` above the passes to higher hills
    are objects (h-maxima; Soille, Morphological Image Analysis, 2003, 6.3.4), parted by a
    watershed. Unlike markers by a threshold this finds small objects that are all border.

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
    values = np.asarray(probabilities, np.float32)
    several = values.shape[-1] > 1
    objects = values[..., 1] if several else values[..., 0]
    anything = 1 - values[..., 0] if several else values[..., 0]
    if values.shape[-1] == 2:
        anything = objects = objects / np.maximum(values.sum(-1), np.float32(1e-12))
    region = anything > settings.region_threshold
    if settings.closing:
        region = _closed(region, settings.closing)
    if settings.region_erosion:
        # What lies beyond the image's border is unknown: it takes nothing off.
        region = ndi.binary_erosion(region, iterations=settings.region_erosion, border_value=1)
    labels = _split(region, objects, settings) if settings.split else ndi.label(region)[0]
    return as_labels(_tidy(labels, settings))


def _split(region: NDArray, objects: NDArray, settings: Instances) -> NDArray:
    # With no background anywhere there is no depth: distance_transform_edt would invent one.
    depth = np.zeros(region.shape) if region.all() else ndi.distance_transform_edt(region)
    if settings.smoothing:
        depth = ndi.gaussian_filter(depth, settings.smoothing)
        objects = ndi.gaussian_filter(objects, settings.smoothing)
    return hills(depth + settings.object_weight * objects, region, settings.marker_height)


def _closed(region: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Close gaps by a disc (Soille, chapter 4.1); what lies beyond the image closes none."""
    wide = np.pad(region, radius)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    closed = ndi.binary_closing(wide, x**2 + y**2 <= radius**2)
    return closed[radius:-radius, radius:-radius] | region


def _tidy(labels: NDArray, settings: Instances) -> NDArray:
    """Fill holes, drop small objects and those at the edge, number the rest in the order of their
    first pixels.
    """
    tidy = np.zeros(labels.shape, np.uint32)
    kept = 0
    boxes = ndi.find_objects(labels)
    ids, first = np.unique(labels, return_index=True)
    for label in (ids[np.argsort(first)]).tolist():
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
            if settings.fill_holes:
                # A hole that is another object stays that object.
                filled = ndi.binary_fill_holes(filled) & (filled | (part == 0))
        if settings.drop_edge and _at_edge(filled, box, labels.shape):
            continue
        if np.count_nonzero(filled) >= settings.minimum_area:
            kept += 1
            tidy[box][filled] = kept
    return tidy


def _at_edge(inside: NDArray[np.bool_], box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Say whether an object, given in its box, has a pixel in the image's outermost rows."""
    rows, columns = box
    return bool(
        (rows.start == 0 and inside[0].any())
        or (columns.start == 0 and inside[:, 0].any())
        or (rows.stop == shape[0] and inside[-1].any())
        or (columns.stop == shape[1] and inside[:, -1].any())
    )

"""Points that an engine found as ImageJ's point ROIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.rois import Roi

if TYPE_CHECKING:
    from imagej_dl.prediction.predict import Prediction


def rois(found: Prediction, hyperstack: bool = False) -> list[Roi]:
    """Return a point ROI for each point, with its subpixel place and its position on the stack."""
    made = []
    for index, points in zip(places(found), found.points or (), strict=True):
        axes = [axis for axis in "TZ" if axis in found.labels.dims]
        where = {axis: place + 1 for axis, place in zip(axes, index, strict=True)}
        for number, point in enumerate(np.asarray(points, np.float32), 1):
            name = "-".join(f"{place:04d}" for place in (*where.values(), number))
            roi = Roi("point", name, points=point[None], subpixel=True)
            if len(where) > 1 or hyperstack:
                roi.t, roi.z = where.get("T", 0), where.get("Z", 0)
            else:
                roi.position = next(iter(where.values()), 0)
            made.append(roi)
    return made


def places(found: Prediction) -> list[tuple[int, ...]]:
    """Return the index of each plane over T and Z, as far as the label map has them."""
    shape = [found.labels.sizes[axis] for axis in "TZ" if axis in found.labels.dims]
    return list(np.ndindex(*shape))

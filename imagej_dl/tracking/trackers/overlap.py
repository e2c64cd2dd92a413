"""TrackMate's overlap tracker without Java: intersection over union of contours or boxes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from imagej_dl.errors import warn
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers.base import (
    EMBEDDED,
    TRACKMATE,
    Detected,
    Setting,
    SettingsMap,
    Tracker,
)

if TYPE_CHECKING:
    import pandas as pd

_CORNERS = 32  # of the circle that stands for a spot without a contour


class OverlapSettings(SettingsMap):
    """TrackMate's overlap tracker: intersection over union of contours."""

    scale_factor: Annotated[float, Setting(search=(0.8, 2.0))] = Field(
        1.0, gt=0, le=1e6, description="Factor by which contours are enlarged first."
    )
    min_iou: Annotated[float, Setting(search=(0.01, 0.6))] = Field(
        0.3, ge=0, le=1, description="Intersection over union that a link must exceed."
    )
    iou_calculation: Literal["FAST", "PRECISE"] = Field(
        "PRECISE", description="PRECISE: of the contours; FAST: of their bounding boxes."
    )


class Overlap(Tracker):
    """TrackMate's overlap tracker."""

    key = "OVERLAP_TRACKER"
    label = "overlap tracker"
    settings_model: ClassVar[type[SettingsMap]] = OverlapSettings
    engines = (EMBEDDED, TRACKMATE)
    needs = ("spots", "contours")

    def link(self, detected: Detected, settings: OverlapSettings, progress: Progress) -> Links:
        return link(detected.spots, detected.contours, settings, progress)


TRACKERS = (Overlap(),)


def link(
    spots: pd.DataFrame,
    contours: list[np.ndarray],
    settings: OverlapSettings,
    progress: Progress = silent,
) -> Links:
    """Link spots by TrackMate's overlap tracker.

    Each spot is linked to that of the frame before (of the last one with spots) whose contour
    overlaps it most, if by more than the least ratio. A spot may so have several successors.

    Parameters
    ----------
    spots, contours : those of :func:`imagej_dl.tracking.spots.find`; circles where there are
        no contours.

    Returns
    -------
    links : row numbers; the costs are 1 − intersection over union.

    Warns
    -----
    DataWarning : when the movie's first frame is empty; TrackMate then links none.
    """
    frames = spots["frame"].to_numpy()
    if not len(frames):
        return Links.none()
    if frames[0] > 0:
        warn(
            "TrackMate's overlap tracker links nothing in a movie whose first frame has no"
            " spots; leave that frame out, or use another tracker"
        )
        return Links.none()
    shapes, areas = _shapes(spots, contours, settings)
    filled = np.unique(frames)
    links_by_frame = []
    for before, after in pairwise(filled):
        sources = np.arange(*np.searchsorted(frames, [before, before + 1]))
        targets = np.arange(*np.searchsorted(frames, [after, after + 1]))
        links_by_frame.append(_best(shapes, areas, sources, targets, settings.min_iou))
        progress("linking", int(after), int(filled[-1]))
    return Links.join(links_by_frame)


def _best(
    shapes: np.ndarray, areas: np.ndarray, sources: np.ndarray, targets: np.ndarray, least: float
) -> Links:
    """Link each target to the source that it overlaps most."""
    import shapely

    near = shapely.STRtree(shapes[sources]).query(shapes[targets])
    target, source = targets[near[0]], sources[near[1]]
    common = shapely.area(shapely.intersection(shapes[target], shapes[source]))
    ratio = common / (areas[source] + areas[target] - common)
    enough = (common > 0) & (ratio > least)
    target, source, ratio = target[enough], source[enough], ratio[enough]
    order = np.lexsort((source, -ratio, target))
    first = order[np.unique(target[order], return_index=True)[1]]
    return Links(source[first], target[first], 1.0 - ratio[first])


def _shapes(
    spots: pd.DataFrame, contours: list[np.ndarray], settings: OverlapSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the polygons or boxes of the spots, scaled around the spots, and their areas."""
    import shapely

    centre = spots[["x", "y"]].to_numpy(float)
    corners = contours or [np.zeros((0, 2))] * len(spots)
    turn = 2 * np.pi * np.arange(_CORNERS) / _CORNERS
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    radii = spots["radius"].to_numpy(float)
    if settings.iou_calculation == "FAST":
        boxes = np.array(
            [
                (*c.min(axis=0), *c.max(axis=0)) if len(c) else (-r, -r, r, r)
                for c, r in zip(corners, radii, strict=True)
            ]
        )
        low = centre + boxes[:, :2] * settings.scale_factor
        high = centre + boxes[:, 2:] * settings.scale_factor
        return shapely.box(*low.T, *high.T), np.prod(high - low, axis=1)
    corners = [c if len(c) else circle * r for c, r in zip(corners, radii, strict=True)]
    sizes = np.array([len(c) for c in corners])
    owner = np.repeat(np.arange(len(corners)), sizes)
    points = np.concatenate(corners) * settings.scale_factor + centre[owner]
    made: Any = shapely.polygons(shapely.linearrings(points, indices=owner))
    # A contour that crosses itself: its area is that of the formula, what it covers is made valid.
    first = np.cumsum(sizes) - sizes
    following = np.arange(1, len(points) + 1)
    following[first + sizes - 1] = first
    relative = points - centre[owner]
    cross = relative[:, 0] * relative[following, 1] - relative[following, 0] * relative[:, 1]
    areas = np.abs(np.add.reduceat(cross, first)) / 2
    wrong = ~shapely.is_valid(made)
    made[wrong] = shapely.make_valid(made[wrong])
    return made, areas

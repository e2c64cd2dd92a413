"""Detect the spots of a label movie, equal to those of TrackMate's label image detector.

TrackMate 8's `LabelImageDetector` with simplified contours: one spot for each connected piece of
a label, at the centroid of its simplified contour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import warn
from imagej_dl.geometry import contours as outlines
from imagej_dl.geometry import simplify
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import spot_features
from imagej_dl.tracking.label_movie import LabelMovie, check

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

# Frames traced together: enough to use NumPy well, little enough to need little memory.
_PIXELS_AT_ONCE = 2**23


def find(
    labels: xr.DataArray | LabelMovie,
    image: xr.DataArray | None = None,
    progress: Progress = silent,
    simple: bool = True,
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Find the spots of a label movie.

    Parameters
    ----------
    labels : label movie, TYX (or one frame, YX), with its calibration.
    image : movie to measure intensities in; T, Y, X as the labels and any channels.
    simple : simplify the contours, as TrackMate's SIMPLIFY_CONTOURS does; else they follow the
        pixels' edges.

    Returns
    -------
    spots : one row a spot, ordered by frame, y, x. `id` (row number), `frame`, `label`,
        `pixel` (flat index of one of the object's pixels in its frame); `x`, `y`,
        `z`, `radius` and the shape features in the image's unit; `t` in seconds (frames if the
        interval is unknown); `quality` in pixels; with an image `mean_intensity_ch1`, ….
    contours : for each spot the (N, 2) corners x, y relative to its centre, in the image's unit.
    """
    import pandas as pd

    movie = LabelMovie.of(labels)
    frames, cal = movie.frames, movie.calibration
    scale = np.array([cal.pixel_width, cal.pixel_height])
    at_once = max(1, _PIXELS_AT_ONCE // max(1, frames[0].size))
    tables, polygons, lost = [], [], 0
    for first in range(0, len(frames), at_once):
        part = frames[first : first + at_once]
        traced, frame, pixel = outlines.trace(outlines.components(part))
        whole, quality = simplify.simplify(traced) if simple else simplify.as_traced(traced)
        kept = quality > 0
        lost += int(np.count_nonzero(~kept))
        polygons.append(whole.keep(kept))
        pixel = pixel[kept]
        label = part.reshape(-1)[pixel]
        tables.append((frame[kept] + first, label, pixel % part[0].size, quality[kept]))
        progress("spots", min(first + at_once, len(frames)), len(frames))
    if lost:
        warn(f"{lost} objects are too small for a contour and become no spots, as in TrackMate")
    frame, label, pixel, quality = (np.concatenate(column) for column in zip(*tables, strict=True))
    sizes = np.concatenate([p.sizes for p in polygons])
    pixels = outlines.Polygons(
        np.concatenate([p.points for p in polygons]) - 0.5, np.concatenate([[0], np.cumsum(sizes)])
    )
    if not len(pixels):
        return pd.DataFrame({name: [] for name in _COLUMNS}).astype(_TYPES), []
    centre, area = spot_features.centroids(outlines.Polygons(pixels.points * scale, pixels.offsets))
    relative = pixels.points * scale - centre[pixels.owners]
    contours = outlines.Polygons(relative, pixels.offsets)
    interval = cal.frame_interval or 1.0
    table = {
        "frame": frame,
        "label": label,
        "pixel": pixel,
        "x": centre[:, 0],
        "y": centre[:, 1],
        "z": np.zeros(len(frame)),
        "t": frame * interval,
        "radius": np.sqrt(area / np.pi),
        "quality": quality.astype(float),
        **spot_features.features(contours, area),
        **_measured(contours, centre, scale, frame, movie, image),
    }
    order = np.lexsort((table["x"], table["y"], frame))
    spots = pd.DataFrame(table).iloc[order].reset_index(drop=True)
    spots.insert(0, "id", np.arange(len(spots)))
    return spots.astype(_TYPES), [contours[i] for i in order]


def rows_of(
    spots: pd.DataFrame, contours: list[np.ndarray], kept: np.ndarray
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Return some of the spots, by a mask over the table, and their contours."""
    if kept.all():
        return spots, contours
    rows = np.flatnonzero(kept)
    return spots.iloc[rows].reset_index(drop=True), [contours[row] for row in rows]


def _measured(
    contours: outlines.Polygons,
    centre: np.ndarray,
    scale: np.ndarray,
    frame: np.ndarray,
    movie: LabelMovie,
    image: xr.DataArray | None,
) -> dict[str, np.ndarray]:
    if image is None:
        return {}
    check(image, movie.data)
    fitting = image.isel(Z=0) if "Z" in image.dims else image
    for axis in ("T", "C"):
        if axis not in fitting.dims:
            fitting = fitting.expand_dims(axis)
    # Back from the unit to pixels, as TrackMate does it.
    around = centre[contours.owners]
    polygons, outer = (
        outlines.Polygons((around + shape.points) / scale, shape.offsets)
        for shape in (contours, spot_features.doubled(contours))
    )
    measured: dict[str, np.ndarray] = {}
    for channel in range(fitting.sizes["C"]):
        plane = np.asarray(fitting.transpose("C", "T", "Y", "X")[channel])
        values = spot_features.intensities(polygons, outer, frame, plane)
        measured |= {f"{name}_ch{channel + 1}": value for name, value in values.items()}
    return measured


_TYPES = dict.fromkeys(("id", "frame", "label", "pixel"), np.int64)
_SHAPES = (
    "area",
    "perimeter",
    "circularity",
    "solidity",
    "shape_index",
    "ellipse_x0",
    "ellipse_y0",
    "ellipse_major",
    "ellipse_minor",
    "ellipse_theta",
    "ellipse_aspectratio",
)
_COLUMNS = ("id", "frame", "label", "pixel", "x", "y", "z", "t", "radius", "quality", *_SHAPES)

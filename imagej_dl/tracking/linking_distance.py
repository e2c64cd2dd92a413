"""Maximal linking distances where no settings are named: by the size and motion of the objects.

TrackMate's 15 suits cells in micrometres, but no image in inches, centimetres, nanometres or
pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl import images
from imagej_dl.errors import warn
from imagej_dl.images import units
from imagej_dl.tracking import features
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.trackers.base import IMAGE_UNIT

if TYPE_CHECKING:
    import xarray as xr

RADII, STEPS = 3.0, 2.0
"""Maximal distance in units of the median radius, and of the median step, of the objects.

Three radii were better than 15 µm on six of six sequences of cells. Steps are for objects that are
small beside their motion.
"""
SHARE = 1 / 3
"""Share of the longer side of the image; longer links are no links of objects."""
PAIRS = 25
"""Pairs of frames that are measured; evenly chosen, so many are enough."""
_LENGTHS = ("LENGTH", "POSITION", "AREA", "VELOCITY")  # dimensions of features


@dataclass(frozen=True)
class Reach:
    """A maximal linking distance.

    distance : in the image's `unit`.
    words : how it was measured.
    """

    distance: float
    unit: str
    words: str

    def __str__(self) -> str:
        unit = "px" if self.unit == "pixel" else self.unit
        return f"{self.distance:.3g} {unit}, {self.words}"


def measured(labels: xr.DataArray) -> Reach | None:
    """Measure a label movie (T, Y, X); None without an object.

    The distance is three times the objects' median radius, or twice the median step from an
    object to the nearest one of the next frame (where that has it as its nearest, too) if that is
    more; but no more than a third of the image's longer side.
    """
    cal = images.calibration(labels)
    size = np.array([cal.pixel_height, cal.pixel_width])
    frames = labels.sizes["T"]
    starts = np.unique(np.linspace(0, max(frames - 2, 0), min(frames, PAIRS)).astype(int))
    radii: list[np.ndarray] = []
    moves: list[np.ndarray] = []
    for start in starts:
        before, areas = _objects(np.asarray(labels[start]), size)
        radii.append(np.sqrt(areas / np.pi))
        if start + 1 < frames:
            after, areas = _objects(np.asarray(labels[start + 1]), size)
            radii.append(np.sqrt(areas / np.pi))
            moves.append(steps(before, after))
    sizes = np.concatenate(radii)
    if not sizes.size:
        return None
    radius = float(np.median(sizes))
    moved = np.concatenate(moves) if moves else np.zeros(0)
    step = float(np.median(moved)) if moved.size else 0.0
    most = SHARE * float((np.array(labels.shape[1:]) * size).max())
    unit = "px" if cal.unit == "pixel" else cal.unit
    distance, words = (
        RADII * radius,
        f"three times the objects' median radius ({radius:.3g} {unit})",
    )
    if STEPS * step > distance:
        distance, words = STEPS * step, f"twice their median step ({step:.3g} {unit})"
    if distance > most:
        distance, words = most, "a third of the image"
    return Reach(distance, cal.unit, words)


def fitted(settings: TrackerSettings, reach: Reach | None) -> TrackerSettings:
    """Return settings with the measured distance for each distance: two thirds for divisions.

    With all of it false divisions are more than twice as many, and true ones no more. The share is
    declared with each setting (:class:`imagej_dl.tracking.trackers.base.Setting`).
    """
    model = type(settings.settings)
    declared = model.declared().items()
    shares = {key: setting.distance for key, setting in declared if setting.distance}
    if reach is None or not shares:
        return settings
    distances = {key: share * reach.distance for key, share in shares.items()}
    values = {**settings.settings.to_map(), **distances}
    return settings.model_copy(update={"settings": model.model_validate(values)})


def warn_of(settings: TrackerSettings, labels: xr.DataArray) -> None:
    """Warn of distances below a pixel, or above a third of the image; infinity is meant so.

    And of lengths in another unit than the labels'.
    """
    values = settings.settings.to_map()
    cal = images.calibration(labels)
    if settings.unit and units.plain(settings.unit) != units.plain(cal.unit) and _lengths(settings):
        warn(
            f"the settings are in {settings.unit}, the labels in {cal.unit}: lengths such as "
            f"distances are taken as {cal.unit}",
            remedy=f'Convert them in a settings file, which then has "unit": "{cal.unit}"; or set '
            "the pixel size of the labels in ImageJ's Image > Properties.",
        )
    sides = np.array([cal.pixel_height, cal.pixel_width])
    most = SHARE * float((np.array(labels.shape[-2:]) * sides).max())
    unit = "px" if cal.unit == "pixel" else cal.unit
    wrong = []
    for key, setting in type(settings.settings).declared().items():
        if not setting.distance or values.get(setting.only_with, True) is False:
            continue
        value = float(values[key])  # infinity is written as a word
        if not math.isfinite(value):
            continue
        if value < sides.min():
            wrong.append(f"{key} {value:g} {unit} is less than a pixel ({sides.min():.3g} {unit})")
        elif value > most:
            wrong.append(
                f"{key} {value:g} {unit} is more than a third of the image ({most:.3g} {unit})"
            )
    if wrong:
        reach = measured(labels)
        own = (
            f"; from the objects' size and motion it would be {reach}" if reach is not None else ""
        )
        warn("; ".join(wrong) + own)


def _lengths(settings: TrackerSettings) -> bool:
    """Return True if settings or filters have lengths, whose unit is the movie's."""
    declared = type(settings.settings).declared().values()
    filters = (*settings.spot_filters, *settings.edge_filters, *settings.track_filters)
    known = features.SPOT | features.SHAPE | features.EDGE | features.TRACK
    lengths = {key for key, words in known.items() if words[2] in _LENGTHS}
    return any(setting.unit.startswith(IMAGE_UNIT) for setting in declared) or any(
        one.feature in lengths for one in filters
    )


def _objects(frame: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres (y, x) and areas of a frame's objects, in the image's unit."""
    y, x = np.nonzero(frame)
    if not y.size:
        return np.zeros((0, 2)), np.zeros(0)
    _, index, count = np.unique(frame[y, x], return_inverse=True, return_counts=True)
    centres = np.stack([np.bincount(index, of) / count for of in (y, x)], axis=1) * size
    return centres, count * size.prod()


def steps(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the distances of objects in two frames that are each other's nearest."""
    from scipy.spatial import cKDTree

    if not len(before) or not len(after):
        return np.zeros(0)
    distance, to = cKDTree(after).query(before)
    _, back = cKDTree(before).query(after)
    return distance[back[to] == np.arange(len(before))]

"""Images through an engine, plane by plane: label maps, points or images come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.engines.base import Engine
from imagej_dl.errors import UserError, warn
from imagej_dl.foreign.session import Session
from imagej_dl.images import display
from imagej_dl.images.checks import non_finite
from imagej_dl.prediction import Prediction
from imagej_dl.progress import Progress, silent
from imagej_dl.training.example_files import places_of


@dataclass(frozen=True)
class Job:
    """An engine at work.

    engine, session : the engine and its running program; model : as :meth:`Engine.model` returns
    it; settings : checked.
    """

    engine: Engine
    session: Session
    model: str
    settings: dict[str, Any]


def load(job: Job, progress: Progress = silent) -> None:
    """Start the engine's program and have it open the model, before the first image.

    Raises
    ------
    UserError : where it does not start, has another version, or cannot open the model.
    """
    job.session.ask("load", {}, {"model": job.model, "settings": job.settings}, progress)


def segment(
    job: Job, image: xr.DataArray, progress: Progress = silent
) -> Prediction | xr.DataArray:
    """Segment an image or a movie; each plane on its own, or each volume if the engine takes those.

    Parameters
    ----------
    image : Y, X and any of T, Z, C.
    progress : the stage "predict", in planes; it may raise Cancelled.

    Returns
    -------
    a :class:`Prediction` with the engine's own ids, or its points; of engines that give images the
    image, in the dims of the given one without C.

    Raises
    ------
    UserError : for channels that the engine does not take, planes where it takes volumes, NaN or
        infinite pixels, what the engine refuses, and a result that does not fit the image.
    """
    channels = image.sizes.get("C", 1)
    if job.engine.channels is not None and channels > job.engine.channels:
        raise UserError(
            f"has {channels} channels, {job.engine.label} takes {job.engine.channels}",
            path=image.attrs.get("title") or None,
            remedy="Take the channel to segment, in ImageJ with Image > Duplicate.",
        )
    flat = image.sizes.get("Z", 1) == 1
    volumes = job.engine.volumes and not (flat and job.engine.planes)
    if volumes and flat:
        raise UserError(
            f"has one slice, and {job.engine.label} takes volumes",
            path=image.attrs.get("title") or None,
            remedy="Name the stack; `--axes ZYX` says that its planes are slices.",
        )
    found: list[NDArray[Any]] = []
    places = places_of(image.isel(Z=0) if volumes else image)
    total = max(len(places), 1)
    for done, place in enumerate(places):
        progress("predict", done, total)
        plane = _plane(image, place)

        def within(stage: str, part: int, of: int, done: int = done) -> None:
            if total == 1:
                progress(stage, part, of)
            else:
                progress("predict", done, total)

        values = {"model": job.model, "settings": job.settings}
        arrays, _ = job.session.ask("segment", {"image": plane}, values, within)
        found.append(_checked(job.engine, arrays, plane.shape[: 3 if volumes else 2]))
    progress("predict", total, total)
    if not found:
        raise UserError("has no pixels", path=image.attrs.get("title") or None)
    dims = [axis for axis in "TZYX" if axis in image.dims]
    whole = tuple(image.sizes[axis] for axis in dims)
    if job.engine.gives == "image":
        return display.like(images.with_data(image, np.stack(found).reshape(whole), dims), image)
    if job.engine.gives == "labels":
        labels = _small(np.stack(found)).reshape(whole)
        return Prediction(images.with_data(image, labels, dims), number=sum(map(_count, found)))
    marked = [_marked(points, whole[-2:]) for points in found]
    if hidden := sum(len(points) for points in found) - sum(map(_count, marked)):
        warn(
            f"{hidden} points share a pixel with another one, and are only in the ROIs and the "
            "TrackMate file, not in the label map",
            path=image.attrs.get("title") or None,
        )
    return Prediction(
        images.with_data(image, _small(np.stack(marked)).reshape(whole), dims),
        number=sum(len(points) for points in found),
        points=tuple(found),
    )


def _plane(image: xr.DataArray, place: dict[str, int]) -> NDArray[Any]:
    """Return a plane (Y, X), or a volume (Z, Y, X), of several channels with C as the last axis; in
    the computer's byte order."""
    plane = image.isel(place)
    if plane.sizes.get("C") == 1:
        plane = plane.isel(C=0)
    flat = np.ascontiguousarray(plane.transpose(*(a for a in "ZYXC" if a in plane.dims)).data)
    title = str(image.attrs.get("title") or "image")
    if "Z" in plane.dims:
        for number, part in enumerate(flat):
            non_finite.check(part, title, {**place, "Z": number})
    else:
        non_finite.check(flat, title, place)
    return flat.astype(flat.dtype.newbyteorder("="), copy=False)


def _checked(
    engine: Engine, arrays: dict[str, NDArray[Any]], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Return the one array that an engine must give for a plane, if it is sound."""
    array = arrays.get(engine.gives)
    problem = ""
    if array is None:
        problem = f"no {engine.gives}"
    elif engine.gives == "points":
        if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
            problem = f"points of the shape {array.shape}, or none that are finite"
    elif array.shape != shape:
        problem = f"{engine.gives} of the shape {array.shape} for a plane of {shape}"
    elif engine.gives == "labels" and (array.dtype.kind not in "iu" or array.min(initial=0) < 0):
        problem = f"labels of the type {array.dtype}, or below 0"
    if problem:
        raise UserError(f"{engine.label} gave {problem}")
    assert array is not None
    return array


def _small(labels: NDArray[Any]) -> NDArray[Any]:
    """Return label maps as uint16, or as uint32 where ids need it."""
    largest = int(labels.max(initial=0))
    if largest >= 2**32:
        raise UserError(f"there is an id of {largest}, above the 32 bits of a label map")
    return labels.astype(np.uint16 if largest < 2**16 else np.uint32)


def _marked(points: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return a label map in which each point has its pixel, with its row number + 1."""
    labels = np.zeros(shape, np.uint32)
    columns, rows = np.clip(np.rint(points).astype(int), 0, [shape[1] - 1, shape[0] - 1]).T
    # Backwards, so that of two points in a pixel the first one has it.
    labels[rows[::-1], columns[::-1]] = np.arange(len(points), 0, -1)
    return labels


def _count(labels: NDArray[Any]) -> int:
    ids = np.unique(labels)
    return len(ids) - int(0 in ids[:1])

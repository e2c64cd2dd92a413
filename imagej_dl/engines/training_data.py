"""The planes that an engine is trained on, with their label maps, divided as ours are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.engines.base import LearnsFrom
from imagej_dl.errors import UserError, warn
from imagej_dl.images import grey_rgb
from imagej_dl.images.labels import marks
from imagej_dl.progress import Progress
from imagej_dl.training import example_files, known
from imagej_dl.training.data_sources import Given, as_given
from imagej_dl.training.patches import Example
from imagej_dl.training.split import Split, split

UNKNOWN = -1
"""The label of pixels whose ground truth is unknown."""


def read(
    source: Path | Given,
    validation: float,
    seed: int,
    progress: Progress,
    known: dict[str, list[str]] | None = None,
    learns_from: LearnsFrom = "labels",
    side: int | None = None,
) -> Split:
    """Read images with their label maps or ROIs, as our own training does, and divide them.

    The planes keep the intensities of their files: (Y, X), or (Y, X, C) of several channels. Planes
    of a stack without any label are left out.

    Parameters
    ----------
    source : a folder, or images that are divided already.
    validation : share of the planes that validates.
    seed, known : of the division.
    learns_from : with "itself" the images alone are read, and all of their pixels are labelled 1.
    side : of the patches in px that are learnt from; with "itself" only.

    Raises
    ------
    UserError : for label maps that do not fit, images with different channels, and no objects.
    """
    given = as_given(source, learns_from)
    parts = [given.train, given.validation]
    pairs = [pair for part in parts for pair in part]
    channels = example_files.channels_of(image for image, _ in pairs)
    read_parts, done = [], 0
    for part in parts:
        names = example_files.short_names([image for image, _ in part])
        sources = []
        for name, (image, truth) in zip(names, part, strict=True):
            progress("reading", done, len(pairs))
            labelled = truth if learns_from == "labels" else None
            sources.append(_planes(name, image, labelled, channels))
            done += 1
        read_parts.append(sources)
    progress("reading", len(pairs), len(pairs))
    first, held = read_parts
    planes = [example for source in first for example in source]
    if not any(example.labels.any() for example in planes):
        raise UserError(
            "none of the label maps contains an object",
            remedy="Draw ROIs, or check that the label maps belong to the images.",
        )
    sizes = {example.image.shape[2:] for example in planes}
    if len(sizes) > 1:
        raise UserError("the images have different numbers of channels")
    if held:
        flat = [example for source in held for example in source]
        return Split(planes, flat, [], "folders", seed, known)
    return split(first, validation, 0.0, seed, known, side)


def truth_of(example: Example, ignores: bool) -> NDArray[np.int32]:
    """Return the label map of a plane as int32, with :data:`UNKNOWN` if the engine ignores it."""
    if example.labels.max(initial=0) >= 2**31:
        raise UserError("has ids above 31 bits, which engines do not take", path=example.name)
    labels = example.labels.astype(np.int32)
    if ignores and example.known is not None:
        labels[~example.known & (labels == 0)] = UNKNOWN
    return labels


def warn_of_unknown(examples: list[Example], label: str) -> None:
    """Warn where an engine takes what is unknown for background."""
    names = [example.name for example in examples if example.known is not None]
    if names:
        warn(
            f"{label} cannot leave out what is unknown: in {len(names)} planes ({names[0]}, …) it "
            "is trained as background"
        )


def _planes(name: str, image: object, truth: object | None, channels: int) -> list[Example]:
    opened = images.image_of(image)  # type: ignore[arg-type]
    opened = grey_rgb.with_channels(opened, channels, name)
    if truth is None:
        return [_unlabelled(name, opened, place) for place in example_files.places_of(opened)]
    labels, marked = example_files.labels_of(truth, opened)  # type: ignore[arg-type]
    opened, labels = example_files.checked(name, opened, labels, str(truth))
    labels, marked = known.settled(labels, marked)
    places = example_files.places_of(opened)
    drawn = [place for place in places if known.is_drawn(place, labels, marked)]
    if drawn and len(drawn) < len(places):
        warn(
            f"{name}: {len(places) - len(drawn)} of {len(places)} planes have no labels and are "
            "left out"
        )
        places = drawn
    found = []
    for place in places:
        plane = _plane(name, opened, place)
        flat = np.ascontiguousarray(labels.isel(place).data)
        marked_here = None if marked is None else np.asarray(marked.isel(place).data)
        where = marks.known(flat, marked_here)
        title, digest = name + example_files.words_of(place), example_files.name_of(plane)
        found.append(Example(title, plane, flat, digest, known=where))
    return found


def _unlabelled(name: str, image: xr.DataArray, place: dict[str, int]) -> Example:
    plane = _plane(name, image, place)
    everywhere = np.ones(plane.shape[:2], np.uint16)
    title, digest = name + example_files.words_of(place), example_files.name_of(plane)
    return Example(title, plane, everywhere, digest)


def _plane(name: str, image: xr.DataArray, place: dict[str, int]) -> NDArray:
    """Return a plane (Y, X), or (Y, X, C) of several channels, in the computer's byte order."""
    raw = example_files.plane_of(name, image, place)
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[..., 0]
    return np.ascontiguousarray(raw.astype(raw.dtype.newbyteorder("="), copy=False))

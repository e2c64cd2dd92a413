"""Finding the label maps to compare: files, folders of them, numbered masks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import ctc
from imagej_dl.ctc import is_ctc
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.images import read_labels
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import marks
from imagej_dl.project import visible


def pair(pred: Path, truth: Path) -> list[tuple[str, Path, Path]]:
    """Pair predictions with their ground truth: (name, prediction, ground truth).

    Two files are a pair. Two folders are paired by the names of their files without suffix, or,
    for `FOLDER/NAME/labels.tif`, of their subfolders; a project's `Processed` stands for its
    `masks`.

    Raises
    ------
    UserError : for ground truth without a prediction (named), and for folders without label maps.
    """
    for path in (pred, truth):
        if not path.exists():
            raise UserError("there is no such file or folder", path=path)
    single = [path for path in (pred, truth) if registry.is_image(path)]
    if len(single) == 2:
        return [(registry.stem(truth), pred, truth)]
    if single:
        alone, other = (pred, truth) if pred in single else (truth, pred)
        if is_ctc(other):
            return [(registry.stem(alone), pred, truth)]
        raise UserError(
            f"is one file, but {other} is a folder",
            path=alone,
            remedy="Name two files or two folders.",
        )
    if is_ctc(pred) or is_ctc(truth):
        return [(truth.name, pred, truth)]
    predictions, truths = find(pred), find(truth)
    if missing := sorted(set(truths) - set(predictions)):
        some = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise UserError(
            f"has no prediction for {len(missing)} of {len(truths)} images: {some}",
            path=pred,
            remedy="Predictions are matched by name.",
        )
    if extra := sorted(set(predictions) - set(truths)):
        some = ", ".join(extra[:5]) + (" …" if len(extra) > 5 else "")
        warn(f"{len(extra)} predictions have no ground truth and are left out: {some}")
    return [(name, predictions[name], truths[name]) for name in sorted(truths)]


def find(folder: Path) -> dict[str, Path]:
    """Find the label maps of a folder by name."""
    for base in (folder, folder / "masks"):
        files = visible(base, registry.label_suffixes()) or visible(
            base
        )  # lossy ones are refused by name
        of_others = {marks.path_of(path) for path in files}
        files = [path for path in files if path not in of_others]
        if files:
            found = {names.same(registry.stem(path)): path for path in files}
            if hidden := [path.name for path in files if path not in found.values()]:
                words = f"left out, since other files have the same name: {', '.join(hidden[:5])}"
                warn(words, path=base)
            return found
    nested = {
        names.same(path.parent.name): path
        for path in sorted(folder.glob("*/labels.tif"))
        if names.is_data(path.parent)
    }
    if nested:
        return nested
    raise UserError(
        "holds no label maps",
        path=folder,
        remedy="Give a folder of TIFF or PNG files, or of folders with a labels.tif each.",
    )


def frames(path: Path, axes: str | None = None) -> Iterator[np.ndarray]:
    """Read a label map as its frames: 2-D, or 3-D volumes where it has several slices."""
    if registry.is_plain_folder(path):
        yield from ctc.read(path).masks
    else:
        yield from _by_frame(read_labels(path, axes, volumes=True))


def true_frames(
    path: Path, axes: str | None = None, ring: int | None = None
) -> Iterator[tuple[np.ndarray | None, np.ndarray | None]]:
    """Read a ground truth as its :func:`frames`, and where each is known; None everywhere.

    Parameters
    ----------
    path : of the label map; its marks are beside it (see :mod:`imagej_dl.images.labels.marks`).
        A Cell Tracking Challenge folder has none. Of `NN_GT` the masks are those of SEG, and a
        frame that it does not segment is None: those of TRA may be mere markers.
    ring : see :func:`imagej_dl.images.labels.marks.known`.

    Warns
    -----
    DataWarning : for frames that SEG lacks, and where it has none at all.
    """
    if registry.is_plain_folder(path):
        for true in _whole_objects(path):
            yield true, None if true is None else _known(true, None, ring)
        return
    labels, beside = read_labels(path, axes, volumes=True), marks.path_of(path)
    marked = _by_frame(marks.read(beside, labels)) if beside.is_file() else repeat(None)
    for frame, there in zip(_by_frame(labels), marked, strict=False):
        yield frame, _known(frame, there, ring)


def _whole_objects(path: Path) -> Iterator[np.ndarray | None]:
    """Read the masks of whole objects of a ground truth of the Cell Tracking Challenge."""
    truth = ctc.read_truth(path)
    masks, segmented = truth.tracks.masks, truth.segmentation
    if not segmented:
        warn("has no SEG: the masks of TRA are scored, which may be mere markers", path=path)
        segmented = dict(enumerate(masks))
    elif max(segmented) >= len(masks):
        raise UserError(f"segments frame {max(segmented)} of {len(masks)} frames", path=path)
    elif lacking := len(masks) - len(segmented):
        warn(f"{lacking} of {len(masks)} frames are not in SEG and are left out", path=path)
    yield from (segmented.get(number) for number in range(len(masks)))


def _by_frame(labels: xr.DataArray) -> Iterator[np.ndarray]:
    labels = labels.squeeze([a for a in "TZ" if labels.sizes.get(a) == 1])
    yield from np.asarray(labels) if "T" in labels.dims else [np.asarray(labels)]


def _known(frame: np.ndarray, marked: np.ndarray | None, ring: int | None) -> np.ndarray | None:
    planes = frame.reshape(-1, *frame.shape[-2:])
    there = repeat(None) if marked is None else marked.reshape(planes.shape)
    found = [marks.known(plane, one, ring) for plane, one in zip(planes, there, strict=False)]
    if all(one is None for one in found):
        return None
    known = [np.ones(frame.shape[-2:], bool) if one is None else one for one in found]
    return np.reshape(known, frame.shape)

"""Label maps predicted from single frames or videos, put together again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import names
from imagej_dl.images.formats import registry
from imagej_dl.images.labels import label_maps
from imagej_dl.progress import Progress, silent
from imagej_dl.suite import ctc_export
from imagej_dl.suite.videos import assemble, read_relation

VIDEOS, CHALLENGE = "reconstructed_videos", "CTC_evaluation"


def results(folder: Path, relation: Path | None = None) -> dict[str, xr.DataArray]:
    """Read the label maps of a folder by the names of their videos.

    Parameters
    ----------
    relation : the table of frames and videos: the maps have the frames' names, or the videos'
        where a recurrent network has segmented them whole. What is not there is left out. Without
        it each map is a video, those in `reconstructed_videos` where that is there.

    Raises
    ------
    UserError : when there is none.
    """
    found: dict[str, xr.DataArray] = {}
    if relation is None:
        place = folder / VIDEOS if (folder / VIDEOS).is_dir() else folder
        for path in names.visible(place, registry.image_suffixes()):
            if not (name := registry.stem(path)).endswith("_probabilities"):
                found[name] = _video(images.read_labels(path))
    else:
        for video, frames in read_relation(relation).items():
            whole, parts = (
                names.find(folder, f"{video}.tif"),
                [_result(folder, frame) for frame in frames],
            )
            if whole.is_file():
                found[video] = _video(images.read_labels(whole))
            elif all(part.is_file() for part in parts):
                found[video] = label_maps.from_image(assemble(parts, labels=True), video)
    if not found:
        raise UserError(
            "holds no label maps" + (f" of the videos of {relation}" if relation else ""),
            path=folder,
            remedy="Name the folder that imagej-dl predict wrote, or one with inputs and labels.",
        )
    return found


def rebuild(
    folder: Path,
    relations: Iterable[Path],
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[str]:
    """Put the results of single frames together to videos, as the suite does; see :func:`results`.

    Parameters
    ----------
    relations : the tables of the frames and videos.

    Returns
    -------
    the names of the videos, now `reconstructed_videos/NAME.tif`, and, tracked and numbered in the
    order of the tables, `CTC_evaluation/NN_RES` with res_track.txt.

    Raises
    ------
    UserError : when two tables have a video of one name.

    Warns
    -----
    DataWarning : where they cannot be tracked.
    """
    found: dict[str, xr.DataArray] = {}
    for relation in relations:
        try:
            here = results(folder, relation)
        except UserError as error:
            if error.path != str(folder):
                raise
            continue
        if both := [name for name in here if name in found]:
            raise UserError(
                f"has a video {both[0]}, as another table has",
                path=relation,
                remedy="Predict them into different folders.",
            )
        found |= here
    if not found:
        return []
    for video, labels in found.items():
        path = folder / VIDEOS / f"{video}.tif"
        if overwrite or not _is_there(path, labels):
            images.write(images.coloured(labels), path, overwrite)
    try:
        ctc_export.write_results(found, folder / CHALLENGE, overwrite=overwrite, progress=progress)
    except UserError as error:
        if (folder / CHALLENGE).exists() and not overwrite:
            raise
        warn(f"there is no {CHALLENGE}: {error}")
    return list(found)


def _is_there(path: Path, labels: xr.DataArray) -> bool:
    """Return True for a video that was put together before a stop."""
    try:
        return path.is_file() and np.array_equal(images.read_labels(path).squeeze(), labels)
    except UserError:
        return False


def _result(folder: Path, frame: str) -> Path:
    """Return the label map of a frame: predict writes .tif, whatever the frame's suffix is."""
    own = names.find(folder, frame)
    return own if own.is_file() else names.find(folder, f"{Path(frame).stem}.tif")


def _video(labels: xr.DataArray) -> xr.DataArray:
    """Take slices for frames: plain TIFFs do not say."""
    return labels.rename({"Z": "T"}) if "Z" in labels.dims and "T" not in labels.dims else labels

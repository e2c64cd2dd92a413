"""The suite's frames and videos as Cell Tracking Challenge folders, with parents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import ctc, images
from imagej_dl.ctc import CtcFolder
from imagej_dl.ctc.identities import followed
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.progress import Progress, silent

_NAME = re.compile(r"(\d{2,})_(\d+)-(\d+)")


def write_truth(
    videos: Mapping[str, xr.DataArray],
    labels: Mapping[str, xr.DataArray],
    tracks: Mapping[str, NDArray],
    folder: Path,
    *,
    overwrite: bool = False,
) -> list[str]:
    """Write images NN/tTTT.tif and their labels as ground truth, NN_GT/SEG and NN_GT/TRA.

    Parameters
    ----------
    videos, labels : by the names of the videos. NN_FIRST-LAST says the sequence and its frames, as
        :func:`imagej_dl.suite.ctc_import.read` names them; others are numbered in their order.
        Labels of some frames only have the coordinate T, which says them, from 0 in the video.
    tracks : by sequences, rows `id, first frame, last frame, parent`: whose parents are written.

    Returns
    -------
    words on each sequence.

    Warns
    -----
    DataWarning : for a sequence that lacks frames or labels of some, which gets SEG of those with
        labels, as the challenge's own have it, and no TRA, which needs all; and for one whose
        parents are not known.
    """
    said = []
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for name, parts in sequences(videos).items():
            frames = [t for _, numbers in parts for t in numbers]
            digits = max(3, len(str(frames[-1])))  # as the masks have
            for video, numbers in parts:
                for t, plane in zip(numbers, planes(videos[video]), strict=True):
                    images.write(plane, temporary / name / f"t{t:0{digits}}.tif")
            masks = masks_of(parts, labels)
            if not masks:
                said.append(f"{name}: {len(frames)} frames without labels")
                continue
            place = temporary / f"{name}_GT"
            if list(masks) != list(range(len(frames))):
                bare = len(frames) - len(masks)
                why = (
                    f"{bare} of {len(frames)} frames have no labels"
                    if bare
                    else "frames are missing"
                )
                warn(f"{why}: SEG is written, TRA, which needs all, is not", path=folder / name)
                small = ((t, _small(mask)) for t, mask in masks.items())
                ctc.write_masks(small, place / "SEG", "man_seg", frames[-1] + 1)
                said.append(f"{name}: {len(frames)} frames, SEG of {len(masks)}, no TRA")
                continue
            rows = tracks.get(name)
            if rows is None:
                warn("no table lists parents; ids are used as tracks", path=folder / name)
            found = followed(np.stack(list(masks.values())), rows)
            words = f"{name}: {len(frames)} frames, {len(found.tracks)} tracks, "
            said.append(words + f"{int((found.tracks[:, 3] > 0).sum())} with a parent")
            ctc.write_truth(found, place)
    return said


def write_results(
    labels: Mapping[str, xr.DataArray],
    folder: Path,
    *,
    same_ids: bool = False,
    tracks: Mapping[str, NDArray] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[str]:
    """Write label movies as results, NN_RES/maskTTT.tif and res_track.txt.

    Parameters
    ----------
    labels : by the names of the videos, see :func:`write_truth`.
    same_ids : whether an id is the same object in all frames; else objects are tracked.
    tracks : parents of these ids, see :func:`write_truth`.

    Returns
    -------
    words on each sequence.
    """
    said = []
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for name, parts in sequences(labels).items():
            _, frames = parts[-1]
            if frames[-1] + 1 != sum(len(numbers) for _, numbers in parts):
                words = "not all frames are there; masks are numbered without gaps"
                warn(words, path=folder / name)
            masks = np.concatenate([stack(labels[video]) for video, _ in parts])
            movie = images.with_data(labels[parts[0][0]], masks, ("T", "Y", "X"))
            found = (
                followed(masks, (tracks or {}).get(name)) if same_ids else linked(movie, progress)
            )
            ctc.write_result(found, temporary / f"{name}_RES")
            parents = int((found.tracks[:, 3] > 0).sum())
            words = f"{name}_RES: {', '.join(video for video, _ in parts)}, "
            said.append(f"{words}{len(found.tracks)} tracks, {parents} with a parent")
    return said


def linked(labels: xr.DataArray, progress: Progress = silent) -> CtcFolder:
    """Track a label movie, whose ids mean nothing from frame to frame, by the LAP tracker.

    Divisions give parents; see :func:`imagej_dl.ctc.layout`.
    """
    from imagej_dl import tracking

    return ctc.layout(tracking.track(labels, engine="embedded", progress=progress))


def _small(mask: NDArray) -> NDArray:
    if mask.max(initial=0) > np.iinfo(np.uint16).max:
        raise UserError(f"the id {mask.max()} does not fit into 16-bit masks")
    return mask.astype(np.uint16)


def sequences(videos: Mapping[str, xr.DataArray]) -> dict[str, list[tuple[str, range]]]:
    """Return the videos of each sequence NN, in their order, and which frames of it they are.

    Names NN_FIRST-LAST say it, but frames without a gap are numbered from 0, wherever they begin.

    Raises
    ------
    UserError : when videos of one sequence have frames of unequal size.
    """
    said = {name: _NAME.fullmatch(name) for name in videos}
    found: dict[str, list[tuple[str, range]]] = {}
    for count, (name, video) in enumerate(videos.items(), 1):
        match, length = said[name], video.sizes.get("T", 1)
        if match is None or not all(said.values()):
            found[f"{count:02}"] = [(name, range(length))]
        else:
            first = int(match[2])
            found.setdefault(match[1], []).append((name, range(first, first + length)))
    for number, parts in found.items():
        sizes = {name: tuple(videos[name].sizes[axis] for axis in "YX") for name, _ in parts}
        if len(set(sizes.values())) > 1:
            words = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise UserError(
                f"the parts of the sequence {number} have frames of unequal size ({words})",
                remedy="Videos of other sequences have another number NN before NN_FIRST-LAST.",
            )
        parts.sort(key=lambda part: part[1].start)
        first = parts[0][1].start
        if parts[-1][1].stop - first == sum(len(numbers) for _, numbers in parts):
            parts[:] = [(one, range(n.start - first, n.stop - first)) for one, n in parts]
    return found


def masks_of(
    parts: list[tuple[str, range]], labels: Mapping[str, xr.DataArray]
) -> dict[int, NDArray]:
    """Return the labels (Y, X) of a sequence by its frames, as far as there are some.

    `parts` are those of :func:`sequences`; labels of some frames of a video only have the
    coordinate T, which says them.
    """
    found: dict[int, NDArray] = {}
    for video, numbers in parts:
        if (known := labels.get(video)) is not None:
            places = known["T"].values.tolist() if "T" in known.coords else range(len(numbers))
            found |= {numbers[t]: mask for t, mask in zip(places, stack(known), strict=True)}
    return found


def planes(video: xr.DataArray) -> list[xr.DataArray]:
    """Return the frames of a video."""
    if "T" not in video.dims:
        return [video]
    return [video.isel(T=t) for t in range(video.sizes["T"])]


def stack(labels: xr.DataArray) -> NDArray:
    """Return a label movie as one array (T, Y, X)."""
    return np.stack([np.asarray(plane.data) for plane in planes(labels)])

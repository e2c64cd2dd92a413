"""The suite's frames and videos as Cell Tracking Challenge folders, with parents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.progress import Progress, silent
from imagej_dl.suite.ctc_import import runs
from imagej_dl.suite.sequences import masks_of, planes, sequences, stack
from imagej_dl.tracking import ctc
from imagej_dl.tracking.ctc import CtcFolder


def write_truth(
    videos: Mapping[str, xr.DataArray],
    labels: Mapping[str, xr.DataArray],
    tracks: Mapping[str, NDArray],
    folder: Path,
    *,
    overwrite: bool = False,
) -> list[str]:
    """Write images NN/tTTT.tif and their labels as truth, NN_GT/SEG and NN_GT/TRA.

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
                _warn(f"{folder / name}: {why}: SEG is written, TRA, which needs all, is not")
                for t, mask in masks.items():
                    path = place / "SEG" / f"man_seg{t:0{digits}}.tif"
                    images.write(images.make(_small(mask)), path)
                said.append(f"{name}: {len(frames)} frames, SEG of {len(masks)}, no TRA")
                continue
            rows = tracks.get(name)
            if rows is None:
                _warn(f"{folder / name}: no table says parents; ids are taken for tracks")
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
                _warn(f"{folder / name}: not all frames are there; masks are numbered without gaps")
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

    Divisions give parents; see :func:`imagej_dl.tracking.ctc.layout`.
    """
    from imagej_dl import tracking

    return ctc.layout(tracking.track(labels, engine="embedded", progress=progress))


def followed(masks: NDArray, tracks: NDArray | None = None) -> CtcFolder:
    """Return masks (T, Y, X) whose ids are the same in all frames, with their table of tracks.

    The challenge knows no gaps: after one a track goes on under a new id whose parent is the part
    before. Parents are those of the rows `id, first frame, last frame, parent`, where they are here
    and end before their daughters begin.

    Raises
    ------
    UserError : for ids that 16-bit masks do not hold.
    """
    seen: dict[int, list[int]] = {}
    for t, mask in enumerate(masks):
        for number in np.unique(mask[mask > 0]).tolist():
            seen.setdefault(number, []).append(t)
    masks, free = masks.astype(np.uint32), max(seen, default=0)
    rows: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for number, frames in sorted(seen.items()):
        parts = list(runs(frames))
        ids = [number, *range(free + 1, free + len(parts))]
        free += len(parts) - 1
        for own, part, before in zip(ids, parts, [0, *ids[:-1]], strict=True):
            rows[own] = [own, part[0], part[-1], before]
            for t in part:
                masks[t][masks[t] == number] = own
        last[number] = ids[-1]
    if free > np.iinfo(np.uint16).max:
        raise UserError(f"the id {free} does not fit into 16-bit masks")
    for number, *_, parent in () if tracks is None else tracks.tolist():
        mother = last.get(parent)
        if number in rows and mother is not None and rows[mother][2] < rows[number][1]:
            rows[number][3] = mother
    table = np.array(sorted(rows.values()), np.int64).reshape(-1, 4)
    return CtcFolder(masks.astype(np.uint16), table)


def _small(mask: NDArray) -> NDArray:
    if mask.max(initial=0) > np.iinfo(np.uint16).max:
        raise UserError(f"the id {mask.max()} does not fit into 16-bit masks")
    return mask.astype(np.uint16)


def _warn(words: str) -> None:
    warn(words)

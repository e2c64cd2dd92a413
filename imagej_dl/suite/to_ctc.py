"""The suite's frames and videos as Cell Tracking Challenge folders, with parents."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import atomic_folder
from imagej_dl.progress import Progress, silent
from imagej_dl.suite.from_ctc import runs
from imagej_dl.tracking import ctc
from imagej_dl.tracking.ctc import CtcFolder

_NAME = re.compile(r"(\d{2,})_(\d+)-(\d+)")


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
        :func:`imagej_dl.suite.from_ctc.read` names them; others are numbered in their order.
    tracks : by sequences, rows `id, first frame, last frame, parent`: whose parents are written.

    Returns
    -------
    words on each sequence.

    Warns
    -----
    DataWarning : for a sequence that lacks frames, which gets SEG and no TRA, and for one whose
        parents are not known.
    """
    said = []
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for name, parts in sequences(videos).items():
            frames = [t for _, numbers in parts for t in numbers]
            digits = max(3, len(str(frames[-1])))  # as the masks have
            for video, numbers in parts:
                for t, plane in zip(numbers, _planes(videos[video]), strict=True):
                    images.write(plane, temporary / name / f"t{t:0{digits}}.tif")
            known = [(labels[video], numbers) for video, numbers in parts if video in labels]
            if len(known) < len(parts):
                said.append(f"{name}: {len(frames)} frames without labels")
                continue
            masks = np.concatenate([_stack(one) for one, _ in known])
            rows = tracks.get(name)
            if rows is None:
                _warn(f"{folder / name}: no table says parents; ids are taken for tracks")
            found = followed(masks, rows)
            words = f"{name}: {len(frames)} frames, {len(found.tracks)} tracks, "
            said.append(words + f"{int((found.tracks[:, 3] > 0).sum())} with a parent")
            place = temporary / f"{name}_GT"
            if frames == list(range(len(frames))):
                ctc.write_truth(found, place)
                continue
            _warn(f"{folder / name}: not all frames are there: SEG is written, TRA is not")
            for t, mask in zip(frames, found.masks, strict=True):
                images.write(images.make(mask), place / "SEG" / f"man_seg{t:0{digits}}.tif")
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
            masks = np.concatenate([_stack(labels[video]) for video, _ in parts])
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


def sequences(videos: Mapping[str, xr.DataArray]) -> dict[str, list[tuple[str, range]]]:
    """Return the videos of each sequence NN, in their order, and which frames of it they are.

    Names NN_FIRST-LAST say it, but frames without a gap are numbered from 0, wherever they begin.
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
    for parts in found.values():
        parts.sort(key=lambda part: part[1].start)
        first = parts[0][1].start
        if parts[-1][1].stop - first == sum(len(numbers) for _, numbers in parts):
            parts[:] = [(one, range(n.start - first, n.stop - first)) for one, n in parts]
    return found


def _planes(video: xr.DataArray) -> list[xr.DataArray]:
    if "T" not in video.dims:
        return [video]
    return [video.isel(T=t) for t in range(video.sizes["T"])]


def _stack(labels: xr.DataArray) -> NDArray:
    return np.stack([np.asarray(plane.data) for plane in _planes(labels)])


def _warn(words: str) -> None:
    warnings.warn(words, DataWarning, stacklevel=3)

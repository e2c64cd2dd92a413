"""Videos as single frames and back: `videos2im_relation.csv`, with the columns Video;Frame."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagej_dl import ctc, images
from imagej_dl.errors import UserError, warn
from imagej_dl.filesystem import csv_cells, names
from imagej_dl.filesystem.atomic import atomic_folder
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.filesystem.text import text_of
from imagej_dl.images import AXES
from imagej_dl.images.formats import registry
from imagej_dl.suite.weight_maps import write_maps

RELATION = "videos2im_relation.csv"
TRACKS = "tracks"
"""Folder of the lineages of sequences of the Cell Tracking Challenge, beside inputs, labels."""


def read_relation(path: Path) -> dict[str, list[str]]:
    """Read which frames each video has, in their order: {"VIDEO_1-3": ["raw_001.tif", …]}.

    Warns
    -----
    DataWarning : when a video's name says another number of frames (`_START-END`), and when a
        frame is in two videos.

    Raises
    ------
    UserError : when it is not there, its first line is a frame already, a line has not two
        columns, or a video has a frame twice.
    """
    refuse_special(path)
    try:
        lines = text_of(path).splitlines()
    except OSError as error:
        raise UserError(f"cannot be read ({error})", path=path) from error
    try:
        rows = [row for row in csv.reader(lines, delimiter=";") if any(map(str.strip, row))]
    except csv.Error as error:
        raise UserError(f"cannot be read ({error})", path=path) from error
    videos: dict[str, list[str]] = {}
    remedy = "The first line is Video;Frame, each after it has a video and a frame."
    if rows and registry.by_name(rows[0][-1].strip()) in registry.image_formats():
        words = f"line 1 is a frame ({';'.join(rows[0])}), not the names of the columns"
        raise UserError(words, path=path, remedy=remedy)
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2:
            words = f"line {number} is not VIDEO;FRAME ({';'.join(row)})"
            raise UserError(words, path=path, remedy=remedy)
        video, frame = (names.same(csv_cells.plain(part.strip())) for part in row)
        videos.setdefault(video, []).append(frame)
    of: dict[str, str] = {}
    for video, frames in videos.items():
        for frame in frames:
            if (other := of.setdefault(frame, video)) != video:
                warn(f"{frame} is in {other} and in {video}", path=path)
        if len(set(frames)) < len(frames):
            twice = next(frame for frame in frames if frames.count(frame) > 1)
            raise UserError(f"{video} has the frame {twice} twice", path=path)
        said = _said(video)
        if said is not None and said != len(frames):
            warn(f"{video} has {len(frames)} frames, but its name states {said}", path=path)
    return videos


def write_relation(path: Path, videos: Mapping[str, Sequence[str]]) -> None:
    """Write the table, as the suite does."""
    lines = [
        f"{csv_cells.safe(video)};{csv_cells.safe(frame)}"
        for video, frames in videos.items()
        for frame in frames
    ]
    path.write_text("\n".join(["Video; Frame", *lines]) + "\n", encoding="utf-8")


def assemble(frames: Sequence[Path], *, labels: bool = False) -> xr.DataArray:
    """Return single frames as one video, T first; `labels` says that they are label maps.

    Raises
    ------
    UserError : when a frame is a stack itself, or has another size than the first.
    """
    if labels:
        planes = [images.read_labels(frame, as_is=True).squeeze() for frame in frames]
    else:
        planes = [images.read(frame).squeeze() for frame in frames]
    for frame, plane in zip(frames, planes, strict=True):
        if "T" in plane.dims or "Z" in plane.dims:
            raise UserError("is a stack, not a single frame", path=frame)
        if plane.sizes != planes[0].sizes:
            raise UserError(
                f"has the size {dict(plane.sizes)}, {frames[0].name} has {dict(planes[0].sizes)}",
                path=frame,
            )
    dims = ["T", *(axis for axis in AXES if axis in planes[0].dims)]
    array = np.stack([p.transpose(*dims[1:]).data for p in planes])
    return images.with_data(planes[0], array, dims)


def write_frames(
    videos: Mapping[str, xr.DataArray],
    labels: Mapping[str, xr.DataArray],
    folder: Path,
    *,
    tracks: Mapping[str, NDArray] | None = None,
    maps: bool = False,
    overwrite: bool = False,
) -> None:
    """Write videos as `inputs/raw_NNN.tif`, `labels/instance_ids_NNN.tif` and the table.

    Parameters
    ----------
    videos : by their names, to which `_1-FRAMES` is added where they say no range of frames.
    labels : label maps of some or all of them, of the same length.
    tracks : of sequences NN of the Cell Tracking Challenge, rows `id, first frame, last frame,
        parent`: `tracks/NN.txt`.
    maps : whether contours and weights are written too, see :mod:`imagej_dl.suite.weight_maps`.

    Raises
    ------
    UserError : when a video and its labels have not the same number of frames.
    """
    table: dict[str, list[str]] = {}
    number = 0
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for name, video in videos.items():
            length = video.sizes.get("T", 1)
            truth = labels.get(name)
            if truth is not None and truth.sizes.get("T", 1) != length:
                raise UserError(
                    f"{name} has {length} frames, its labels {truth.sizes.get('T', 1)}",
                    remedy="A video and its labels must have the same number of frames.",
                )
            said = name if _said(name) is not None else f"{name}_1-{length}"
            for t in range(length):
                number += 1
                frame = f"raw_{number:03}.tif"
                table.setdefault(said, []).append(frame)
                images.write(_frame(video, t), temporary / "inputs" / frame)
                if truth is not None:
                    ids = f"instance_ids_{number:03}"
                    images.write(_frame(truth, t), temporary / "labels" / f"{ids}.tif")
                    if maps:
                        write_maps(_frame(truth, t), temporary, ids)
        write_relation(temporary / RELATION, table)
        for sequence, rows in (tracks or {}).items():
            (temporary / TRACKS).mkdir(exist_ok=True)
            ctc.write_tracks(rows, temporary / TRACKS / f"{sequence}.txt")


def _frame(video: xr.DataArray, t: int) -> xr.DataArray:
    return video.isel(T=t) if "T" in video.dims else video


def _said(video: str) -> int | None:
    """Return how many frames a name VIDEO_START-END says."""
    first, dash, last = video.rpartition("_")[2].partition("-")
    if not (dash and all(re.fullmatch("[0-9]{1,9}", part) for part in (first, last))):
        return None
    return int(last) - int(first) + 1


def read_tracks(folder: Path) -> dict[str, NDArray]:
    """Read the tables `tracks/NN.txt` of a folder, where there are any."""
    place = folder / TRACKS
    found = names.visible(place, (".txt",))
    return {path.stem: ctc.read_tracks(path) for path in found}

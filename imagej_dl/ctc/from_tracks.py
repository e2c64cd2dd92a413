"""Tracks as the Cell Tracking Challenge has them: 16-bit masks and a table of tracks.

One id for each segment of a lineage. Daughters get ids of their own with their mother as parent.
The format knows neither gaps nor merges: unless asked for otherwise, after a gap the track goes
on under a new id whose parent is the part before, and where tracks merge the link of least cost
is kept and the others are cut.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from imagej_dl.ctc.folders import CtcFolder, write_result
from imagej_dl.errors import UserError, warn

if TYPE_CHECKING:
    from imagej_dl.tracking.lineage import Merges, Segments
    from imagej_dl.tracking.tracks import Tracks

Gaps = Literal["cut", "fill"]
_LIMIT = int(np.iinfo(np.uint16).max)


def write(
    tracks: Tracks,
    folder: str | Path,
    overwrite: bool = False,
    gaps: Gaps = "cut",
    merges: Merges = "cheapest",
) -> None:
    """Write a result folder (`01_RES` and the like), whole or not at all; see :func:`layout`.

    Raises
    ------
    UserError : when the folder is there, or for more than 65535 segments (16-bit masks).
    """
    folder = Path(folder)
    write_result(layout(tracks, gaps, merges, folder), folder, overwrite)


def layout(
    tracks: Tracks, gaps: Gaps = "cut", merges: Merges = "cheapest", path: Path | None = None
) -> CtcFolder:
    """Return the masks (uint16) and the table of tracks as the challenge has them.

    Parameters
    ----------
    gaps : "cut": after a gap the track goes on under a new id whose parent is the part before;
        "fill": the object before the gap is put into its frames, moved evenly towards that
        after it, where nothing else is.
    merges : see :data:`imagej_dl.tracking.lineage.Merges`.
    path : the folder it is for, for the error's words.

    Raises
    ------
    UserError : for more than 65535 segments.
    """
    segments = tracks.segments(gaps == "cut", merges)
    if len(segments.parents) > _LIMIT:
        raise UserError(
            f"{len(segments.parents)} track segments do not fit into the 16-bit masks of a"
            " Cell Tracking Challenge folder",
            path=path,
        )
    if segments.cut:
        where = f" of {path.name}" if path else ""
        warn(
            f"{segments.cut} links into merged tracks are left out{where}: a track"
            " of the Cell Tracking Challenge has one parent"
        )
    masks = np.asarray(tracks.painted(segments.of_spot)).astype(np.uint16)
    if gaps == "fill":
        _fill(masks, tracks, segments)
    return CtcFolder(masks, table(tracks, segments))


def table(tracks: Tracks, segments: Segments | None = None) -> np.ndarray:
    """Return the rows of res_track.txt: id, first frame, last frame, parent."""
    segments = segments or tracks.segments(cut_gaps=True)
    count = len(segments.parents)
    frames = tracks.spots["frame"].to_numpy()
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, -1)
    np.minimum.at(first, segments.of_spot - 1, frames)
    np.maximum.at(last, segments.of_spot - 1, frames)
    return np.stack([np.arange(1, count + 1), first, last, segments.parents], axis=1)


def _fill(masks: np.ndarray, tracks: Tracks, segments: Segments) -> None:
    """Paint what is missing in the gaps of segments, in place."""
    frames = tracks.spots["frame"].to_numpy()
    links = tracks.links
    size = np.array([tracks.calibration.pixel_width, tracks.calibration.pixel_height])
    place = tracks.spots[["x", "y"]].to_numpy(float) / size
    wide = frames[links.targets] - frames[links.sources] > 1
    same = segments.of_spot[links.sources] == segments.of_spot[links.targets]
    for source, target in zip(links.sources[wide & same], links.targets[wide & same], strict=True):
        begin, end, own = frames[source], frames[target], segments.of_spot[source]
        y, x = np.nonzero(masks[begin] == own)
        for frame in range(begin + 1, end):
            part = (frame - begin) / (end - begin)
            right, down = np.rint((place[target] - place[source]) * part).astype(int)
            _paint(masks[frame], y + down, x + right, own)


def _paint(mask: np.ndarray, y: np.ndarray, x: np.ndarray, own: int) -> None:
    """Paint pixels where nothing is; one of them at least, since a track has no empty frame."""
    y, x = np.clip(y, 0, mask.shape[0] - 1), np.clip(x, 0, mask.shape[1] - 1)
    free = mask[y, x] == 0
    if free.any():
        mask[y[free], x[free]] = own
    else:
        mask[y[len(y) // 2], x[len(x) // 2]] = own

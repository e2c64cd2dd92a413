"""Cell Tracking Challenge folders: maskNNN.tif and res_track.txt.

One id for each segment of a lineage. Daughters get ids of their own with their mother as parent;
after a gap the track goes on under a new id whose parent is the part before, since the
format knows no gaps; where tracks merge the link of least cost is kept and the others are cut.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.files import atomic_folder

if TYPE_CHECKING:
    from imagej_dl.tracking.tracks import Tracks

_LIMIT = int(np.iinfo(np.uint16).max)


@dataclass(frozen=True)
class CtcFolder:
    """A result or truth: (T, Y, X) label masks and the table of tracks.

    `tracks` has one row `id, first frame, last frame, parent` (0: none) for each track.
    """

    masks: np.ndarray
    tracks: np.ndarray


def write(tracks: Tracks, folder: str | Path, overwrite: bool = False) -> None:
    """Write a result folder (`01_RES` and the like), whole or not at all.

    Raises
    ------
    UserError : when the folder is there, or for more than 65535 segments (16-bit masks).
    """
    import tifffile

    folder = Path(folder)
    segments = tracks.segments(cut_gaps=True)
    if len(segments.parents) > _LIMIT:
        raise UserError(
            f"{len(segments.parents)} track segments do not fit into the 16-bit masks of a"
            " Cell Tracking Challenge folder",
            path=folder,
        )
    if segments.cut:
        warnings.warn(
            f"{segments.cut} links into merged tracks are left out of {folder.name}: a track"
            " of the Cell Tracking Challenge has one parent",
            DataWarning,
            stacklevel=2,
        )
    masks = np.asarray(tracks.painted(segments.of_spot)).astype(np.uint16)
    digits = max(3, len(str(len(masks) - 1)))
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for number, mask in enumerate(masks):
            tifffile.imwrite(temporary / f"mask{number:0{digits}d}.tif", mask, compression="zlib")
        np.savetxt(temporary / "res_track.txt", table(tracks), fmt="%d")


def table(tracks: Tracks) -> np.ndarray:
    """Return the rows of res_track.txt: id, first frame, last frame, parent."""
    segments = tracks.segments(cut_gaps=True)
    count = len(segments.parents)
    frames = tracks.spots["frame"].to_numpy()
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, -1)
    np.minimum.at(first, segments.of_spot - 1, frames)
    np.maximum.at(last, segments.of_spot - 1, frames)
    return np.stack([np.arange(1, count + 1), first, last, segments.parents], axis=1)


def read(folder: str | Path) -> CtcFolder:
    """Read masks and tracks: NN_RES, NN_GT (its TRA), or a folder of man_trackNNN.tif.

    Raises
    ------
    UserError : when masks or the table are not there, or do not fit together.
    """
    folder = Path(folder)
    base = folder / "TRA" if (folder / "TRA").is_dir() else folder
    text = next(
        (base / n for n in ("res_track.txt", "man_track.txt") if (base / n).is_file()), None
    )
    if text is None:
        raise UserError("has no res_track.txt or man_track.txt", path=base)
    masks = read_masks(base, r"(?:mask|man_track)")
    try:
        rows = [[int(word) for word in line.split()] for line in text.read_text().splitlines()]
        tracks = np.array([row for row in rows if row], np.int64).reshape(-1, 4)
    except ValueError as error:
        raise UserError(
            f"is not a table of tracks ({error})",
            path=text,
            remedy="Each line holds four whole numbers: id, first frame, last frame, parent.",
        ) from error
    return CtcFolder(masks, tracks)


def read_masks(folder: Path, prefix: str) -> np.ndarray:
    """Read the numbered masks of a folder as one (T, Y, X) array."""
    files = numbered(folder, prefix)
    if not files:
        raise UserError("has no masks", path=folder)
    frames = [read_mask(path) for path in files.values()]
    if missing := sorted(set(range(len(files))) - set(files)):
        raise UserError(f"has no mask of frame {missing[0]}", path=folder)
    for path, frame in zip(files.values(), frames, strict=True):
        if frame.shape != frames[0].shape:
            raise UserError(f"has the shape {frame.shape}, not {frames[0].shape}", path=path)
    return np.stack(frames)


def numbered(folder: Path, prefix: str) -> dict[int, Path]:
    """Find the files `prefixNNN.tif` of a folder by their numbers, in order."""
    found = {}
    for path in folder.iterdir():
        if match := re.fullmatch(prefix + r"_?(\d+)\.tiff?", path.name):
            found[int(match.group(1))] = path
    return dict(sorted(found.items()))


def read_mask(path: Path) -> np.ndarray:
    """Read one 2-D mask of whole numbers."""
    from imagej_dl.images import read_labels

    mask = read_labels(path)
    if mask.ndim != 2:
        raise UserError(f"is not one 2-D mask but of the shape {mask.shape}", path=path)
    return np.asarray(mask)

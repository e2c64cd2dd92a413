"""Cell Tracking Challenge folders: maskNNN.tif and res_track.txt.

One id for each segment of a lineage. Daughters get ids of their own with their mother as parent.
The format knows neither gaps nor merges: unless asked for otherwise, after a gap the track goes
on under a new id whose parent is the part before, and where tracks merge the link of least cost
is kept and the others are cut.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem.atomic import atomic_folder, in_words
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.filesystem.text import text_of
from imagej_dl.tracking.lineage import Merges, Segments

if TYPE_CHECKING:
    from imagej_dl.tracking.tracks import Tracks

Gaps = Literal["cut", "fill"]
_LIMIT = int(np.iinfo(np.uint16).max)


@dataclass(frozen=True)
class CtcFolder:
    """A result or truth: (T, Y, X) label masks and the table of tracks.

    `tracks` has one row `id, first frame, last frame, parent` (0: none) for each track.
    """

    masks: np.ndarray
    tracks: np.ndarray


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


def write_result(found: CtcFolder, folder: str | Path, overwrite: bool = False) -> None:
    """Write masks and lineage as a result (`01_RES`)."""
    with atomic_folder(Path(folder), overwrite=overwrite) as temporary:
        _masks(found.masks, temporary, "mask")
        np.savetxt(temporary / "res_track.txt", found.tracks, fmt="%d")


def write_truth(found: CtcFolder, folder: str | Path, overwrite: bool = False) -> None:
    """Write masks and lineage as truth (`01_GT`): TRA, and SEG of the same masks."""
    with atomic_folder(Path(folder), overwrite=overwrite) as temporary:
        for name, prefix in (("TRA", "man_track"), ("SEG", "man_seg")):
            (temporary / name).mkdir()
            _masks(found.masks, temporary / name, prefix)
        np.savetxt(temporary / "TRA" / "man_track.txt", found.tracks, fmt="%d")


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
        warnings.warn(
            f"{segments.cut} links into merged tracks are left out{where}: a track"
            " of the Cell Tracking Challenge has one parent",
            DataWarning,
            stacklevel=3,
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


def _masks(masks: np.ndarray, folder: Path, prefix: str) -> None:
    import tifffile

    digits = max(3, len(str(len(masks) - 1)))
    for number, mask in enumerate(masks):
        tifffile.imwrite(folder / f"{prefix}{number:0{digits}d}.tif", mask, compression="zlib")


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
    return CtcFolder(masks, read_tracks(text))


def read_tracks(path: Path) -> np.ndarray:
    """Read a table of tracks, res_track.txt or man_track.txt: (N, 4) whole numbers."""
    refuse_special(path)
    try:
        lines = [line.split() for line in text_of(path).splitlines()]
        if wrong := next((line for line in lines if len(line) not in (0, 4)), None):
            raise ValueError(f"{len(wrong)} words in a line: {' '.join(wrong)[:40]}")
        rows = [[int(word) for word in line] for line in lines if line]
        return np.array(rows, np.int64).reshape(-1, 4)
    except OSError as error:
        raise in_words(error, path) from error
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"is not a table of tracks ({error})",
            path=path,
            remedy="Each line holds four whole numbers: id, first frame, last frame, parent.",
        ) from error


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
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if match := re.fullmatch(prefix + r"_?(\d+)\.tiff?", path.name):
            other = found.setdefault(int(match.group(1)), path)
            if other is not path:
                raise UserError(
                    f"has the number of {other.name}", path=path, remedy="Remove one of them."
                )
    return dict(sorted(found.items()))


def read_mask(path: Path) -> np.ndarray:
    """Read one 2-D mask of whole numbers."""
    from imagej_dl.images import read_labels

    mask = read_labels(path, as_is=True)  # its ids are those of tracks
    if mask.ndim != 2:
        raise UserError(f"is not one 2-D mask but of the shape {mask.shape}", path=path)
    return np.asarray(mask)

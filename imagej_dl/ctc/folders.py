"""Folders of the Cell Tracking Challenge, read and written here only.

NN holds the images, NN_RES a result (maskNNN.tif, res_track.txt), NN_GT the ground truth: TRA
(man_trackNNN.tif, man_track.txt) and SEG (man_segNNN.tif of some frames or all).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagej_dl.ctc import tables
from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import atomic_folder

RESULT, TRUTH = "res_track.txt", "man_track.txt"
"""The tables of tracks of a result and of the ground truth."""


@dataclass(frozen=True)
class CtcFolder:
    """A result or ground truth: (T, Y, X) label masks and the table of tracks.

    `tracks` has one row `id, first frame, last frame, parent` (0: none) for each track.
    """

    masks: np.ndarray
    tracks: np.ndarray


@dataclass(frozen=True)
class GroundTruth:
    """The tracks and, by frame, the masks that SEG is measured on; where they were read."""

    tracks: CtcFolder
    segmentation: dict[int, np.ndarray]
    path: Path | None = None

    def cut(self, begin: int, end: int) -> GroundTruth:
        """Return the ground truth of the frames from `begin` to before `end`, counted from 0.

        A track whose parent has no frame there has none.
        """
        rows = tables.cut(self.tracks.tracks, begin, end)
        found = self.segmentation.items()
        segmentation = {number - begin: mask for number, mask in found if begin <= number < end}
        return GroundTruth(CtcFolder(self.tracks.masks[begin:end], rows), segmentation, self.path)


def is_ctc(path: Path) -> bool:
    """Tell whether a folder holds tracks in the challenge's layout."""
    return any((path / name).is_file() for name in (RESULT, TRUTH, f"TRA/{TRUTH}"))


def is_segmentation(path: Path) -> bool:
    """Tell whether a folder is ground truth that segments frames but tracks none."""
    return (path / "SEG").is_dir() and not (path / "TRA").is_dir() and not is_ctc(path)


def find_result(path: Path) -> Path:
    """Return the result folder itself, or the only NN_RES in it or in its CTC folder."""
    if is_ctc(path):
        return path
    found = [p for base in (path, path / "CTC") for p in sorted(base.glob("*_RES")) if is_ctc(p)]
    return found[0] if len(found) == 1 else path


def find_sequences(folder: Path) -> dict[str, dict[int, Path]]:
    """Find the sequences NN with their images tNNN.tif.

    Raises
    ------
    UserError : when there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise UserError("there is no such folder", path=folder)
    inner = sorted(p for p in folder.iterdir() if p.is_dir() and re.fullmatch(r"\d{2,}", p.name))
    found = {place.name: numbered(place, "t") for place in inner}
    found = {name: pictures for name, pictures in found.items() if pictures}
    if not found:
        raise UserError(
            "holds no sequence of the Cell Tracking Challenge",
            path=folder,
            remedy="It must hold 01/t000.tif, and 01_GT/SEG/man_seg000.tif or "
            "01_GT/TRA/man_track000.tif for labels.",
        )
    return found


def read(folder: str | Path) -> CtcFolder:
    """Read masks and tracks: NN_RES, NN_GT (its TRA), or a folder of man_trackNNN.tif.

    Raises
    ------
    UserError : when masks or the table are not there, or do not fit together.
    """
    folder = Path(folder)
    base = folder / "TRA" if (folder / "TRA").is_dir() else folder
    table = next((base / name for name in (RESULT, TRUTH) if (base / name).is_file()), None)
    if table is None:
        raise UserError(f"has no {RESULT} or {TRUTH}", path=base)
    masks = read_masks(base, r"(?:mask|man_track)")
    return CtcFolder(masks, tables.read_tracks(table))


def read_truth(folder: Path) -> GroundTruth:
    """Read `NN_GT` (TRA and SEG), or a folder with man_track.txt and man_trackNNN.tif alone.

    In the second form the tracking masks serve for SEG as well, which is right where they are
    whole objects.
    """
    tracks = read(folder)
    if not (folder / "TRA").is_dir():
        return GroundTruth(tracks, dict(enumerate(tracks.masks)), folder)
    masks = {number: read_mask(path) for number, path in segmented(folder).items()}
    return GroundTruth(tracks, masks, folder)


def markers(folder: Path) -> dict[int, Path]:
    """Find the man_trackNNN.tif of a ground truth by their frames."""
    return numbered(folder / "TRA", "man_track") if (folder / "TRA").is_dir() else {}


def segmented(folder: Path) -> dict[int, Path]:
    """Find the man_segNNN.tif of a ground truth by their frames."""
    return numbered(folder / "SEG", "man_seg") if (folder / "SEG").is_dir() else {}


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


def write_result(found: CtcFolder, folder: str | Path, overwrite: bool = False) -> None:
    """Write masks and lineage as a result (`01_RES`)."""
    with atomic_folder(Path(folder), overwrite=overwrite) as temporary:
        write_masks(enumerate(found.masks), temporary, "mask", len(found.masks))
        tables.write_tracks(found.tracks, temporary / RESULT)


def write_truth(found: CtcFolder, folder: str | Path, overwrite: bool = False) -> None:
    """Write masks and lineage as ground truth (`01_GT`): TRA, and SEG of the same masks."""
    with atomic_folder(Path(folder), overwrite=overwrite) as temporary:
        for name, prefix in (("TRA", "man_track"), ("SEG", "man_seg")):
            write_masks(enumerate(found.masks), temporary / name, prefix, len(found.masks))
        tables.write_tracks(found.tracks, temporary / "TRA" / TRUTH)


def write_masks(
    masks: Iterable[tuple[int, np.ndarray]], folder: Path, prefix: str, frames: int
) -> None:
    """Write masks (frame, (Y, X)) as `prefixNNN.tif`.

    Parameters
    ----------
    frames : of the whole sequence, for the number of digits.
    """
    import tifffile

    folder.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(frames - 1)))
    for number, mask in masks:
        tifffile.imwrite(folder / f"{prefix}{number:0{digits}d}.tif", mask, compression="zlib")

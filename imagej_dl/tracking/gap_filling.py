"""Gap filling of microscopy-dl-suite-tf: objects missing in a frame, from the frames around it.

The masks are smoothed along time. Wherever the result is positive there is an object, even if the
frame itself has none there. These larger regions are tracked. Afterwards each track gets the
objects of the first segmentation, and keeps its own region where there is none
(Gómez-de-Mariscal et al., arXiv 2112.08817). Ids are as wide as they must be: they never wrap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.errors import warn
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import strays
from imagej_dl.tracking.label_movie import LabelMovie
from imagej_dl.tracking.mask_cleanup import tidied_labels, without_small
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.tracks import Tracks, build

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SIGMA = 1.0
"""Standard deviation of the smoothing, in pixels and in frames; microscopy-dl-suite-tf has 2."""
SMALLEST = 100
"""Minimal size of a filled region, in pixels, where objects are not smaller themselves."""
_ON = 255  # the masks are smoothed as 8-bit numbers, whose rounding limits how far they reach


def fill(
    labels: xr.DataArray | LabelMovie,
    sigma: float = SIGMA,
    smallest: int | None = None,
    fuse: bool = False,
    tidied: bool = False,
    progress: Progress = silent,
    ends: bool = False,
) -> xr.DataArray:
    """Return a label movie in which gaps of up to a few frames are filled.

    What is added lies between two appearances: it is connected to an object before and to one
    after by regions that overlap from frame to frame.

    Parameters
    ----------
    labels : label movie or mask, T, Y, X.
    sigma : standard deviation of the Gaussian, in pixels and frames; an object reaches about 2.5
        times as far, in space as well as over frames.
    smallest : pixels; smaller regions are dropped. By default 100, or a quarter of the objects'
        median area where that is less.
    fuse : fuse objects that touch, as microscopy-dl-suite-tf does; otherwise objects that are
        separate in the movie stay separate, each with the pixels nearest to it.
    tidied : clean each frame's mask first; see
        :func:`imagej_dl.tracking.mask_cleanup.tidy`.
    ends : also add objects before their first and after their last appearance, as
        microscopy-dl-suite-tf does; an object of one frame is then in five.

    Returns
    -------
    labels : objects numbered frame by frame from 1, uint16 (uint32 above 65535 in a frame).

    Warns
    -----
    DataWarning : for objects whose regions are smaller than `smallest`.
    """
    from skimage.measure import label

    movie = LabelMovie.of(labels)
    frames = movie.frames
    if tidied:
        frames = np.stack([tidied_labels(frame) for frame in frames])
    if smallest is None:
        smallest = _smallest(frames)
    smoothed = smooth(frames > 0, sigma)
    filled = np.zeros(frames.shape, np.uint32)
    lost = 0
    for number, frame in enumerate(frames):
        whole = label((frame > 0) | smoothed[number], connectivity=2)
        regions = whole if fuse else _apart(frame, whole)
        filled[number] = without_small(regions, smallest)
        gone = (frame > 0) & (filled[number] == 0)
        lost += len(np.setdiff1d(frame[gone], frame[filled[number] > 0]))
        progress("gaps", number + 1, len(frames))
    if not ends:
        filled = _between(filled, frames > 0)
    if lost:
        warn(
            f"{lost} objects are left out: with the filled surroundings they have fewer than"
            f" {smallest} pixels (`fill-gaps --smallest` sets the limit)"
        )
    return movie.with_labels(filled).data


def _smallest(frames: np.ndarray) -> int:
    sizes = [np.unique(frame[frame > 0], return_counts=True)[1] for frame in frames]
    every = np.concatenate([np.zeros(0, int), *sizes])
    return min(SMALLEST, max(1, int(np.median(every) / 4))) if every.size else SMALLEST


def _between(filled: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Drop regions without an object that have one only before them, or only after them."""
    own = [np.unique(f[g]) for f, g in zip(filled, present, strict=True)]
    before = _reached(filled, own)
    after = _reached(filled[::-1], own[::-1])[::-1]
    kept = np.zeros_like(filled)
    for number, frame in enumerate(filled):
        good = np.union1d(own[number], np.intersect1d(before[number], after[number]))
        ids = np.zeros(int(frame.max(initial=0)) + 1, filled.dtype)
        good = good[good > 0]
        ids[good] = np.arange(1, len(good) + 1)
        kept[number] = ids[frame]
    return kept


def _reached(filled: np.ndarray, own: list[np.ndarray]) -> list[np.ndarray]:
    """Return for each frame the regions that are connected to an object of an earlier frame."""
    reached = [np.zeros(0, filled.dtype)]
    for number in range(1, len(filled)):
        last = np.isin(filled[number - 1], np.union1d(own[number - 1], reached[-1]))
        last &= filled[number - 1] > 0
        ids = np.unique(filled[number][last])
        reached.append(ids[ids > 0])
    return reached


def smooth(masks: np.ndarray, sigma: float = SIGMA) -> np.ndarray:
    """Return where the masks (T, Y, X), smoothed along time, are positive.

    The mean of two Gaussians, in the planes of rows and time and of columns and time.
    """
    from scipy.ndimage import gaussian_filter

    bright = masks.astype(np.uint8) * np.uint8(_ON)
    rows = gaussian_filter(bright, (sigma, sigma, 0)).astype(np.uint16)
    columns = gaussian_filter(bright, (sigma, 0, sigma))
    return (rows + columns) // 2 > 0


def added(labels: xr.DataArray, filled: xr.DataArray) -> int:
    """Count the objects of a filled movie where the first segmentation has none."""
    pairs = zip(LabelMovie.of(labels).frames, np.asarray(filled), strict=True)
    return sum(
        len(np.setdiff1d(np.unique(new[new > 0]), np.unique(new[old > 0]))) for old, new in pairs
    )


def merge(regions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give the objects of a segmentation the ids of tracked regions.

    Parameters
    ----------
    regions : (T, Y, X) ids of tracked regions, 0 elsewhere.
    labels : (T, Y, X) the first segmentation.

    Returns
    -------
    merged : uint32; in each frame the object that a region overlaps most gets the region's id (of
        several such regions, that of the one which overlaps it most), and a region that
        overlaps none keeps its own pixels. Objects without a region are left out.
    """
    from skimage.measure import label

    merged = np.zeros(regions.shape, np.uint32)
    for number, (region, frame) in enumerate(zip(regions, labels, strict=True)):
        objects = label(frame, connectivity=2)
        inside = (region > 0) & (objects > 0)
        pairs, size = np.unique(
            np.stack([region[inside], objects[inside]]), axis=1, return_counts=True
        )
        order = np.lexsort((pairs[1], pairs[0], -size))
        best = order[np.sort(np.unique(pairs[0][order], return_index=True)[1])]
        taken = best[np.unique(pairs[1][best], return_index=True)[1]]
        ids = np.zeros(int(objects.max(initial=0)) + 1, np.uint32)
        ids[pairs[1][taken]] = pairs[0][taken]
        alone = ~np.isin(region, pairs[0]) & (region > 0)
        merged[number] = np.where(alone, region, ids[objects])
    return merged


@dataclass(frozen=True)
class Objects:
    """The objects of a first segmentation in the regions that were filled.

    movie, spots, contours : of the objects; see :func:`merge`.
    row : for each spot of the regions the row of its object, −1 for none.
    strays : pieces that belong to other spots, where the tracker joins them.
    """

    movie: LabelMovie
    spots: pd.DataFrame
    contours: list[np.ndarray]
    row: np.ndarray
    strays: strays.Strays | None


def objects(
    regions: Tracks,
    labels: xr.DataArray | LabelMovie,
    image: xr.DataArray | None = None,
    progress: Progress = silent,
) -> Objects:
    """Find the objects of the first segmentation in filled regions; links do not matter."""
    movie = LabelMovie.of(labels)
    own = movie.with_labels(merge(np.asarray(regions.numbered()), movie.frames))
    spots, contours = find(own, image, progress, regions.settings.detector.simplify_contours)
    pieces = None
    if regions.strays is not None:
        spots, contours, pieces, _ = strays.joined(spots, contours, own.frames)
    # The largest piece of an object gets its links.
    at = np.full(len(regions.spots) + 1, -1)
    order = np.argsort(spots["area"].to_numpy(), kind="stable")
    at[spots["label"].to_numpy()[order]] = order
    return Objects(own, spots, contours, at[1:], pieces)


def onto(
    tracks: Tracks,
    labels: xr.DataArray | LabelMovie,
    image: xr.DataArray | None = None,
    progress: Progress = silent,
) -> Tracks:
    """Return tracks of filled regions as tracks of the first segmentation's objects.

    The spots, their contours and features are those of the objects; see :func:`merge`. A note says
    how many were filled in.

    Parameters
    ----------
    tracks : tracks of the labels as :func:`fill` returns them.
    labels : the label movie itself.
    image : the movie, for intensities.

    Warns
    -----
    DataWarning : for objects too small to make a spot, whose links go.
    """
    movie = LabelMovie.of(labels)
    made = carried(tracks, objects(tracks, movie, image, progress))
    flat = movie.frames.reshape(len(movie.frames), -1)
    filled = flat[made.spots["frame"], made.spots["pixel"]] == 0
    note = f"{np.count_nonzero(filled)} objects filled in, in gaps between appearances"
    return replace(made, notes=(note, *made.notes))


def carried(tracks: Tracks, found: Objects) -> Tracks:
    """Return the tracks of filled regions as tracks of the objects that were found in them."""
    links, at, spots = tracks.links, found.row, found.spots
    source, target = at[links.sources], at[links.targets]
    kept = (source >= 0) & (target >= 0)
    if lost := int(np.count_nonzero(~kept)):
        warn(f"{lost} links are left out: their objects were too small for a spot")
    links = replace(links.take(kept), sources=source[kept], targets=target[kept])
    if "margin" in tracks.spots:
        there = np.flatnonzero(at >= 0)
        margin = np.full(len(spots), np.nan)
        margin[at[there]] = tracks.spots["margin"].to_numpy()[there]
        spots = spots.assign(margin=margin)
    made = build(
        spots,
        found.contours,
        links,
        found.movie,
        tracks.settings,
        tracks.engine,
        tracks.image_path,
    )
    return replace(made, calibration=tracks.calibration, strays=found.strays, notes=tracks.notes)


def _apart(frame: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Cut the regions between the objects in them: each pixel goes to the nearest object."""
    from scipy.ndimage import distance_transform_edt
    from skimage.measure import label

    objects = label(frame, connectivity=2)
    if not objects.any():
        return whole
    nearest = distance_transform_edt(objects == 0, return_distances=False, return_indices=True)
    full = np.zeros(int(whole.max(initial=0)) + 1, bool)
    full[whole[objects > 0]] = True
    new = np.where(whole > 0, int(objects.max()) + whole, 0)
    return np.where(full[whole], objects[tuple(nearest)], new)

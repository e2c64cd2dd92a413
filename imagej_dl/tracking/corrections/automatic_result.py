"""Read an automatic result as `track` wrote it, to compare it with its correction."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from imagej_dl import ctc, images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem.atomic import load_json
from imagej_dl.images import read_labels
from imagej_dl.tracking import strays
from imagej_dl.tracking.label_movie import LabelMovie
from imagej_dl.tracking.lineage import Merges
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import default
from imagej_dl.tracking.settings_file import read as read_settings
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.trackers import registry
from imagej_dl.tracking.tracks import Tracks, build

SAME = 1e-5
"""Distance in pixels within which the position of a spot counts as unchanged."""
_FAR = 1e12  # a distance that only damaged tables have
USUAL: tuple[ctc.Gaps, Merges] = ("cut", "cheapest")
"""The default layout of gaps and merges."""


def read(folder: str | Path) -> Tracks:
    """Read what `track` wrote into a folder: its masks, spots.csv and edges.csv.

    The masks are those of the Cell Tracking Challenge folder, in which daughters that touch are
    apart, without what was painted into gaps; where there is none, the tracked map. Each spot has
    its object's pixels.

    Raises
    ------
    UserError : when files are missing, or do not fit together.
    """
    import pandas as pd

    folder = Path(folder)
    tracked = folder / "tracked.tif"
    movie = LabelMovie.of(read_labels(tracked, as_is=True), tracked)
    movies = [movie]
    if (masks := _masks(folder)) is not None:
        whole = _unpainted(ctc.read(masks).masks, movie.frames)
        movies.insert(0, LabelMovie.of(images.with_data(movie.data, whole)))
    try:
        table = pd.read_csv(folder / "spots.csv")
        edges = pd.read_csv(folder / "edges.csv")
        row = dict(zip(table["id"].tolist(), range(len(table)), strict=True))
        ends = [edges[name].map(row) for name in ("source", "target")]
        costs = edges["cost"].to_numpy(float)
        where = table[["frame", "x", "y"]].to_numpy(float)
        if not (np.abs(where) < _FAR).all():
            raise ValueError("spots.csv has no coordinates for some spots")
        if table["id"].isna().any():
            raise ValueError("spots.csv has no ids for some spots")
        lost = int((ends[0].isna() | ends[1].isna()).sum())
        if lost:
            raise ValueError(f"edges.csv has {lost} links of spots that are not in spots.csv")
    except Exception as error:  # pandas raises whatever a damaged table makes of it
        raise UserError(
            f"is not a complete result of `imagej-dl track` ({error})",
            path=folder,
            remedy="Track it again.",
        ) from error
    size = movie.calibration.pixel_width
    path = folder / "settings.json"
    settings = read_settings(path) if path.is_file() else default()
    simple = settings.detector.simplify_contours
    for movie, tried in product(movies, (simple, not simple)):
        with warnings.catch_warnings():
            # Objects too small for a spot were reported when they were tracked.
            warnings.simplefilter("ignore", DataWarning)
            spots, contours = find(movie, simple=tried)
        at = rows_at(where, spots[["frame", "x", "y"]].to_numpy(float), size)
        if (at >= 0).all():
            break
    else:
        raise UserError(
            "its spots.csv does not match its masks", path=folder, remedy="Track it again."
        )
    joins_strays = registry.trackers()[settings.tracker].joins_strays
    pieces = strays.find(spots, movie.frames)[1] if joins_strays else None
    spots = spots.iloc[at].reset_index(drop=True)
    links = Links(ends[0].to_numpy(np.int64), ends[1].to_numpy(np.int64), costs)
    made = build(spots, [contours[i] for i in at], links, movie, default(), "embedded")
    return replace(made, strays=pieces)


def manner(folder: str | Path, tracks: Tracks) -> tuple[ctc.Gaps, Merges]:
    """Return the layout of gaps and merges in the Cell Tracking Challenge folder of a result.

    It is read from settings.json, or else compared with the table of tracks.
    """
    folder = Path(folder)
    path = folder / "settings.json"
    settings = load_json(path) if path.is_file() else {}
    known: list[tuple[ctc.Gaps, Merges]] = list(product(get_args(ctc.Gaps), get_args(Merges)))
    for gaps, merges in known:
        if (settings.get("ctc_gaps"), settings.get("ctc_merges")) == (gaps, merges):
            return gaps, merges
    if (masks := _masks(folder)) is None:
        return USUAL
    rows = ctc.read_tracks(masks / "res_track.txt")
    for gaps, merges in known:
        if np.array_equal(ctc.table(tracks, tracks.segments(gaps == "cut", merges)), rows):
            return gaps, merges
    return USUAL


def rows_at(places: np.ndarray, others: np.ndarray, size: float) -> np.ndarray:
    """Return for each (frame, x, y) the row of the other one at the same place, −1 for none."""
    from scipy.spatial import cKDTree

    if not len(places) or not len(others):
        return np.full(len(places), -1)
    scale = np.array([1.0, 1 / size, 1 / size])
    distance, row = cKDTree(others * scale).query(places * scale)
    return np.where(distance < SAME, row, -1)


def _unpainted(masks: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Return masks without objects painted into gaps, of which the tracked map has none.

    An object without a free place was painted on one pixel of another one, which gets it back.
    """
    unpainted = np.where(tracked > 0, masks, 0)
    for frame, own in zip(unpainted, tracked, strict=True):
        ids, first, count = np.unique(frame, return_index=True, return_counts=True)
        for y, x in np.stack(np.unravel_index(first[(count == 1) & (ids > 0)], frame.shape), 1):
            down, right = np.nonzero((own == own[y, x]) & (frame > 0) & (frame != frame[y, x]))
            if len(down):
                nearest = np.argmin((down - y) ** 2 + (right - x) ** 2)
                frame[y, x] = frame[down[nearest], right[nearest]]
    return unpainted


def _masks(folder: Path) -> Path | None:
    folders = [p for p in sorted((folder / "CTC").glob("*_RES")) if p.is_dir()]
    return folders[0] if len(folders) == 1 else None

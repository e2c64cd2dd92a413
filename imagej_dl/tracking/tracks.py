"""The result of tracking: spots, links, tracks; the label movie with one id for each track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagej_dl.images import Calibration, as_labels, with_data
from imagej_dl.tracking import lineage
from imagej_dl.tracking.label_movie import LabelMovie
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.strays import Strays

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class Tracks:
    """The result of a tracking engine.

    Parameters
    ----------
    spots : one row a spot, ordered by frame, y, x: `id`, `frame`, `label` and `pixel` (the
        object's label and the flat index of one of its pixels in its frame, 0 and −1 when
        unknown), `x`, `y`, `z`, `radius` and features in the image's unit, and `track_id`
        (from 0, as in TrackMate; −1 for a spot without links).
    edges : one row a link, forward in time: `source`, `target` (ids of spots), `cost`,
        `track_id`.
    contours : for each spot its (N, 2) corners x, y relative to its centre; empty if unknown.
    settings : the tracker and its settings.
    engine : "trackmate", "embedded", or the name of a foreign engine.
    shape : frames, rows, columns.
    calibration : pixel size, unit and frame interval.
    labels : the TYX label movie, if there is one.
    image_path : the image to show under the tracks, if it is a file.
    file : TrackMate's own file of them, where TrackMate was the engine.
    everything : the tracks before the filters, where filters hide some.
    rest : what the TrackMate file they were read from holds besides.
    strays : pieces of labels that belong to spots, where the tracker joined them.
    notes : what the tracker says of its work.

    Where the tracker knows how sure it is, spots and edges have a column `margin`, 0 to 1.
    """

    spots: pd.DataFrame
    edges: pd.DataFrame
    contours: list[np.ndarray]
    settings: TrackerSettings
    engine: str
    shape: tuple[int, int, int]
    calibration: Calibration
    labels: xr.DataArray | None = field(default=None, repr=False)
    image_path: Path | None = None
    file: bytes | None = field(default=None, repr=False)
    everything: Tracks | None = field(default=None, repr=False)
    rest: Element | None = field(default=None, repr=False, compare=False)
    strays: Strays | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def links(self) -> Links:
        """The links by row numbers of the spots table instead of ids."""
        rows = np.argsort(self.spots["id"].to_numpy(), kind="stable")
        ids = self.spots["id"].to_numpy()[rows]
        source, target = self.edges["source"].to_numpy(), self.edges["target"].to_numpy()
        return Links(
            rows[np.searchsorted(ids, source)],
            rows[np.searchsorted(ids, target)],
            self.edges["cost"].to_numpy(float),
            self.edges["margin"].to_numpy(float) if "margin" in self.edges else None,
        )

    @cached_property
    def degrees(self) -> tuple[np.ndarray, np.ndarray]:
        """For each spot the number of links to earlier and to later spots."""
        return lineage.degrees(len(self.spots), self.links.sources, self.links.targets)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of spots, links, tracks, divisions, merges and gaps."""
        earlier, later = self.degrees
        frames = self.spots["frame"].to_numpy()
        jumps = frames[self.links.targets] - frames[self.links.sources]
        return {
            "spots": len(self.spots),
            "links": len(self.edges),
            "tracks": len(np.unique(self.edges["track_id"])),
            "divisions": int(np.count_nonzero(later > 1)),
            "merges": int(np.count_nonzero(earlier > 1)),
            "gaps": int(np.count_nonzero(jumps > 1)),
        }

    def segments(
        self, cut_gaps: bool = False, merges: lineage.Merges = "cheapest"
    ) -> lineage.Segments:
        """Cut the lineages; see :func:`imagej_dl.tracking.lineage.segments`."""
        links, frames = self.links, self.spots["frame"].to_numpy()
        return lineage.segments(frames, links.sources, links.targets, links.costs, cut_gaps, merges)

    def only(self, chosen: np.ndarray) -> Tracks:
        """Return some of the spots, by a mask over the table, and the links between them.

        Ids, those of tracks included, stay; all of these tracks are kept in `everything`.
        """
        rows = np.flatnonzero(chosen)
        linked = chosen[self.links.sources] & chosen[self.links.targets]
        return replace(
            self,
            spots=self.spots.iloc[rows].reset_index(drop=True),
            contours=[self.contours[row] for row in rows] if self.contours else [],
            edges=self.edges.iloc[np.flatnonzero(linked)].reset_index(drop=True),
            file=None,
            everything=self,
        )

    def track_labels(self) -> np.ndarray:
        """For each spot its id in the tracked label map: track_id + 1.

        Spots without links come after the tracks, each with an id of its own.
        """
        ids = self.spots["track_id"].to_numpy() + 1
        alone = np.flatnonzero(ids == 0)
        ids[alone] = ids.max(initial=0) + 1 + np.arange(len(alone))
        return ids

    def tracked(self) -> xr.DataArray:
        """Return the label movie with one id for each TrackMate track, that is whole lineage.

        The ids are those of :meth:`track_labels`; uint16, or uint32 above 65535 ids.
        """
        return self.painted(self.track_labels())

    def numbered(self) -> xr.DataArray:
        """Return the label movie in which each spot has its row number + 1."""
        return self.painted(np.arange(1, len(self.spots) + 1))

    def painted(self, ids: np.ndarray) -> xr.DataArray:
        """Return the label movie with each spot's object painted with its id, 0 elsewhere."""
        if self.labels is None:
            raise ValueError("these tracks carry no label movie")
        movie = np.asarray(self.labels)
        result = np.zeros(movie.shape, np.uint32)
        frames, pixels = self.spots["frame"].to_numpy(), self.spots["pixel"].to_numpy()
        if self.strays is not None:
            known, rows = self.strays.of(self.spots)
            frames = np.concatenate([frames, self.strays.frame[known]])
            order = np.argsort(frames, kind="stable")
            frames = frames[order]
            pixels = np.concatenate([pixels, self.strays.pixel[known]])[order]
            ids = np.concatenate([ids, np.asarray(ids)[rows]])[order]
        bounds = np.searchsorted(frames, np.arange(len(movie) + 1))
        for number in range(len(movie)):
            here = slice(bounds[number], bounds[number + 1])
            result[number] = _paint(movie[number], pixels[here], ids[here])
        return with_data(self.labels, as_labels(result))


def build(
    spots: pd.DataFrame,
    contours: list[np.ndarray],
    links: Links,
    labels: xr.DataArray | LabelMovie,
    settings: TrackerSettings,
    engine: str,
    image_path: Path | None = None,
) -> Tracks:
    """Make the result of an engine's links between rows of the spots table.

    `spots` and `contours` are those of :func:`imagej_dl.tracking.spots.find`.
    """
    import pandas as pd

    movie = LabelMovie.of(labels)
    order = np.lexsort((links.targets, links.sources))
    links = links.take(order)
    tracks = lineage.track_ids(len(spots), links.sources, links.targets)
    spots = spots.assign(track_id=tracks)
    ids = spots["id"].to_numpy()
    edges = pd.DataFrame(
        {
            "source": ids[links.sources],
            "target": ids[links.targets],
            "cost": links.costs,
            "track_id": tracks[links.sources],
            **({} if links.margins is None else {"margin": links.margins}),
        }
    )
    shape, cal = movie.shape, movie.calibration
    return Tracks(spots, edges, contours, settings, engine, shape, cal, movie.data, image_path)


def masks_of(
    movie: LabelMovie, spots: pd.DataFrame
) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Return a function that gives a frame's labels (Y, X), and by label the row number + 1.

    0 stands for what is no spot. `spots` are ordered by frame. Stray pieces of a label count as
    its only spot in the frame.
    """
    frame, label, pixel = (spots[name].to_numpy() for name in ("frame", "label", "pixel"))
    bounds = np.searchsorted(frame, np.arange(movie.shape[0] + 1))

    def masks(number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(bounds[number], bounds[number + 1])
        labels, own = movie.frames[number], label[rows]
        if len(np.unique(own)) < len(rows):  # pieces that are several spots
            own = np.arange(1, len(rows) + 1)
            labels = _paint(labels, pixel[rows], own)
        most = int(labels.max(initial=0))
        if most > labels.size:  # a table of all labels would be larger than the frame
            known, where = np.unique(labels, return_inverse=True)
            labels, own = where.reshape(labels.shape), np.searchsorted(known, own)
            most = len(known) - 1
        row = np.zeros(most + 1, np.int64)
        row[own] = rows + 1
        return labels, row

    return masks


def _paint(frame: np.ndarray, pixels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Give each object of one frame its id; the pieces of one label may get different ids."""
    from skimage.measure import label

    pieces = label(frame, background=0, connectivity=2)
    lut = np.zeros(int(pieces.max(initial=0)) + 1, np.uint32)
    of_spot = pieces.ravel()[pixels]
    lut[of_spot] = ids
    result = lut[pieces]
    # A piece that touches itself at corners may hold several spots: it is cut at the corners.
    shared = np.flatnonzero(np.bincount(of_spot) > 1)
    if shared.size:
        parts = label(np.where(np.isin(pieces, shared), frame, 0), background=0, connectivity=1)
        several = np.isin(of_spot, shared)
        part_lut = np.zeros(int(parts.max()) + 1, np.uint32)
        part_lut[parts.ravel()[pixels[several]]] = ids[several]
        cut = part_lut[parts]
        result[cut > 0] = cut[cut > 0]
    return result

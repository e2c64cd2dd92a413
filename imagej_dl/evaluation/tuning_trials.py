"""The trials of a tuning: spots are found and compared with the truth once, links made many times.

What comes before the links (splitting of fused objects, gap filling, spots, and which true object
each of them covers) depends on two switches of the settings only. It is kept for each of their
combinations.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagej_dl import ctc
from imagej_dl.errors import DataWarning
from imagej_dl.evaluation import ctc_metrics
from imagej_dl.evaluation.ctc_metrics import Matched
from imagej_dl.progress import Progress, silent
from imagej_dl.tracking import gap_filling, linking, strays, undersegmentation
from imagej_dl.tracking.label_movie import LabelMovie
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.settings import TrackerSettings
from imagej_dl.tracking.spots import find
from imagej_dl.tracking.trackers import Detected, Tracker, registry
from imagej_dl.tracking.tracks import Tracks, build

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class _Found:
    """The makings of links.

    movie, unlinked : where the spots were found, and the spots without links.
    detected : the tracker's input.
    objects : those of the first segmentation, where gaps were filled.
    matched : the spots of each frame (row numbers + 1) that cover objects of the truth.
    segmented : the same in frames of its segmentation.
    """

    movie: LabelMovie
    unlinked: Tracks
    detected: Detected
    objects: gap_filling.Objects | None
    matched: Matched
    segmented: Matched


class Trials:
    """Scores settings of one tracker on one label movie.

    Parameters
    ----------
    labels : label movie, T, Y, X.
    truth : of the same frames.
    objective : the score that is tuned; CHOTA is computed only if it is that.
    gaps : how gaps are scored; see :func:`imagej_dl.ctc.layout`.
    """

    def __init__(
        self, labels: xr.DataArray, truth: ctc.GroundTruth, objective: str, gaps: ctc.Gaps
    ) -> None:
        self._movie = LabelMovie.of(labels)
        self._truth = truth
        self._also = ("CHOTA",) if objective == "CHOTA" else ()
        self._gaps = gaps
        self._found: dict[tuple[Any, ...], _Found] = {}

    def score(self, chosen: TrackerSettings, progress: Progress = silent) -> dict[str, Any]:
        """Track under some settings without filters, and score the tracks.

        Raises
        ------
        UserError : for settings that the tracker cannot work with.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # the same in each trial
            tracker = registry.trackers()[chosen.tracker]
            found = self._prepared(tracker, chosen, progress)
            tracks = found.unlinked
            links = Links.none()
            if len(tracks.spots):
                links = tracker.link(found.detected, chosen.settings, progress)
            tracks = build(tracks.spots, tracks.contours, links, found.movie, chosen, tracks.engine)
            if found.objects is not None:
                tracks = gap_filling.carried(tracks, found.objects)
            else:
                tracks = replace(tracks, strays=found.unlinked.strays)
            if self._gaps == "fill":  # what is painted depends on the links
                return ctc_metrics.score(ctc.layout(tracks, "fill"), self._truth, self._also)
            return self._scored(tracks, found)

    def _scored(self, tracks: Tracks, found: _Found) -> dict[str, Any]:
        segments = tracks.segments(cut_gaps=True)
        number = np.concatenate([[0], segments.of_spot])
        return ctc_metrics.score_matched(
            ctc.table(tracks, segments),
            self._truth,
            _renamed(found.matched, number),
            _renamed(found.segmented, number),
            self._also,
        )

    def _prepared(self, tracker: Tracker, chosen: TrackerSettings, progress: Progress) -> _Found:
        key = (tracker.joins_strays, chosen.split_fused, chosen.fill_gaps)
        if key not in self._found:
            self._found[key] = self._prepare(tracker, chosen, progress)
        return self._found[key]

    def _prepare(self, tracker: Tracker, chosen: TrackerSettings, progress: Progress) -> _Found:
        movie = checked = self._movie
        if chosen.split_fused:
            movie = checked = undersegmentation.split_movie(movie, progress=progress)
        if chosen.fill_gaps:
            movie = LabelMovie(gap_filling.fill(checked, progress=progress))
        spots, contours = find(movie, None, progress, chosen.detector.simplify_contours)
        pieces = None
        if tracker.joins_strays:
            spots, contours, pieces, _ = strays.joined(spots, contours, movie.frames)
        engine = tracker.engines[0]
        unlinked = build(spots, contours, Links.none(), movie, chosen, engine)
        unlinked = replace(unlinked, strays=pieces)
        detected = linking.detected_in(movie, spots, contours, unlinked.numbered)
        tracker.check(detected)
        objects = gap_filling.objects(unlinked, checked) if chosen.fill_gaps else None
        scored = unlinked
        if objects is not None:
            scored = gap_filling.carried(unlinked, objects)
        masks = np.asarray(scored.numbered())
        matched, segmented = ctc_metrics.matches(masks, self._truth)
        return _Found(movie, unlinked, detected, objects, matched, segmented)


def _renamed(found: Matched, number: np.ndarray) -> Matched:
    """Return matches in which spots have the ids of their tracks; each track once a frame."""
    named = dict(found)
    named["labels_comp"] = [
        sorted(number[np.array(here, np.int64)].tolist()) for here in found["labels_comp"]
    ]
    named["mapped_comp"] = [
        number[np.array(here, np.int64)].tolist() for here in found["mapped_comp"]
    ]
    return named

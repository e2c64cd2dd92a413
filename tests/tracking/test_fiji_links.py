"""The embedded engine against a real TrackMate on movies that no golden knows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated

from imagej_dl import images, tracking
from imagej_dl.tracking import features as declared
from imagej_dl.tracking.trackers import nearest_neighbor

pytestmark = pytest.mark.fiji

FRAMES, CELLS = 60, 100
CHOSEN = {
    "lap": ("SPARSE_LAP_TRACKER", {"ALLOW_TRACK_SPLITTING": True, "ALLOW_TRACK_MERGING": True}),
    "simple": ("SIMPLE_SPARSE_LAP_TRACKER", {"MAX_FRAME_GAP": 3}),
    "kalman": ("KALMAN_TRACKER", {}),
    "advanced": (
        "ADVANCED_KALMAN_TRACKER",
        {"ALLOW_TRACK_SPLITTING": True, "LINKING_FEATURE_PENALTIES": {"AREA": 1.0}},
    ),
    "nearest": ("NEAREST_NEIGHBOR_TRACKER", {}),
    "overlap": ("OVERLAP_TRACKER", {}),
    "boxes": (
        "OVERLAP_TRACKER",
        {"IOU_CALCULATION": "FAST", "SCALE_FACTOR": 1.5, "MIN_IOU": 0.05},
    ),
}
# From and to which of several first or last spots a track's displacement is measured hangs in
# TrackMate on the order of a hash table; so does which of them a mean straight line begins at.
_OF_ENDS = {"TRACK_DISPLACEMENT", "CONFINEMENT_RATIO", "MEAN_STRAIGHT_LINE_SPEED",
            "LINEARITY_OF_FORWARD_PROGRESSION", "MAX_DISTANCE_TRAVELED"}  # fmt: skip


def _agree(folder: str, seed: int, names: list[str], with_movie: bool) -> dict[str, tuple]:
    labels, one = simulated.movie(FRAMES, CELLS, seed)
    second = 60_000 - np.asarray(one)  # of another brightness
    image = images.with_data(one, np.stack([np.asarray(one), second], axis=1), "TCYX")
    seen = {}
    for name in names:
        settings = tracking.make_settings(*CHOSEN[name])
        theirs, ours = (
            tracking.track(labels, image if with_movie else None, settings, engine)  # type: ignore[arg-type]
            for engine in ("trackmate", "embedded")
        )
        pairs = [
            list(zip(t.edges["source"], t.edges["target"], strict=True)) for t in (theirs, ours)
        ]
        path = Path(folder, f"{name}.xml")
        path.write_bytes(theirs.file or b"")
        if name == "nearest":  # in the order in which that run's spots chose
            turns = _turns(tracking.read_trackmate(path).spots)
            links = nearest_neighbor.link(ours.spots, settings.settings, turns=turns)
            ours = tracking.build(ours.spots, ours.contours, links, labels, settings, "embedded")
            pairs[1] = list(zip(ours.edges["source"], ours.edges["target"], strict=True))
        same = pairs[0] == pairs[1]
        worst = _worst(path, ours) if same else (np.inf, 0)
        seen[name] = (len(pairs[0]), same, *worst)
    return seen


def _turns(spots: Any) -> np.ndarray:
    """The order of Java's hash sets, one for each frame, in which TrackMate's spots come."""
    frames, ids = spots["frame"].to_numpy(), spots["id"].to_numpy()
    sizes = np.bincount(frames)[frames]
    capacity = 2 ** np.ceil(np.log2(np.maximum(sizes / 0.75 + 1, 16).astype(int))).astype(int)
    turns = np.empty(len(spots), np.int64)
    turns[np.lexsort((ids, (ids ^ ids >> 16) & (capacity - 1), frames))] = np.arange(len(spots))
    return turns


def _worst(path: Path, ours: Any) -> tuple[float, int]:
    """The largest relative difference of any feature but a few; how many features there are."""
    theirs = tracking.read_trackmate(path)
    found = {}
    _, table = declared.of_spots(ours)
    # An angle is compared in test_ellipses.py: it has no relative difference.
    for key in table.columns.difference(["VISIBILITY", "ELLIPSE_THETA"]):
        name = {"POSITION_X": "x", "POSITION_Y": "y", "POSITION_Z": "z", "POSITION_T": "t"}
        values = theirs.spots[name.get(str(key), str(key).lower())].to_numpy(float)
        found[str(key)] = _off(table[key].to_numpy(float), values)
    row = dict(zip(theirs.spots["id"], range(len(theirs.spots)), strict=True))
    root = ET.parse(path).getroot()
    edges = {
        (row[int(e.attrib["SPOT_SOURCE_ID"])], row[int(e.attrib["SPOT_TARGET_ID"])]): e.attrib
        for e in root.iter("Edge")
    }
    of_edges = declared.of_edges(ours)
    pairs = list(zip(ours.links.sources, ours.links.targets, strict=True))
    for key in declared.EDGE.keys() - {"SPOT_SOURCE_ID", "SPOT_TARGET_ID"}:
        values = np.array([float(edges[pair].get(key, "nan")) for pair in pairs])
        found[key] = _off(of_edges[key].to_numpy(float), values)
    track_of = ours.spots["track_id"].to_numpy()
    tracks = {
        track_of[row[int(t.find("Edge").attrib["SPOT_SOURCE_ID"])]]: t.attrib  # type: ignore[union-attr]
        for t in root.iter("Track")
    }
    frames = ours.spots.groupby("track_id")["frame"]
    clear = frames.agg(lambda f: (f == f.min()).sum() == 1 == (f == f.max()).sum())
    of_tracks = declared.of_tracks(ours, of_edges)
    for key in declared.TRACK.keys() - {"TRACK_ID", "TRACK_INDEX"}:
        those = [n for n in of_tracks.index if key not in _OF_ENDS or clear[n]]
        values = np.array([float(tracks[number].get(key, "nan")) for number in those])
        found[key] = _off(of_tracks[key][those].to_numpy(float), values)
    return max(found.values()), len(found)


def _off(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference by their size, or by the mean size where they are less."""
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return np.inf
    known = ~np.isnan(theirs)
    ours, theirs = ours[known], theirs[known]
    scale = np.maximum(np.abs(theirs), np.abs(theirs).mean() + 1e-12)
    return float((np.abs(ours - theirs) / scale).max(initial=0))


@pytest.mark.parametrize(
    ("seed", "names", "with_movie"),
    [(77, ["lap"], True), (2026, [name for name in CHOSEN if name != "lap"], False)],
)
def test_every_edge_and_feature_agree(
    own_process: Any,
    fiji_home: Path,
    tmp_path: Path,
    seed: int,
    names: list[str],
    with_movie: bool,
) -> None:
    found = own_process(_agree, str(tmp_path), seed, names, with_movie)
    for name, (edges, same, worst, features) in found.items():
        assert edges > 0.8 * (FRAMES - 1) * CELLS, name
        assert same, name
        assert worst < 1e-3, name
        assert features > 40, name

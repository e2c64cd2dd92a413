"""The embedded Kalman, nearest neighbour and overlap trackers make TrackMate's links."""

from __future__ import annotations

import json

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.progress import silent
from imagej_dl.tracking import settings
from imagej_dl.tracking.linking import TRACKERS
from imagej_dl.tracking.trackers import Detected, kalman, nearest_neighbor, overlap


@pytest.fixture(scope="module", params=["movie", "movie-dense"])
def movie(request, shared_data):
    labels = images.read(shared_data / request.param / "detections.tif")
    detected = Detected(*tracking.find_spots(labels), labels.sizes["T"])
    return detected, shared_data / "trackmate-8-goldens" / request.param


def _golden(folder, name):
    found = json.loads((folder / "settings.json").read_text())["results"][name]
    chosen = settings.make(found["tracker"], found["settings"])
    return chosen, pd.read_csv(folder / f"{name}_edges.csv").sort_values(["source", "target"])


def _pairs(links):
    return sorted(zip(links.sources.tolist(), links.targets.tolist(), strict=True))


@pytest.mark.parametrize("name", ["kalman", "overlap"])
def test_links_equal_trackmate(movie, name):
    detected, folder = movie
    chosen, golden = _golden(folder, name)
    links = TRACKERS[chosen.tracker](detected, chosen.settings, silent)
    assert _pairs(links) == list(zip(golden["source"], golden["target"], strict=True))
    order = np.lexsort((links.targets, links.sources))
    np.testing.assert_allclose(links.costs[order], golden["cost"], rtol=0, atol=1e-6)


def test_nearest_equals_trackmate_where_nothing_competes(shared_data):
    labels = images.read(shared_data / "movie" / "detections.tif")
    chosen, golden = _golden(shared_data / "trackmate-8-goldens" / "movie", "nearest")
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    assert _pairs(tracks.links) == list(zip(golden["source"], golden["target"], strict=True))
    np.testing.assert_allclose(tracks.links.costs, golden["cost"], rtol=0, atol=1e-6)


def test_nearest_equals_trackmate_in_its_order(movie):
    """TrackMate's spots choose in the order of the labels, beginning anywhere in each frame.

    Where two want the same spot, the first has it; so each frame's links must be those of one
    of the rotations, every edge of them.
    """
    detected, folder = movie
    chosen, golden = _golden(folder, "nearest")
    frames = detected.spots["frame"].to_numpy()
    usual = nearest_neighbor.by_label(detected.spots)
    theirs = set(zip(golden["source"], golden["target"], strict=True))
    matched = set()
    for frame in range(detected.frames - 1):
        expected = {pair for pair in theirs if frames[pair[0]] == frame}
        two = detected.spots[(frames == frame) | (frames == frame + 1)]
        rows, own = two.index.to_numpy(), int(np.count_nonzero(frames == frame))
        turns = usual[rows] - usual[rows].min()
        for begin in range(own):
            rotated = np.where(turns < own, (turns - begin) % own, turns)
            links = nearest_neighbor.link(two, chosen.settings, turns=rotated)
            pairs = {(int(rows[a]), int(rows[b])) for a, b in _pairs(links)}
            if pairs == expected:
                matched |= pairs
                break
    assert matched == theirs


def _spots(*rows):
    table = pd.DataFrame(rows, columns=["frame", "x", "y"]).assign(z=0.0, radius=2.0)
    table = table.assign(label=np.arange(1, len(table) + 1), pixel=0)
    return table.sort_values(["frame", "y", "x"], ignore_index=True)


def test_nearest_first_label_chooses_first():
    spots = _spots((0, 0, 0), (0, 3, 0), (1, 2, 0), (1, 9, 0))
    links = nearest_neighbor.link(spots, nearest_neighbor.NearestSettings(linking_max_distance=8.0))
    assert _pairs(links) == [(0, 2), (1, 3)]
    links = nearest_neighbor.link(
        spots, nearest_neighbor.NearestSettings(), turns=np.array([1, 0, 2, 3])
    )
    assert _pairs(links) == [(0, 3), (1, 2)]


def test_nearest_has_a_closed_radius_and_no_gaps():
    near = nearest_neighbor.NearestSettings(linking_max_distance=5.0)
    assert len(nearest_neighbor.link(_spots((0, 0, 0), (1, 5, 0)), near).costs) == 1
    assert len(nearest_neighbor.link(_spots((0, 0, 0), (1, 5.001, 0)), near).costs) == 0
    assert len(nearest_neighbor.link(_spots((0, 0, 0), (2, 0, 0)), near).costs) == 0


def test_kalman_follows_the_motion_over_a_gap():
    """Two spots cross at constant speed; where they are unseen, the prediction bridges."""
    seen = [0, 1, 2, 3, 6, 7, 8]
    spots = _spots(*[(t, 5.0 * t, 0.0) for t in seen], *[(t, 40 - 5.0 * t, 1.0) for t in seen])
    chosen = kalman.KalmanSettings(kalman_search_radius=4.0)
    links = kalman.link(spots, 9, chosen)
    y = spots["y"].to_numpy()
    assert len(links.costs) == 12
    np.testing.assert_array_equal(y[links.sources], y[links.targets])
    short = kalman.KalmanSettings(kalman_search_radius=4.0, max_frame_gap=1)
    assert len(kalman.link(spots, 9, short).costs) == 10


def test_kalman_links_no_two_frames_as_trackmate():
    spots = _spots((0, 0, 0), (1, 1, 0))
    with pytest.warns(DataWarning, match="second frame"):
        assert len(kalman.link(spots, 2, kalman.KalmanSettings()).costs) == 0
    # One more frame, be it empty, and it does.
    assert len(kalman.link(spots, 3, kalman.KalmanSettings()).costs) == 1


def test_advanced_kalman_splits():
    chosen = tracking.make_settings(
        "ADVANCED_KALMAN_TRACKER", {"ALLOW_TRACK_SPLITTING": True, "KALMAN_SEARCH_RADIUS": 15}
    )
    tracks = tracking.track(lineages.division(), settings=chosen, engine="embedded")
    assert (tracks.counts["divisions"], tracks.counts["tracks"]) == (1, 2)


def test_penalty_keeps_a_prediction_off_another_size():
    rows = [(0, 0.0, 0.0), (1, 2.0, 0.0), (2, 4.0, 0.0), (3, 6.2, 0.0)]
    spots = _spots(*rows, (3, 6.5, 0.0)).assign(area=[1.0, 1.0, 1.0, 9.0, 1.0])
    plain = kalman.AdvancedKalmanSettings()
    penalised = kalman.AdvancedKalmanSettings(linking_feature_penalties={"AREA": 1.0})
    last = [kalman.link_advanced(spots, 5, s).targets.max() for s in (plain, penalised)]
    assert last == [3, 4]


@pytest.mark.parametrize("way", ["FAST", "PRECISE"])
def test_overlap_by_hand(way):
    labels = lineages.movie({1: (10, 10)}, {1: (12, 10)}, {1: (30, 30)})
    spots, contours = tracking.find_spots(labels)
    chosen = overlap.OverlapSettings(iou_calculation=way)
    links = overlap.link(spots, contours, chosen)
    assert _pairs(links) == [(0, 1)]
    assert links.costs[0] == pytest.approx(1 - 6 / 10, abs=0.01)
    wide = overlap.OverlapSettings(iou_calculation=way, scale_factor=5.0, min_iou=0.1)
    assert len(overlap.link(spots, contours, wide).costs) == 2
    # A ratio must be above the least one, not at it.
    exact = overlap.OverlapSettings(iou_calculation=way, min_iou=1 - links.costs[0])
    assert len(overlap.link(spots, contours, exact).costs) == 0


def test_overlap_passes_over_empty_frames_but_not_the_first():
    spots, contours = tracking.find_spots(lineages.movie({1: (10, 10)}, {}, {1: (10, 10)}))
    assert _pairs(overlap.link(spots, contours, overlap.OverlapSettings())) == [(0, 1)]
    spots, contours = tracking.find_spots(lineages.movie({}, {1: (10, 10)}, {1: (10, 10)}))
    with pytest.warns(DataWarning, match="first frame"):
        assert len(overlap.link(spots, contours, overlap.OverlapSettings()).costs) == 0


def test_overlap_of_circles_where_there_are_no_contours():
    spots = _spots((0, 0, 0), (1, 1, 0), (1, 20, 0))
    for way in ("FAST", "PRECISE"):
        links = overlap.link(spots, [], overlap.OverlapSettings(iou_calculation=way))
        assert _pairs(links) == [(0, 1)]


def test_overlap_of_a_contour_that_crosses_itself():
    bow = np.array([[-4.0, -4.0], [4.0, 4.0], [4.0, -4.0], [-4.0, 4.0]])
    square = np.array([[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]])
    links = overlap.link(
        _spots((0, 0, 0), (1, 0, 0)), [bow, square], overlap.OverlapSettings(min_iou=0.1)
    )
    assert len(links.costs) == 1

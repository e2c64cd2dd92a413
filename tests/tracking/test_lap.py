"""The embedded LAP engine makes TrackMate's links at TrackMate's costs."""

from __future__ import annotations

import json

import lineages
import numpy as np
import pandas as pd
import pytest

from imagej_dl import images, tracking
from imagej_dl.errors import UserError
from imagej_dl.tracking import settings
from imagej_dl.tracking.trackers import cost_matrix, lap

SETTINGS = (
    "lap",
    "lap_gap",
    "lap_gap3",
    "lap_gap_split",
    "lap_gap_merge",
    "lap_all",
    "lap_short",
    "lap_penalty",
    "simple_lap",
)


@pytest.fixture(scope="module", params=["movie", "movie-dense"])
def movie(request, shared_data):
    spots, _ = tracking.find_spots(images.read(shared_data / request.param / "detections.tif"))
    return spots, shared_data / "trackmate-8-goldens" / request.param


@pytest.mark.parametrize("name", SETTINGS)
def test_links_equal_trackmate(movie, name):
    spots, goldens = movie
    found = json.loads((goldens / "settings.json").read_text())["results"][name]
    chosen = settings.make(found["tracker"], found["settings"])
    golden = pd.read_csv(goldens / f"{name}_edges.csv").sort_values(["source", "target"])
    links = lap.link(spots, chosen.settings)
    order = np.lexsort((links.targets, links.sources))
    assert links.sources[order].tolist() == golden["source"].tolist()
    assert links.targets[order].tolist() == golden["target"].tolist()
    np.testing.assert_allclose(links.costs[order], golden["cost"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("without_gap_closing", {"ALLOW_GAP_CLOSING": False}),
        ("with_gap_closing", {}),
        ("with_splitting", {"ALLOW_TRACK_SPLITTING": True}),
        ("with_merging", {"ALLOW_TRACK_MERGING": True}),
        ("with_splitting_merging", {"ALLOW_TRACK_SPLITTING": True, "ALLOW_TRACK_MERGING": True}),
    ],
)
def test_links_equal_trackmate_6(shared_data, name, values):
    """From the spots of TrackMate 6 files, under the settings they hold, come their links."""
    path = shared_data / "trackmate-6-goldens" / f"trackmate_tracks_{name}.xml"
    golden = tracking.read_trackmate(path)
    spots = golden.spots
    links = lap.link(spots, golden.settings.settings)
    ids = spots["id"].to_numpy()
    ours = set(zip(ids[links.sources].tolist(), ids[links.targets].tolist(), strict=True))
    frame = dict(zip(ids.tolist(), spots["frame"].tolist(), strict=True))
    pairs = zip(golden.edges["source"].tolist(), golden.edges["target"].tolist(), strict=True)
    theirs = {tuple(sorted(pair, key=frame.__getitem__)) for pair in pairs}
    for key, value in values.items():
        assert golden.settings.settings.to_map()[key] == value
    assert ours == theirs


def _points(*rows):
    table = pd.DataFrame(rows, columns=["frame", "x", "y"]).assign(z=0.0)
    return table.sort_values(["frame", "y", "x"], ignore_index=True)


def test_percentile_is_the_nearest_value_halves_upwards():
    values = np.arange(1.0, 11.0)
    assert cost_matrix.alternative(values, 1.0, 0.9) == 9.0
    assert cost_matrix.alternative(values, 1.0, 0.5) == 6.0
    assert cost_matrix.alternative(values, 2.0, 1.0) == 20.0


def test_linking_radius_is_open_and_gap_radius_closed():
    linked = lap.link(_points((0, 0, 0), (1, 15, 0)), lap.LapSettings())
    assert len(linked.costs) == 0
    gap = _points((0, 0, 0), (1, 0, 0), (3, 15, 0), (4, 15, 0))
    assert len(lap.link(gap, lap.LapSettings()).costs) == 3


def test_empty_frames_are_not_skipped_over():
    spots = _points((0, 0, 0), (2, 0, 0))
    assert len(lap.link(spots, lap.LapSettings()).costs) == 0


def test_a_still_movie_is_linked():
    rows = [(t, 50.0 * i, 0.0) for t in range(3) for i in range(4)]
    assert len(lap.link(_points(*rows), lap.LapSettings()).costs) == 8


def test_infinite_distance():
    spots = _points((0, 0, 0), (1, 1000, 0))
    far = settings.make("SPARSE_LAP_TRACKER", {"LINKING_MAX_DISTANCE": "Infinity"})
    assert len(lap.link(spots, far.settings).costs) == 1


def test_penalty_doubles_the_distance():
    spots = _points((0, 0, 0), (1, 2, 0)).assign(area=[1.0, 2.0])
    links = cost_matrix.Costs(spots, {"AREA": 1.0}).possible(np.array([0]), np.array([1]), 15)
    assert links.costs[0] == pytest.approx(16.0)


def test_unknown_penalty_names_the_known():
    spots = _points((0, 0, 0), (1, 2, 0)).assign(area=[1.0, 2.0])
    with pytest.raises(UserError, match="AREA"):
        cost_matrix.Costs(spots, {"AERA": 1.0})


@pytest.mark.parametrize("seed", range(20))
def test_assignment_is_that_of_the_full_matrix(seed):
    """The reduced problem has the optimum of TrackMate's (Jaqaman's) square matrix."""
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((7, 9)) < 0.4)
    links = cost_matrix.Links(rows, columns, rng.uniform(1, 10, len(rows)))
    alternative = 1.05 * 6.0
    used_rows, i = np.unique(rows, return_inverse=True)
    used_columns, j = np.unique(columns, return_inverse=True)
    n, m = len(used_rows), len(used_columns)
    full = np.full((n + m, n + m), 1e6)
    full[i, j] = links.costs
    full[np.arange(n), m + np.arange(n)] = alternative
    full[n + np.arange(m), np.arange(m)] = alternative
    full[n + j, m + i] = alternative
    row, column = linear_sum_assignment(full)
    inside = (row < n) & (column < m)
    expected = {
        (used_rows[a], used_columns[b]) for a, b in zip(row[inside], column[inside], strict=True)
    }
    found = cost_matrix.assign(links, alternative)
    assert set(zip(found.sources, found.targets, strict=True)) == expected


def test_gaps_longer_than_the_movie_take_no_time(monkeypatch):
    """Some say "any gap" by a very large number."""
    tried = []
    pairs = lap._pairs
    monkeypatch.setattr(lap, "_pairs", lambda *args: tried.append(args[4]) or pairs(*args))
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", {"MAX_FRAME_GAP": 1000})
    tracks = tracking.track(lineages.gap(), settings=chosen, engine="embedded")
    assert tracks.counts["gaps"] == 1
    assert max(tried) <= 4

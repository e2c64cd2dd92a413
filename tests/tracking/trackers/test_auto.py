"""AUTO: links by masks, areas and motion, in movies whose tracks are known by construction."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import lineages
import numpy as np
import pytest

from imagej_dl import ctc, images, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.tracking import corrections
from imagej_dl.tracking.links import Links
from imagej_dl.tracking.trackers import auto, cost_matrix
from imagej_dl.tracking.trackers.automatic import certain
from imagej_dl.tracking.trackers.automatic.objects import Objects, overlaps

AUTO = tracking.make_settings("AUTO")


def discs(frames: list[dict[int, tuple[float, float, float]]], side: int = 160) -> np.ndarray:
    """Draw a label movie; each frame maps a label to centre x, y and radius."""
    y, x = np.mgrid[:side, :side]
    movie = np.zeros((len(frames), side, side), np.uint16)
    for frame, objects in zip(movie, frames, strict=True):
        for label, (cx, cy, radius) in objects.items():
            frame[(x - cx) ** 2 + (y - cy) ** 2 <= radius**2] = label
    return movie


def followed(movie: np.ndarray, **values: Any) -> tracking.Tracks:
    chosen = tracking.make_settings("AUTO", values)
    return tracking.track(images.make(movie, "TYX"), settings=chosen)


def linked(tracks: tracking.Tracks) -> set[tuple[int, int, int, int]]:
    """Links as frame and label of source and target."""
    spots = list(zip(tracks.spots["frame"].tolist(), tracks.spots["label"].tolist(), strict=True))
    ends = zip(tracks.links.sources, tracks.links.targets, strict=True)
    return {spots[source] + spots[target] for source, target in ends}


STILL = {1: (30.0, 30.0, 8.0), 2: (100.0, 40.0, 9.0), 3: (40.0, 110.0, 7.0), 4: (120.0, 120.0, 8.0)}


def test_it_is_the_default_where_nothing_is_named() -> None:
    tracks = tracking.track(lineages.gap())
    assert (tracks.settings.tracker, tracks.engine) == ("AUTO", "embedded")
    assert any("links reach" in note for note in tracks.notes)
    # An engine that is named keeps TrackMate's tracker, and so do scripts that ask for defaults.
    for engine in ("embedded", "trackmate"):
        assert tracking.default_settings(engine).tracker == "SPARSE_LAP_TRACKER"
    assert tracking.default_settings().tracker == "SPARSE_LAP_TRACKER"
    assert tracking.default_settings("auto").tracker == "AUTO"


def test_a_gap_is_closed() -> None:
    tracks = tracking.track(lineages.gap(), settings=AUTO)
    assert tracks.counts["gaps"] == 1
    assert tracks.counts["tracks"] == 2
    assert (
        tracking.track(
            lineages.gap(), settings=tracking.make_settings("AUTO", {"MAX_FRAME_GAP": 1})
        ).counts["gaps"]
        == 0
    )


def test_a_division_keeps_the_area_and_an_arrival_beside_a_cell_is_none() -> None:
    mother, near = {1: (70.0, 70.0, 12.0)}, {1: (70.0, 70.0, 12.0), 2: (95.0, 70.0, 12.0)}
    # Daughters 1.8 radii apart from where the mother was, each with half of her area.
    daughters = {1: (70.0, 51.0, 8.5), 2: (70.0, 89.0, 8.5)}
    assert followed(discs([mother, mother, daughters, daughters])).counts["divisions"] == 1
    assert followed(discs([mother, mother, near, near])).counts["divisions"] == 0
    none = followed(discs([mother, mother, daughters]), ALLOW_TRACK_SPLITTING=False)
    assert none.counts["divisions"] == 0


def test_a_jump_of_the_stage_is_taken_out_and_said() -> None:
    rng = np.random.default_rng(0)
    where = {k: (x, y, 6.0 + k % 3) for k, (x, y) in enumerate(rng.uniform(20, 300, (14, 2)), 1)}
    moved = {k: (x + 47, y - 31, r) for k, (x, y, r) in where.items()}
    tracks = followed(discs([where, where, moved, moved], side=380))
    seen = set(np.unique(discs([moved], 380))[1:]) & set(np.unique(discs([where], 380))[1:])
    assert {(1, int(k), 2, int(k)) for k in seen} <= linked(tracks)
    (note,) = [note for note in tracks.notes if "jump" in note]
    assert "after frame 2: 47, -31 px" in note
    # The same objects, each on its own way: no jump.
    apart = {k: (x + 9 * (-1) ** k, y, r) for k, (x, y, r) in where.items()}
    assert not any("jump" in note for note in followed(discs([where, apart], 380)).notes)


def test_recent_motion_counts() -> None:
    # Two objects pass each other: by distance alone they would change places.
    frames = [{1: (20.0 + 9 * t, 60.0, 5.0), 2: (92.0 - 9 * t, 66.0, 5.0)} for t in range(8)]
    tracks = followed(discs(frames))
    assert linked(tracks) == {(t, k, t + 1, k) for t in range(7) for k in (1, 2)}


def test_stray_pieces_belong_to_their_object() -> None:
    movie = discs([STILL] * 4)
    movie[1:3, 60:63, 60:63] = 1  # 9 px of a label of 200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracks = followed(movie)
    assert tracks.counts == {
        "spots": 16, "links": 12, "tracks": 4, "divisions": 0, "merges": 0, "gaps": 0,
    }  # fmt: skip
    assert "2 stray pieces of labels joined to their objects" in tracks.notes
    painted = np.asarray(tracks.tracked())
    assert painted[1, 61, 61] == painted[1, 30, 30] > 0
    assert ((painted > 0) == (movie > 0)).all()
    # Without the spot its pieces are gone, too.
    alone = tracks.only(tracks.spots["label"].to_numpy() != 1)
    assert np.asarray(alone.tracked())[1, 61, 61] == 0
    # With the other trackers each piece is a spot, as in TrackMate.
    lap = tracking.track(images.make(movie, "TYX"), settings=tracking.default_settings())
    assert len(lap.spots) == 18


def test_corrections_keep_stray_pieces_and_margins(tmp_path: Path) -> None:
    movie = discs([STILL] * 4)
    movie[1:3, 60:63, 60:63] = 1
    tracks = followed(movie)
    tracking.write(tracks, tmp_path / "out")
    automatic = corrections.read_automatic(tmp_path / "out")
    edited = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert "margin" in edited.edges
    found = corrections.correct(edited, automatic)
    assert found.changes["spots kept"] == 16
    assert found.changes["spots deleted"] == found.changes["links cut"] == 0
    assert ((np.asarray(found.tracks.labels) > 0) == (movie > 0)).all()
    # What is written, the ground truth and the masks to train on, is painted from it.
    assert ((np.asarray(found.tracks.tracked()) > 0) == (movie > 0)).all()
    np.testing.assert_array_equal(ctc.layout(found.tracks).masks, ctc.layout(tracks).masks)


def test_labels_in_two_large_pieces_are_warned_of() -> None:
    movie = discs([STILL] * 3)
    movie[1, 60:70, 60:70] = 1
    with pytest.warns(DataWarning, match="1 labels are in several large pieces"):
        tracks = followed(movie)
    assert len(tracks.spots) == 13
    assert {(t, k, t + 1, k) for t in range(2) for k in STILL} <= linked(tracks)


def test_a_label_that_is_broken_in_one_frame_is_one_object() -> None:
    movie = discs([STILL] * 5)
    movie[2, :, 29:32][movie[2, :, 29:32] == 1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracks = followed(movie)
    assert (len(tracks.spots), tracks.counts["divisions"]) == (20, 0)
    assert ((np.asarray(tracks.tracked()) > 0) == (movie > 0)).all()
    # Two that stay two are two: daughters with their mother's label.
    movie[3:, :, 29:32][movie[3:, :, 29:32] == 1] = 0
    with pytest.warns(DataWarning, match="3 labels are in several large pieces"):
        assert len(followed(movie).spots) == 23


def test_a_broken_label_may_have_the_largest_id() -> None:
    movie = discs([STILL] * 5).astype(np.uint32)
    movie[2, :, 29:32][movie[2, :, 29:32] == 1] = 0
    movie[movie == 1] = 2**32 - 1
    tracks = followed(movie)
    assert (len(tracks.spots), tracks.counts["tracks"]) == (20, 4)


def test_frames_without_objects_end_the_tracks_and_are_said() -> None:
    movie = discs([STILL] * 3 + [{}] * 10 + [STILL] * 3)
    with pytest.warns(DataWarning, match="no objects in frames 4 to 13: all tracks end"):
        tracks = followed(movie)
    assert tracks.counts["tracks"] == 8
    # As many as a gap may have are crossed.
    assert followed(movie, MAX_FRAME_GAP=11).counts["tracks"] == 4


@pytest.mark.parametrize("frames", [1, 2, 12])
def test_one_object(frames: int) -> None:
    path = [{5: (20.0 + 9 * t, 30.0, 4.0)} for t in range(frames)]
    tracks = followed(discs(path))
    assert tracks.counts["links"] == frames - 1
    # A sudden step of a third of the image is still one object.
    assert np.all(tracks.links.margins > 0.3) or frames == 1


def test_margins_tell_sure_links_from_unsure_ones() -> None:
    before = {1: (40.0, 40.0, 8.0), 2: (110.0, 110.0, 8.0)}
    # Of two objects that are as near to where the second was, either may be it.
    after = {1: (41.0, 40.0, 8.0), 2: (98.0, 110.0, 8.0), 3: (121.5, 110.0, 8.0)}
    tracks = followed(discs([before, after, after]))
    spots, links = tracks.spots, tracks.links
    label = spots["label"].to_numpy()
    of_first = (spots["frame"].to_numpy()[links.sources] == 0) & (label[links.sources] == 1)
    of_second = (spots["frame"].to_numpy()[links.sources] == 0) & (label[links.sources] == 2)
    assert links.margins[of_first].min() > 0.8
    assert links.margins[of_second].min() < 0.1
    assert spots["margin"].between(0, 1).all()
    # What appears inside the image is never quite sure.
    new = spots.query("frame == 1 and label == 3")["margin"].item()
    assert new <= 0.5


def test_the_overlap_of_masks_and_that_of_circles_agree() -> None:
    frames = [{1: (40.0, 40.0, 10.0), 2: (80.0, 80.0, 8.0)}, {1: (47.0, 44.0, 12.0)}]
    movie = images.make(discs(frames), "TYX")
    spots, _ = tracking.find_spots(movie)
    rows = {0: np.array([0, 1, 2]), 1: np.array([0, 3])}
    given = (spots["frame"].to_numpy(), spots[["x", "y"]].to_numpy(), spots["area"].to_numpy())
    size = np.array([160.0, 160.0])
    pairs = np.array([0, 1]), np.array([2, 2])
    found = [
        overlaps(Objects(*given, 2, size, np.ones(2), seen), *pairs, np.zeros((2, 2)))
        for seen in (lambda t: (np.asarray(movie)[t], rows[t]), None)
    ]
    assert found[0] == pytest.approx(found[1], abs=0.03)
    assert found[0][0] > 0.6
    assert found[0][1] == 0


def test_what_is_certain_needs_no_solver_and_changes_nothing() -> None:
    """Of random links, in which some are much cheaper than others, some are as cheap."""
    rng = np.random.default_rng(0)
    for size in (1, 3, 12, 40):
        pairs = np.unique(rng.integers(0, size, (3 * size, 2)), axis=0)
        for costs in (rng.random(len(pairs)) ** 3 * 2.5, rng.integers(0, 4, len(pairs)) / 1.5):
            links = Links(pairs[:, 0] + 7, pairs[:, 1] + 99, costs)
            found, least = (one.optimal(links, 2.0) for one in (certain, cost_matrix))
            made = links.take(found)
            assert np.unique(made.sources).size == np.unique(made.targets).size == len(made.costs)
            assert (costs[found] - 2).sum() == pytest.approx((costs[least] - 2).sum())


def test_no_link_is_certain_where_another_one_costs_the_same() -> None:
    links = Links(np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([0.5, 0.5, 0.1]))
    assert certain.optimal(links, 2.0).sum() == 2
    # Dear links together may be cheaper than the cheapest one and none.
    swap = Links(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0.1, 1.0, 1.0]))
    assert certain.optimal(swap, 2.0).tolist() == [False, True, True]


def _seconds(each: int, giant: float = 1.0) -> float:
    """Processor time of linking some objects in each of four frames, for each object."""
    rng = np.random.default_rng(0)
    side = 6 * np.sqrt(each)
    place = np.concatenate([rng.uniform(0, side, (each, 2))] * 4)
    place += rng.normal(0, 0.3, place.shape)
    area = np.full(len(place), 12.0)
    area[::each] *= giant
    frame = np.repeat(np.arange(4), each)
    objects = Objects(frame, place, area, 4, np.array([side, side]), np.ones(2))
    begin = time.process_time()
    links = auto.link(objects, auto.AutoSettings())
    took = time.process_time() - begin
    assert len(links.costs) > 2.9 * each
    assert np.mean(links.targets - links.sources == each) > 0.98
    return took / each


@pytest.mark.slow
def test_the_time_is_linear_in_the_objects() -> None:
    """Of one object as large as the image, too, in whose reach all the others are."""
    _seconds(100)
    small = min(_seconds(1000) for _ in range(3))
    assert min(_seconds(5000) for _ in range(2)) < 3 * small
    assert min(_seconds(5000, giant=1000.0) for _ in range(2)) < 4 * small

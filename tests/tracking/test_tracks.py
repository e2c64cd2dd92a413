"""Tracks, lineages and tracked label maps of lineages known by construction."""

from __future__ import annotations

import lineages
import numpy as np
import pytest

from imagej_dl import ctc, images, tracking
from imagej_dl.ctc import from_tracks
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.tracking import lineage
from imagej_dl.tracking.trackers import registry


def _track(labels, **values):
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", values)
    return tracking.track(labels, settings=chosen, engine="embedded")


def test_division():
    tracks = tracking.track(lineages.division(), engine="embedded")
    assert tracks.counts == {
        "spots": 15,
        "links": 13,
        "tracks": 2,
        "divisions": 1,
        "merges": 0,
        "gaps": 0,
    }
    segments = tracks.segments()
    assert segments.parents.tolist() == [0, 0, 1, 1]
    assert ctc.table(tracks).tolist() == [[1, 0, 2, 0], [2, 0, 5, 0], [3, 3, 5, 1], [4, 3, 5, 1]]


def test_tracked_map_has_one_id_for_a_whole_lineage():
    labels = lineages.division()
    tracked = tracking.track(labels, engine="embedded").tracked()
    assert tracked.dtype == np.uint16
    assert tracked.attrs == labels.attrs
    for frame, was in zip(np.asarray(tracked), np.asarray(labels), strict=True):
        assert set(np.unique(frame[was == 2])) == {2}
        assert set(np.unique(frame[np.isin(was, (1, 5, 6))])) == {1}
        assert not frame[was == 0].any()


def test_gap_stays_a_gap_and_ctc_goes_on_under_a_new_id():
    tracks = tracking.track(lineages.gap(), engine="embedded")
    assert tracks.counts["gaps"] == 1
    assert tracks.segments().parents.tolist() == [0, 0]
    tracked = np.asarray(tracks.tracked())
    assert [set(np.unique(frame)) - {0} for frame in tracked] == [{1, 2}] * 2 + [{2}] + [{1, 2}] * 2
    assert ctc.table(tracks).tolist() == [[1, 0, 1, 0], [2, 0, 4, 0], [3, 3, 4, 1]]


def test_merge_is_cut_for_ctc(tmp_path):
    tracks = _track(lineages.merge(), ALLOW_TRACK_MERGING=True)
    assert tracks.counts["merges"] == 1
    assert tracks.counts["tracks"] == 1
    assert set(np.unique(tracks.tracked())) == {0, 1}
    with pytest.warns(DataWarning, match="1 links into merged tracks"):
        ctc.write(tracks, tmp_path / "01_RES")
    found = ctc.read(tmp_path / "01_RES")
    assert found.tracks.tolist() == [[1, 0, 5, 0], [2, 0, 2, 0]]


def test_spots_without_links_keep_ids_of_their_own():
    labels = lineages.movie({1: (0, 0), 2: (40, 40)}, {1: (0, 0)}, {1: (0, 0)})
    tracks = tracking.track(labels, engine="embedded")
    assert tracks.spots["track_id"].tolist() == [0, -1, 0, 0]
    assert tracks.track_labels().tolist() == [1, 2, 1, 1]


def test_pieces_of_one_label_are_told_apart():
    frame = {1: (0, 0), 2: (40, 40)}
    labels = lineages.movie(frame, frame)
    labels.data[labels.data == 2] = 1
    tracked = np.asarray(tracking.track(labels, engine="embedded").tracked())
    assert len(np.unique(tracked[0])) == 3
    np.testing.assert_array_equal(tracked[0], tracked[1])


def test_ids_above_65535_do_not_wrap():
    count = 66_000
    spots = np.arange(count)
    ids = lineage.track_ids(2 * count, spots, spots + count)
    assert ids.max() == count - 1
    assert images.as_labels(ids + 1).dtype == np.uint32


def test_no_objects_at_all(tmp_path):
    empty = lineages.movie({}, {}, {})
    tracks = tracking.track(empty, engine="embedded")
    assert tracks.counts["spots"] == tracks.counts["tracks"] == 0
    tracking.write(tracks, tmp_path / "out")
    assert not np.any(images.read(tmp_path / "out" / "tracked.tif"))
    back = tracking.read_trackmate(tmp_path / "out" / "tracks.xml")
    assert (len(back.spots), len(back.edges)) == (0, 0)


def test_one_frame_is_said(tmp_path):
    labels = lineages.movie({1: (5, 5)}).isel(T=0)
    with pytest.warns(DataWarning, match="one frame"):
        tracks = tracking.track(labels, engine="embedded")
    assert tracks.counts["links"] == 0
    tracking.write(tracks, tmp_path / "out")
    assert ctc.read(tmp_path / "out" / "CTC" / "01_RES").tracks.tolist() == [[1, 0, 0, 0]]


def test_objects_in_some_frames_only():
    tracks = tracking.track(lineages.movie({}, {1: (5, 5)}, {1: (5, 5)}, {}), engine="embedded")
    assert tracks.counts["links"] == 1


@pytest.mark.parametrize("key", sorted(registry.embedded()))
def test_embedded_engine_has_every_tracker_of_the_settings(key):
    tracks = tracking.track(lineages.gap(), settings=tracking.make_settings(key), engine="embedded")
    assert tracks.settings.tracker == key
    assert tracks.counts["links"] >= 6


def test_cancelling_leaves_nothing(tmp_path):
    from imagej_dl.errors import Cancelled

    def stop(stage: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        tracking.track(lineages.gap(), engine="embedded", progress=stop)


def test_an_object_of_two_spots_is_cut_at_its_corner(tmp_path):
    """TrackMate makes two spots of some objects that touch themselves at corners."""
    from scipy import ndimage

    rng = np.random.default_rng(284)
    smooth = ndimage.gaussian_filter(rng.standard_normal((1, 90, 90)), (0, 1, 1))
    frame = (smooth > 0).astype(np.uint16)
    labels = images.make(np.concatenate([frame, frame]), "TYX")
    with pytest.warns(DataWarning, match="too small"):
        tracks = tracking.track(labels, engine="embedded")
    now = tracks.spots["frame"] == 0
    ids = tracks.track_labels()
    pieces = ndimage.label(frame[0], np.ones((3, 3)))[0].ravel()[tracks.spots["pixel"][now]]
    assert len(np.unique(pieces)) < np.count_nonzero(now)
    assert set(np.unique(tracks.tracked()[0])) - {0} == set(ids[now])
    ctc.write(tracks, tmp_path / "01_RES")
    found = ctc.read(tmp_path / "01_RES")
    for number, begin, end, _ in found.tracks.tolist():
        assert (found.masks[begin : end + 1] == number).any(axis=(1, 2)).all()


def test_more_segments_than_ctc_masks_hold(tmp_path, monkeypatch):
    tracks = tracking.track(lineages.division(), engine="embedded")
    monkeypatch.setattr(from_tracks, "_LIMIT", 3)
    with pytest.warns(DataWarning, match="no CTC folder: 4 track segments"):
        tracking.write(tracks, tmp_path / "out")
    assert (tmp_path / "out" / "tracked.tif").is_file()
    assert not (tmp_path / "out" / "CTC").exists()


@pytest.mark.slow
@pytest.mark.parametrize("key", sorted(registry.embedded()))
@pytest.mark.parametrize("frames", [[{}], [{1: (5, 5)}], [{}, {}, {1: (5, 5)}],
                                    [{1: (5, 5)}, {}, {}, {1: (5, 5)}]])  # fmt: skip
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_every_tracker_stands_empty_frames(tmp_path, key, frames):
    chosen = tracking.make_settings(key)
    tracks = tracking.track(lineages.movie(*frames), settings=chosen, engine="embedded")
    assert len(tracks.spots) == sum(map(len, frames))
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_trackmate(tmp_path / "out" / "tracks.xml").counts == tracks.counts


@pytest.mark.slow
def test_70000_objects_keep_their_ids(tmp_path):
    side, step = 265, 6
    frame = np.zeros((side * step, side * step), np.uint32)
    ids = np.arange(1, side * side + 1).reshape(side, side)
    frame[:] = np.kron(ids, np.pad(np.ones((4, 4)), (0, 2))).astype(np.uint32)
    labels = images.make(np.stack([frame, frame]), "TYX", unit="µm", frame_interval=60.0)
    chosen = tracking.make_settings("OVERLAP_TRACKER")
    tracks = tracking.track(labels, settings=chosen, engine="embedded")
    assert tracks.counts["tracks"] == side * side > 70_000
    tracked = tracks.tracked()
    assert tracked.dtype == np.uint32
    assert len(np.unique(tracked)) == side * side + 1
    with pytest.raises(UserError, match="do not fit into the 16-bit masks"):
        ctc.write(tracks, tmp_path / "01_RES")


def test_a_movie_of_another_length_names_both():
    labels = lineages.gap()
    movie = images.make(np.zeros((4, 60, 60), np.uint16), "TYX", title="movie.tif")
    with pytest.raises(UserError, match=r"4 frames.*5 frames") as caught:
        tracking.track(labels, movie, engine="embedded")
    assert caught.value.path == "movie.tif"

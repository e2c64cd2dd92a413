"""Gap filling: what is filled, what stays, and whose ids the objects get."""

from __future__ import annotations

import warnings

import lineages
import numpy as np
import pytest

from imagej_dl import ctc, images, tracking
from imagej_dl.errors import DataWarning
from imagej_dl.tracking import gap_filling, mask_cleanup


def _movie(*missing, frames=7, side=14):
    """One square at rest that is not there in some frames, and a second, always there."""
    both, one = {1: (8, 8), 2: (36, 36)}, {2: (36, 36)}
    return lineages.movie(*[one if t in missing else both for t in range(frames)], side=side)


def test_a_frame_without_the_object_is_filled():
    labels = _movie(3)
    filled = np.asarray(gap_filling.fill(labels))
    assert filled[3, 15, 15] > 0
    assert filled[3, 43, 43] not in (0, filled[3, 15, 15])
    # All that was there still is, and each object in one region.
    given = np.asarray(labels)
    for frame, before in zip(filled, given, strict=True):
        for number in np.unique(before)[1:]:
            assert len(np.unique(frame[before == number])) == 1
            assert frame[before == number][0] > 0


@pytest.mark.parametrize("missing", [(0,), (6,), (0, 1)])
def test_gaps_at_the_start_and_the_end_are_filled_on_request(missing):
    labels = _movie(*missing)
    assert not np.asarray(gap_filling.fill(labels))[list(missing), 15, 15].any()
    filled = gap_filling.fill(labels, ends=True)
    assert (np.asarray(filled)[:, 15, 15] > 0).all()
    tracks = tracking.track(filled, engine="embedded")
    assert (np.bincount(tracks.segments(True).of_spot)[1:] == 7).all()  # two, from end to end


def test_smoothing_is_that_of_8_bit_planes():
    """The definition, plane by plane, as microscopy-dl-suite-tf computes it."""
    from scipy.ndimage import gaussian_filter

    masks = np.asarray(_movie(2, 3)) > 0
    video = masks.astype(np.uint8) * np.uint8(255)
    columns = np.stack([gaussian_filter(video[..., c], 2) for c in range(video.shape[2])], axis=2)
    rows = np.stack([gaussian_filter(video[:, r], 2) for r in range(video.shape[1])], axis=1)
    mean = (0.5 * (rows.astype(np.uint16) + columns)).astype(np.uint8)
    np.testing.assert_array_equal(gap_filling.smooth(masks, 2.0), mean > 0)


def test_touching_regions_stay_apart_unless_fused():
    labels = lineages.movie(*[{1: (5, 5), 2: (17, 5)}] * 3, side=10)
    count = [
        len(np.unique(gap_filling.fill(labels, 2.0, 20, fuse)[1])) - 1 for fuse in (False, True)
    ]
    assert count == [2, 1]


def test_small_regions_are_dropped():
    labels = lineages.movie(*[{1: (5, 5), 2: (40, 40)}] * 3, side=4)
    assert gap_filling.fill(labels, smallest=200).max() == 0
    assert gap_filling.fill(labels, smallest=16).max() == 2


def test_tidy_closes_fills_and_drops():
    mask = np.zeros((60, 60), bool)
    mask[5:25, 5:25] = True
    mask[14:16, 14:16] = False
    mask[8:22, 18] = False
    mask[40:46, 40:46] = True
    expected = np.zeros_like(mask)
    expected[5:25, 5:25] = True
    np.testing.assert_array_equal(mask_cleanup.tidy(mask), expected)
    edge = np.zeros((30, 30), bool)
    edge[:, :10] = True
    np.testing.assert_array_equal(mask_cleanup.tidy(edge), edge)


def test_merge_takes_the_object_that_overlaps_most():
    labels = np.zeros((1, 10, 20), np.uint16)
    labels[0, 2:5, 1:5] = 1
    labels[0, 2:5, 6:8] = 2
    regions = np.zeros((1, 10, 20), np.uint32)
    regions[0, 1:6, 0:9] = 70_000
    regions[0, 1:6, 12:15] = 9
    merged = gap_filling.merge(regions, labels)
    assert merged.dtype == np.uint32
    np.testing.assert_array_equal(merged[0] == 70_000, labels[0] == 1)
    np.testing.assert_array_equal(merged[0] == 9, regions[0] == 9)
    assert set(np.unique(merged)) == {0, 9, 70_000}


def test_merge_of_two_regions_over_one_object():
    labels = np.ones((1, 4, 10), np.uint16)
    regions = np.zeros((1, 4, 10), np.uint32)
    regions[0, :, :7] = 1
    regions[0, :, 7:] = 2
    assert set(np.unique(gap_filling.merge(regions, labels))) == {1}


def test_tracks_get_the_objects_shapes_again(tmp_path):
    labels = _movie(3)
    tracks = tracking.track(
        labels, settings=tracking.default_settings().filling_gaps(), engine="embedded"
    )
    assert (tracks.counts["spots"], tracks.counts["tracks"], tracks.counts["gaps"]) == (14, 2, 0)
    tracked = np.asarray(tracks.tracked())
    given = np.asarray(labels)
    for frame in (0, 1, 2, 4, 5, 6):
        np.testing.assert_array_equal(tracked[frame] > 0, given[frame] > 0)
    assert tracked[3, 15, 15] == tracked[2, 15, 15]
    tracking.write(tracks, tmp_path / "out")
    assert tracking.read_settings(tmp_path / "out" / "settings.json").fill_gaps
    assert len(ctc.read(tmp_path / "out" / "CTC" / "01_RES").tracks) == 2


@pytest.mark.slow
def test_spots_have_the_labels_of_the_map_that_was_tracked():
    movie = np.zeros((5, 40, 40), np.uint16)
    movie[:, 5:17, 5:17] = 70
    movie[:, 24:36, 24:36] = 9
    movie[2, 5:17] = 0
    tracks = tracking.track(images.make(movie, "TYX"), settings=tracking.make_settings("AUTO"))
    filled = tracking.make_settings("AUTO", fill_gaps=True)
    found = tracking.track(images.make(movie, "TYX"), settings=filled)
    assert tracks.spots["label"].tolist() == [70, 9, 70, 9, 9, 70, 9, 70, 9]
    assert found.spots["label"].tolist() == [70, 9, 70, 9, 0, 9, 70, 9, 70, 9]


def test_more_ids_than_8_or_16_bits_hold():
    side = 270
    frame = np.zeros((2, 3 * side, 3 * side), np.uint32)
    frame[:, ::3, ::3] = np.arange(1, side * side + 1).reshape(side, side)
    filled = gap_filling.fill(images.make(frame, "TYX"), sigma=0.2, smallest=1)
    assert filled.dtype == np.uint32
    assert len(np.unique(filled[0])) == side * side + 1


@pytest.mark.slow
@pytest.mark.parametrize("movie", ["movie", "movie-dense"])
def test_gap_filling_helps(shared_data, tmp_path, movie):
    from imagej_dl.evaluation import ctc_metrics as scores

    labels = images.read(shared_data / movie / "detections.tif")
    truth = ctc.read_truth(shared_data / movie / "truth")
    found = []
    for chosen in (tracking.default_settings(), tracking.default_settings().filling_gaps()):
        tracks = tracking.track(labels, settings=chosen, engine="embedded")
        ctc.write(tracks, tmp_path / str(chosen.fill_gaps) / "01_RES")
        result = ctc.read(tmp_path / str(chosen.fill_gaps) / "01_RES")
        found.append(scores.score(result, truth)["TRA"])
    assert found[1] > found[0] + 0.015


def test_objects_too_small_are_left_out_with_a_word():
    labels = lineages.movie(*[{1: (8, 8), 2: (36, 36)}] * 3, side=3)
    with pytest.warns(DataWarning, match="6 objects are left out.*fewer than 100 pixels"):
        assert not np.asarray(gap_filling.fill(labels, smallest=100)).any()
    assert np.asarray(gap_filling.fill(labels)).any()


def test_a_tidied_hole_is_of_the_object_round_it():
    array = np.zeros((3, 60, 60), np.uint16)
    array[:, 5:55, 5:55] = 5
    array[:, 20:35, 20:35] = 0
    filled = np.asarray(gap_filling.fill(images.make(array, "TYX"), tidied=True))
    assert np.unique(filled[:, 6:54, 6:54]).tolist() == [1]


def test_contours_stay_as_traced_where_asked_for():
    chosen = tracking.make_settings(
        "SPARSE_LAP_TRACKER", detector={"SIMPLIFY_CONTOURS": False}, fill_gaps=True
    )
    y, x = np.ogrid[:40, :40]
    disc = ((y - 20) ** 2 + (x - 20) ** 2 <= 90).astype(np.uint16)
    labels = images.make(np.stack([disc] * 3), "TYX")
    filled = tracking.track(labels, settings=chosen, engine="embedded")
    plain = tracking.track(
        labels, settings=chosen.model_copy(update={"fill_gaps": False}), engine="embedded"
    )
    np.testing.assert_array_equal(filled.contours[1], plain.contours[1])


def test_gaps_are_filled_between_appearances_only(shared_data):
    labels = images.read(shared_data / "faults" / "tracking" / "k_gaps.tif")
    filled = gap_filling.fill(labels)
    there = [len(np.unique(frame)) - 1 for frame in filled.values]
    assert there == [0, *[2] * 10, 0]
    assert gap_filling.added(labels, filled) == 4
    suite = [len(np.unique(frame)) - 1 for frame in gap_filling.fill(labels, ends=True).values]
    assert suite == [2] * 12


def test_debris_of_one_frame_stays_in_it(shared_data):
    labels = images.read(shared_data / "faults" / "tracking" / "k_debris.tif")
    filled = gap_filling.fill(labels)
    assert gap_filling.added(labels, filled) == 0
    assert [len(np.unique(f)) - 1 for f in filled.values] == [1] * 5 + [2] + [1] * 4
    tracks = tracking.track(
        labels, settings=tracking.default_settings().filling_gaps(), engine="embedded"
    )
    lengths = np.bincount(tracks.spots["track_id"].to_numpy() + 1)
    assert sorted(lengths[1:]) == [10]
    assert lengths[0] == 1  # a spot without a track
    assert [len(np.unique(f)) - 1 for f in gap_filling.fill(labels, ends=True).values].count(2) == 5


def test_small_objects_are_not_dropped_by_default():
    labels = lineages.movie(*[{1: (8, 8)}] * 3, side=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gap_filling.fill(labels, sigma=0.5).max() == 1

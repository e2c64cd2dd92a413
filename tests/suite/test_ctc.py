"""Cell Tracking Challenge folders to the suite's frames and back."""

import shutil

import numpy as np
import pytest
from suite_command import run

from imagej_dl import ctc, images
from imagej_dl.ctc import CtcFolder
from imagej_dl.ctc.identities import followed, matched
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.suite import items, read_ctc, write_ctc_results, write_ctc_truth
from imagej_dl.suite.ctc_export import sequences


@pytest.fixture
def challenge(tmp_path):
    """A sequence of 5 frames: object 3 divides into 8 and 9, object 5 goes on; markers are small.

    SEG has frames 0, 1 and 4 only, with ids of its own.
    """
    folder, markers = tmp_path / "C", np.zeros((5, 30, 40), np.uint16)
    markers[:2, 5:7, 5:7] = 3
    markers[2:, 3:5, 5:7], markers[2:, 9:11, 5:7] = 8, 9
    markers[:, 20:22, 30:32] = 5
    rows = np.array([(3, 0, 1, 0), (5, 0, 4, 0), (8, 2, 4, 3), (9, 2, 4, 3)])
    ctc.write_truth(CtcFolder(markers, rows), folder / "01_GT")
    shutil.rmtree(folder / "01_GT" / "SEG")
    whole = [np.zeros((30, 40), np.uint16) for _ in range(5)]
    for t in range(2):
        whole[t][4:9, 4:9], whole[t][18:24, 28:34] = 1, 2
    whole[4][2:6, 4:9], whole[4][8:12, 4:9], whole[4][18:24, 28:34] = 1, 2, 3
    whole[4][26:29, 2:5] = 4  # which nobody has followed
    for t in (0, 1, 4):
        path = folder / "01_GT" / "SEG" / f"man_seg{t:03}.tif"
        images.write(images.make(whole[t]), path)
    for t in range(5):
        picture = images.make(np.full((30, 40), t, np.uint8))
        images.write(picture, folder / "01" / f"t{t:03}.tif")
    return folder


def test_frames_with_segmentation_get_the_ids_of_the_tracks(challenge, tmp_path):
    with pytest.warns(DataWarning) as said:
        run("frames", "from-ctc", challenge, "--out", tmp_path / "F")
    words = " ".join(str(w.message) for w in said)
    assert "2 of 5 frames have no segmentation" in words
    assert "1 objects have no marker" in words
    found = items(tmp_path / "F", recurrent=True)
    assert [item.name for item in found] == ["01_0-1", "01_4-4"]
    first, last = (item.labels.data for item in found)
    assert first[0, 5, 5] == first[1, 8, 8] == 3
    assert (last[0, 5, 5], last[0, 9, 5], last[0, 20, 30], last[0, 27, 3]) == (8, 9, 5, 10)
    assert found[1].image.data.max() == 4
    back = run("frames", "to-ctc", tmp_path / "F", "--out", tmp_path / "G")
    assert "01: 3 frames, SEG of 3, no TRA" in back
    seg = ctc.numbered(tmp_path / "G" / "01_GT" / "SEG", "man_seg")
    assert list(seg) == [0, 1, 4]
    assert not (tmp_path / "G" / "01_GT" / "TRA").exists()  # it would need all frames
    np.testing.assert_array_equal(ctc.read_mask(seg[0]), first[0])


def test_frames_with_labels_get_seg_where_others_have_none(challenge, tmp_path):
    shutil.rmtree(challenge / "01_GT" / "SEG")
    with pytest.warns(DataWarning, match="tracking masks are used"):
        run("frames", "from-ctc", challenge, "--out", tmp_path / "F")
    kept = tmp_path / "F" / "labels"
    truth = {t: ctc.read_mask(kept / f"instance_ids_{t + 1:03}.tif") for t in (0, 3)}
    for number in (2, 3, 5):
        (kept / f"instance_ids_{number:03}.tif").unlink()
    with pytest.warns(DataWarning, match="01: 3 of 5 frames have no labels: SEG is written, TRA"):
        said = run("frames", "to-ctc", tmp_path / "F", "--out", tmp_path / "G")
    assert "01: 5 frames, SEG of 2, no TRA" in said
    assert len(ctc.numbered(tmp_path / "G" / "01", "t")) == 5
    seg = ctc.numbered(tmp_path / "G" / "01_GT" / "SEG", "man_seg")
    assert list(seg) == [0, 3]
    for t, path in seg.items():
        np.testing.assert_array_equal(ctc.read_mask(path), truth[t])
    assert [path.name for path in (tmp_path / "G" / "01_GT").iterdir()] == ["SEG"]
    # The other ways need labels of all; and a label needs its image in all.
    with pytest.raises(UserError, match=r"raw_002\.tif has no label map"):
        run("frames", "split", tmp_path / "F", "--out", tmp_path / "H")
    (tmp_path / "F" / "inputs" / "raw_004.tif").unlink()
    with pytest.raises(UserError, match=r"instance_ids_004\.tif has no image"):
        run("frames", "to-ctc", tmp_path / "F", "--out", tmp_path / "H")


def test_objects_that_nobody_followed_have_free_ids_without_a_table(challenge):
    (challenge / "01_GT" / "TRA" / "man_track.txt").unlink()
    with pytest.warns(DataWarning, match="1 objects have no marker"):
        last = read_ctc(challenge).labels["01_4-4"].data
    assert (last[0, 5, 5], last[0, 9, 5], last[0, 20, 30], last[0, 27, 3]) == (8, 9, 5, 10)


def test_silver_truth_and_sequences_without_any(challenge, tmp_path):
    silver = challenge / "01_ST" / "SEG"
    for t in range(5):
        mask = ctc.read_mask(challenge / "01_GT" / "TRA" / f"man_track{t:03}.tif")
        images.write(images.make((mask > 0) * np.uint16(1)), silver / f"man_seg{t:03}.tif")
    shutil.copytree(challenge / "01", challenge / "02")
    with pytest.warns(DataWarning, match="02: there is no ground truth"):
        found = read_ctc(challenge, "silver")
    assert list(found.videos) == list(found.labels) == ["01_0-4"]
    shutil.rmtree(challenge / "01_GT")
    assert list(read_ctc(challenge).videos) == ["01_0-4", "02_0-4"]
    assert not read_ctc(challenge).labels
    images.write(images.make(np.zeros((30, 40), np.uint16)), silver / "man_seg007.tif")
    with pytest.raises(UserError, match=r"01: has no image for man_seg007\.tif"):
        read_ctc(challenge, "silver")
    with pytest.raises(UserError, match="no sequence"):
        read_ctc(tmp_path)


@pytest.mark.slow
def test_a_real_lineage_goes_there_and_back(shared_data, tmp_path):
    movie = images.read(shared_data / "movie" / "movie.tif")
    for t in range(movie.sizes["T"]):
        images.write(movie.isel(T=t), tmp_path / "C" / "01" / f"t{t:03}.tif")
    shutil.copytree(shared_data / "movie" / "truth", tmp_path / "C" / "01_GT" / "TRA")
    with pytest.warns(DataWarning, match="tracking masks are used"):
        run("frames", "from-ctc", tmp_path / "C", "--out", tmp_path / "F")
    run("frames", "to-ctc", tmp_path / "F", "--out", tmp_path / "G")
    truth, again = (ctc.read(tmp_path / name / "01_GT") for name in "CG")
    np.testing.assert_array_equal(again.masks, truth.masks)
    np.testing.assert_array_equal(again.tracks, truth.tracks)
    np.testing.assert_array_equal(
        images.read(tmp_path / "G" / "01" / "t007.tif").data, movie.data[7]
    )
    # Labels as predict writes them, numbered anew in each frame: tracks and parents are found.
    anew = [np.unique(mask, return_inverse=True)[1].reshape(mask.shape) for mask in truth.masks]
    labels = images.with_data(movie, np.stack(anew).astype(np.uint16))
    images.write(labels, tmp_path / "P" / "01_0-39.tif")
    said = run("frames", "to-ctc", tmp_path / "P", "--out", tmp_path / "R")
    assert "31 tracks, 8 with a parent" in said
    result, target = tmp_path / "R" / "01_RES", tmp_path / "G" / "01_GT"
    scores = run("evaluate", "--pred", result, "--truth", target)
    found = dict(line.rsplit(None, 1) for line in scores.splitlines() if line.strip())
    kept = {name.split()[-1]: float(value) for name, value in found.items()}
    assert kept["SEG"] == kept["TRA"] == kept["BC(0)"] == 1


def test_ids_that_are_tracks_keep_their_parents_over_gaps():
    masks = np.zeros((6, 4, 4), np.uint16)
    masks[[0, 1, 3], 0, 0] = 1
    masks[4:, 1, 1], masks[4:, 2, 2], masks[:, 3, 3] = 2, 4, 7
    rows = np.array([(1, 0, 3, 0), (2, 4, 5, 1), (4, 4, 5, 7), (9, 0, 1, 1)])
    found = followed(masks, rows)
    # 8 is what comes after the gap of 1; 7 lives on, so it is no mother of 4.
    expected = [(1, 0, 1, 0), (2, 4, 5, 8), (4, 4, 5, 0), (7, 0, 5, 0), (8, 3, 3, 1)]
    assert found.tracks.tolist() == [list(row) for row in expected]
    assert found.masks[:, 0, 0].tolist() == [1, 1, 0, 8, 0, 0]
    assert followed(np.zeros((2, 3, 3), np.uint16)).tracks.shape == (0, 4)


def test_results_whose_ids_are_tracks(tmp_path):
    masks = np.zeros((3, 20, 20), np.uint16)
    masks[0, 5:15, 5:15], masks[1:, 2:8, 5:15], masks[1:, 12:18, 5:15] = 4, 6, 5
    images.write(images.make(masks, "TYX"), tmp_path / "P" / "cells.tif")
    (tmp_path / "P" / "tracks").mkdir()
    (tmp_path / "P" / "tracks" / "01.txt").write_text("4 0 0 0\n5 1 2 4\n6 1 2 4\n")
    run("frames", "to-ctc", tmp_path / "P", "--out", tmp_path / "R", "--same-ids")
    found = ctc.read(tmp_path / "R" / "01_RES")
    np.testing.assert_array_equal(found.masks, masks)
    assert found.tracks.tolist() == [[4, 0, 0, 0], [5, 1, 2, 4], [6, 1, 2, 4]]
    with pytest.raises(UserError, match="holds no label maps"):
        run("frames", "to-ctc", tmp_path / "R", "--out", tmp_path / "x")


def test_sequences_are_numbered_by_their_names_or_in_order():
    video = images.make(np.zeros((3, 2, 2), np.uint16), "TYX")
    by_name = {"02_4-6": video, "02_8-10": video, "01_1-3": video}
    assert sequences(by_name) == {
        "02": [("02_4-6", range(4, 7)), ("02_8-10", range(8, 11))],
        "01": [("01_1-3", range(3))],
    }
    assert list(sequences({"b": video, "01_1-3": video})) == ["01", "02"]


def test_an_object_with_two_markers_gets_the_one_that_covers_more():
    objects = np.array([[1, 1, 1, 0, 2, 2]])
    markers = np.array([[7, 7, 5, 5, 5, 0]])
    assert matched(objects, markers) == {1: 7, 2: 5}
    assert matched(np.zeros((2, 2), int), np.zeros((2, 2), int)) == {}


def test_labels_without_a_table_of_tracks_are_said(tmp_path):
    video = images.make(np.zeros((2, 5, 5), np.uint16), "TYX")
    with pytest.warns(DataWarning, match="no table lists parents"):
        said = write_ctc_truth({"a": video, "b": video}, {"a": video}, {}, tmp_path / "G")
    assert said == ["01: 2 frames, 0 tracks, 0 with a parent", "02: 2 frames without labels"]


def test_all_names_have_as_many_digits_as_the_last_frame_needs(tmp_path):
    plane = images.make(np.ones((1, 4, 5), np.uint16), "TYX")
    videos = {"01_0-0": plane, "01_1000-1000": plane}
    with pytest.warns(DataWarning):
        write_ctc_truth(videos, videos, {}, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.tif"))
    assert names == ["man_seg0000.tif", "man_seg1000.tif", "t0000.tif", "t1000.tif"]


def test_parts_of_a_sequence_of_unequal_size_are_named(tmp_path):
    videos = {
        f"01_{first}-{first}": images.make(np.ones((1, side, 9), np.uint16), "TYX")
        for first, side in ((0, 9), (1, 8))
    }
    with pytest.raises(UserError, match=r"sequence 01 .*01_0-0 \(9, 9\), 01_1-1 \(8, 9\)"):
        write_ctc_results(videos, tmp_path / "out")

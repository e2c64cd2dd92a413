"""Tracks edited in TrackMate's file come back as objects, lineage and a list of changes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import lineages
import numpy as np
import pytest

from imagej_dl import ctc, images, tracking
from imagej_dl.commands.corrections import Corrections
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.progress import silent
from imagej_dl.tracking import corrections


@pytest.fixture
def result(tmp_path):
    """An automatic result: a division, and another cell."""
    tracks = tracking.track(lineages.division(), engine="embedded")
    tracking.write(tracks, tmp_path / "auto")
    return tmp_path / "auto"


def _edit(folder, change, name="edited.xml"):
    tree = ET.parse(folder / "tracks.xml")
    change(tree.getroot())
    tree.write(folder / name)
    return tracking.read_trackmate(folder / name)


def _correct(folder, change):
    return corrections.correct(_edit(folder, change), corrections.read_automatic(folder))


def _spot(root, frame, x, y):
    """The spot nearest to a place, in pixels."""
    spots = root.findall(f".//SpotsInFrame[@frame='{frame}']/Spot")
    return min(
        spots,
        key=lambda s: abs(float(s.get("POSITION_X")) - x) + abs(float(s.get("POSITION_Y")) - y),
    )


def test_nothing_edited_is_the_automatic_result(result):
    found = _correct(result, lambda root: None)
    automatic = ctc.read(result / "CTC" / "01_RES")
    layout = ctc.layout(found.tracks)
    np.testing.assert_array_equal(layout.masks, automatic.masks)
    np.testing.assert_array_equal(layout.tracks, automatic.tracks)
    assert found.changes == {
        "spots kept": 15, "spots changed": 0, "spots added": 0, "spots deleted": 0,
        "links made": 0, "links cut": 0,
    }  # fmt: skip
    assert found.frames.tolist() == []


@pytest.mark.slow
def test_on_real_movies_nothing_edited_is_the_automatic_result(shared_data, tmp_path):
    labels = images.read(shared_data / "movie-dense" / "detections.tif")
    tracks = tracking.track(labels, engine="embedded")
    tracking.write(tracks, tmp_path / "auto")
    found = _correct(tmp_path / "auto", lambda root: None)
    assert found.changes["spots kept"] == 941
    assert sum(found.changes.values()) == 941
    layout, own = ctc.layout(found.tracks), ctc.read(tmp_path / "auto" / "CTC" / "01_RES")
    np.testing.assert_array_equal(layout.masks, own.masks)


def test_a_moved_spot(result):
    def move(root):
        spot = _spot(root, 1, 23.5, 23.5)
        spot.set("POSITION_X", str(float(spot.get("POSITION_X")) + 3))

    found = _correct(result, move)
    assert (found.changes["spots changed"], found.changes["spots kept"]) == (1, 14)
    assert found.frames.tolist() == [1]
    before = np.asarray(lineages.division())[1] == 1
    after = np.asarray(found.tracks.tracked())[1]
    assert (after[:, 3:] > 0)[before[:, :-3]].mean() > 0.85
    assert not after[20:28, 20:22].any()


def test_a_redrawn_contour(result):
    def redraw(root):
        spot = _spot(root, 2, 23.5, 53.5)
        spot.set("ROI_N_POINTS", "4")
        spot.text = "-2 -2 2 -2 2 2 -2 2"

    found = _correct(result, redraw)
    assert found.changes["spots changed"] == 1
    mask = np.asarray(found.tracks.tracked())[2, 44:]
    y, x = np.nonzero(mask)
    assert len(y) == 16
    assert (x.min(), x.max(), y.min() + 44, y.max() + 44) == (22, 25, 52, 55)


def test_spots_deleted_and_added_and_links(result):
    def edit(root):
        gone = _spot(root, 4, 19.5, 23.5)
        for frame in root.iter("SpotsInFrame"):
            if gone in list(frame):
                frame.remove(gone)
        for track in root.iter("Track"):
            for edge in list(track):
                if gone.get("ID") in (edge.get("SPOT_SOURCE_ID"), edge.get("SPOT_TARGET_ID")):
                    track.remove(edge)
        frame = next(f for f in root.iter("SpotsInFrame") if f.get("frame") == "0")
        # As TrackMate adds one by a key: a circle without a contour.
        new = {"ID": "900", "name": "ID900", "POSITION_X": "50", "POSITION_Y": "10",
               "POSITION_Z": "0", "POSITION_T": "0", "FRAME": "0", "RADIUS": "4",
               "QUALITY": "-1", "VISIBILITY": "1"}  # fmt: skip
        ET.SubElement(frame, "Spot", new)

    found = _correct(result, edit)
    assert found.changes == {
        "spots kept": 14, "spots changed": 0, "spots added": 1, "spots deleted": 1,
        "links made": 0, "links cut": 0,
    }  # fmt: skip
    assert found.frames.tolist() == [0, 4]
    circle = np.asarray(found.tracks.tracked())[0, :20, 40:]
    assert np.count_nonzero(circle) == pytest.approx(np.pi * 16, abs=5)
    rows = ctc.layout(found.tracks).tracks
    # The daughter ends before the gap; the spot after it is alone; the new spot as well.
    assert len(rows) == 6


def test_links_cut_and_made(result):
    def relink(root):
        mother, daughter = _spot(root, 2, 23.5, 23.5), _spot(root, 3, 19.5, 23.5)
        other, far = _spot(root, 2, 23.5, 53.5), _spot(root, 3, 23.5, 53.5)
        for edge in root.iter("Edge"):
            ends = (edge.get("SPOT_SOURCE_ID"), edge.get("SPOT_TARGET_ID"))
            if ends == (mother.get("ID"), daughter.get("ID")):
                edge.set("SPOT_SOURCE_ID", other.get("ID"))
        assert far is not None

    found = _correct(result, relink)
    assert (found.changes["links made"], found.changes["links cut"]) == (1, 1)
    assert found.frames.tolist() == []
    rows = ctc.layout(found.tracks).tracks
    assert np.count_nonzero(rows[:, 3]) == 2


def test_without_the_automatic_result_contours_are_filled(result):
    found = corrections.correct(tracking.read_trackmate(result / "tracks.xml"))
    given = np.asarray(lineages.division()) > 0
    filled = np.asarray(found.tracks.tracked()) > 0
    # The contours are simplified: not each pixel, but nearly.
    assert np.count_nonzero(given & filled) / np.count_nonzero(given | filled) > 0.9
    assert found.changes == {}
    assert found.frames.tolist() == [0, 1, 2, 3, 4, 5]


def test_the_smaller_of_two_that_overlap_has_the_pixels(result):
    def cover(root):
        spot = _spot(root, 0, 23.5, 23.5)
        spot.set("ROI_N_POINTS", "4")
        spot.text = "-15 -15 15 -15 15 40 -15 40"
        small = _spot(root, 0, 23.5, 53.5)
        small.set("ROI_N_POINTS", "4")
        small.text = "-2 -2 2 -2 2 2 -2 2"

    found = _correct(result, cover)
    first = np.asarray(found.tracks.tracked())[0]
    assert first[53, 23] != first[30, 23] > 0
    assert np.count_nonzero(first == first[53, 23]) == 16


def test_spots_that_filters_hide_are_said(tmp_path):
    """They would be background, which a training on the masks learns."""
    few = tracking.make_settings(
        "SPARSE_LAP_TRACKER", spot_filters=({"feature": "POSITION_X", "value": 20},)
    )
    tracks = tracking.track(lineages.gap(), settings=few, engine="embedded")
    hidden = len(tracks.everything.spots) - len(tracks.spots)
    assert hidden
    tracking.write(tracks, tmp_path / "auto")
    found = tracking.read_trackmate(tmp_path / "auto" / "tracks.xml")
    automatic = corrections.read_automatic(tmp_path / "auto")
    with pytest.warns(DataWarning, match=f"{hidden} spots that the filters hide are left out"):
        corrections.correct(found, automatic)


def test_spots_outside_the_image_are_said(result):
    def away(root):
        _spot(root, 5, 23.5, 53.5).set("POSITION_X", "500")

    with pytest.warns(DataWarning, match="1 spots are left out"):
        found = _correct(result, away)
    assert len(found.tracks.spots) == 14
    assert found.tracks.counts["links"] == 12


def test_other_movies_and_folders_are_refused(result, tmp_path):
    other = tracking.track(lineages.gap(), engine="embedded")
    tracking.write(other, tmp_path / "other")
    edited = tracking.read_trackmate(result / "tracks.xml")
    with pytest.raises(UserError, match=r"of 6 frames.*of 5 frames"):
        corrections.correct(edited, corrections.read_automatic(tmp_path / "other"))
    (tmp_path / "other" / "spots.csv").write_bytes((result / "spots.csv").read_bytes())
    with pytest.raises(UserError, match=r"does not match|not a complete result"):
        corrections.read_automatic(tmp_path / "other")
    with pytest.raises(UserError):
        corrections.read_automatic(tmp_path)


def test_contours_that_are_not_simplified(tmp_path):
    chosen = tracking.make_settings("SPARSE_LAP_TRACKER", detector={"SIMPLIFY_CONTOURS": False})
    y, x = np.ogrid[:40, :40]
    disc = ((y - 20) ** 2 + (x - 17) ** 2 + x * y / 9 <= 90).astype(np.uint16)
    labels = images.make(np.stack([disc] * 3), "TYX")
    tracking.write(tracking.track(labels, settings=chosen, engine="embedded"), tmp_path / "auto")
    found = _correct(tmp_path / "auto", lambda root: None)
    assert found.changes["spots kept"] == 3
    np.testing.assert_array_equal(found.tracks.labels > 0, labels > 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda r: r.find(".//ImageData").set("width", "999999999"),
            "damaged TrackMate file .a movie of 6 frames of 999999999",
        ),
        (
            lambda r: r.find(".//Spot").set("FRAME", "99999999999"),
            "damaged TrackMate file .a movie of 100000000000 frames",
        ),
        (
            lambda r: ET.SubElement(
                r.find(".//SpotFilterCollection"), "Filter", feature="AREA", value="NaN"
            ),
            "a filter of AREA is at NaN",
        ),
    ],
)
def test_absurd_numbers_are_said_of_the_file(result, tmp_path, change, words):
    tree = ET.parse(result / "tracks.xml")
    change(tree.getroot())
    tree.write(tmp_path / "absurd.xml")
    values = {"tracks": tmp_path / "absurd.xml", "out": tmp_path / "out"}
    with pytest.raises(UserError, match=rf"absurd\.xml: .*{words}"):
        Corrections.declare(values).run(silent)

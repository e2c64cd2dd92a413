"""Label maps of ROIs: ids, overlaps, positions on stacks, what is left out."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi
from imagej_dl.rois.positions import Position, Stack, exchanged, named_slice, position


def box(x: int, y: int, width: int, height: int, name: str = "", **more: int) -> Roi:
    return Roi("rectangle", name or f"{x}-{y}", box=(x, y, width, height), **more)


BIG, SMALL = box(0, 0, 6, 6, "big"), box(4, 4, 3, 3, "small")


@pytest.mark.slow
def test_real_sets_equal_their_labels(shared_data: Path) -> None:
    """All 48 RoiSets give the label maps that ImageJ's masks gave, and so do their traces."""
    sets = sorted((shared_data / "nuclei").glob("*/*/RoiSet.zip"))
    assert len(sets) == 48
    for path in sets:
        image = images.read(path.with_name("image.tif"))
        truth = images.read(path.with_name("labels.tif"))
        labels, report = rois.label_map(rois.read(path), image)
        np.testing.assert_array_equal(labels, truth, err_msg=str(path))
        assert labels.dtype == np.uint16
        assert (report.contested, len(report.kept)) == (0, truth.max())
        again, _ = rois.label_map(rois.trace(labels), image)
        np.testing.assert_array_equal(again, truth, err_msg=str(path))


@pytest.mark.parametrize(("overlap", "winner"), [("last", 2), ("first", 1), ("smallest", 2)])
@pytest.mark.parametrize("swapped", [False, True])
def test_overlap(overlap: str, winner: int, swapped: bool) -> None:
    some = [SMALL, BIG] if swapped else [BIG, SMALL]
    if overlap == "smallest" and swapped:
        winner = 1
    labels, report = rois.label_map(some, (8, 8), overlap=overlap)
    assert report.contested == 4
    assert (labels[4:6, 4:6] == winner).all()
    sizes = [36, 9] if not swapped else [9, 36]
    assert [row.area_px for row in report.rows] == sizes
    lost = 2 - winner
    assert report.rows[lost].visible_px == sizes[lost] - 4
    assert report.rows[1 - lost].visible_px == sizes[1 - lost]


def test_overlap_as_an_error_names_both() -> None:
    with pytest.raises(UserError, match=r"'big' and 'small' overlap.*column 4 of line 4"):
        rois.label_map([BIG, SMALL], (8, 8), overlap="error")
    labels, report = rois.label_map([BIG, box(6, 0, 2, 2)], (8, 8), overlap="error")
    assert (labels.values.max(), report.contested) == (2, 0)


def test_left_out_are_named_and_ids_stay_dense() -> None:
    some = [
        BIG,
        Roi("point", "dot", points=np.zeros((1, 2), np.int32)),
        Roi("line", "dash", params=(0.0, 7.0, 5.0, 7.0)),
        box(50, 50, 3, 3, "away"),
        box(6, -2, 4, 4, "corner"),
    ]
    with pytest.warns(DataWarning) as caught:
        labels, report = rois.label_map(some, (8, 8))
    words = " | ".join(str(w.message) for w in caught)
    assert "1 ROI left out: is a point, not an area dot" in words
    assert "is a line, not an area dash" in words
    assert "lies outside the image away" in words
    assert "cut at the border of the image: corner" in words
    assert [row.label for row in report.rows] == [1, 0, 0, 0, 2]
    assert [row.clipped for row in report.rows] == [False] * 4 + [True]
    assert (labels.values == 2).sum() == 4
    with pytest.warns(DataWarning):
        labels, report = rois.label_map(some, (8, 8), lines_as_areas=True)
    assert report.rows[2].label == 2


def test_nothing_to_label() -> None:
    with pytest.raises(UserError, match="there are no ROIs"):
        rois.label_map([], (8, 8))
    words = r"no ROI encloses a pixel of the image \(1 ROI left out: lies outside the image 50-50\)"
    with pytest.raises(UserError, match=words):
        rois.label_map([box(50, 50, 3, 3)], (8, 8))
    with pytest.raises(UserError, match="not a shape"):
        rois.label_map([BIG], (8,))


def test_hidden_roi_is_named() -> None:
    with pytest.warns(DataWarning, match="hidden by other ROIs: small"):
        rois.label_map([SMALL, box(0, 0, 8, 8)], (8, 8))


@pytest.mark.slow
def test_a_selection_of_several_objects_is_named() -> None:
    """It is what a threshold and Create Selection give: a single ROI."""
    shapes = np.zeros((4, 14, 24), np.uint16)
    shapes[0, 1:5, 1:5] = shapes[0, 5:9, 5:9] = 1  # touch at a corner
    shapes[1, 1:5, 1:5] = shapes[1, 12, 20] = 1  # a stray pixel
    shapes[2, 1:11, 1:11], shapes[2, 3:6, 3:6] = 1, 0  # a hole
    shapes[3, 1:5, 1:5] = shapes[3, 6:10, 1:5] = shapes[3, 2:6, 10:14] = 1
    drawn = [rois.trace(images.make(shape, "YX"))[0] for shape in shapes]
    drawn = [replace(r, name=str(i), properties="", z=1, t=i + 1) for i, r in enumerate(drawn)]
    with pytest.warns(DataWarning, match=r"1 ROI in several large pieces.*Split.*: 3$") as caught:
        labels, report = rois.label_map(drawn, (4, 14, 24))
    assert len(caught) == 1
    np.testing.assert_array_equal(labels.values > 0, shapes > 0)
    assert [bool(row.note) for row in report.rows] == [False, False, False, True]


def test_a_roi_of_the_whole_image_is_named() -> None:
    """Select All and a key add it; first of all, nothing is hidden by it."""
    with pytest.warns(DataWarning, match=r"cover the whole image.*: all\. Delete"):
        rois.label_map([box(0, 0, 8, 8, "all"), SMALL], (8, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rois.label_map([box(0, 0, 8, 8)], (8, 8))  # a cell that fills the image
        rois.label_map([box(0, 0, 8, 8, "background"), SMALL], (8, 8))


def test_rois_of_two_channels_that_overlap_are_warned_of() -> None:
    image = images.make(np.zeros((2, 8, 8), np.uint8), "CYX")
    cell, nucleus = replace(BIG, channel=2, z=1, t=1), box(1, 1, 3, 3, channel=1, z=1, t=1)
    with pytest.warns(DataWarning, match=r"channels 1, 2 .* share 9 pixels.*--channel"):
        rois.label_map([cell, nucleus], image)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rois.label_map([cell, replace(box(6, 6, 2, 2), channel=1, z=1, t=1)], image)


def test_more_than_65535_labels() -> None:
    y, x = np.indices((260, 256))
    many = [box(int(b), int(a), 1, 1) for a, b in zip(y.flat, x.flat, strict=True)]
    labels, _ = rois.label_map(many, (260, 256))
    assert labels.dtype == np.uint32
    np.testing.assert_array_equal(labels.values.ravel(), np.arange(1, 260 * 256 + 1))


def test_calibration_is_carried_over() -> None:
    image = images.make(
        np.zeros((2, 8, 8), np.uint8), "TYX", pixel_width=0.5, unit="µm", frame_interval=3.0
    )
    with pytest.warns(DataWarning, match="1 ROIs have no position and are put on all 2 planes"):
        labels, _ = rois.label_map([BIG], image)
    assert labels.dims == ("T", "Y", "X")
    assert images.calibration(labels) == images.calibration(image)
    assert (labels.values[0] == labels.values[1]).all()


def test_hyperstack_positions() -> None:
    image = images.make(np.zeros((3, 2, 4, 8, 8), np.uint8), "TCZYX")
    some = [
        box(0, 0, 2, 2, channel=1, z=2, t=3),
        box(0, 0, 2, 2, channel=2, z=2, t=1),
        box(4, 0, 2, 2, position=2 + 2 * (3 - 1) + 2 * 4 * (2 - 1)),  # channel 2, slice 3, frame 2
        box(4, 4, 2, 2, t=2),
    ]
    labels, report = rois.label_map(some, image)
    assert labels.dims == ("T", "Z", "Y", "X")
    found = {
        i: {tuple(v) for v in np.argwhere(labels.values == i)[:, :2].tolist()} for i in (1, 2, 3, 4)
    }
    assert found == {1: {(2, 1)}, 2: {(0, 1)}, 3: {(1, 2)}, 4: {(1, z) for z in range(4)}}
    assert [(row.t, row.z, row.c) for row in report.rows] == [
        (3, 2, 1),
        (1, 2, 2),
        (2, 3, 2),
        (2, 0, 0),
    ]
    assert report.rows[3].visible_px == 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        labels, report = rois.label_map(some, image, channel=1)
    assert [row.label for row in report.rows] == [1, 0, 0, 2]


@pytest.mark.parametrize(
    ("roi", "stack", "where"),
    [
        (box(0, 0, 1, 1), Stack(2, 3, 4), Position()),
        (box(0, 0, 1, 1, position=1), Stack(2, 3, 4), Position(1, 1, 1)),
        (box(0, 0, 1, 1, position=24), Stack(2, 3, 4), Position(2, 3, 4)),
        (box(0, 0, 1, 1, position=25), Stack(2, 3, 4), "lies on image 25 of a stack, here are 24"),
        (box(0, 0, 1, 1, z=4), Stack(2, 3, 4), "lies on slice 4, here are 3"),
        (box(0, 0, 1, 1, channel=3), Stack(2, 3, 4), "lies on channel 3, here are 2"),
        (box(0, 0, 1, 1, channel=3, z=2), Stack(slices=3), Position(1, 2, 0)),
        (box(0, 0, 1, 1, z=3), Stack(frames=5), Position(0, 0, 3)),
        (box(0, 0, 1, 1, t=3), Stack(slices=5), Position(0, 3, 0)),
        (box(0, 0, 1, 1, "0003-0101-0044"), Stack(frames=5), Position(1, 1, 3)),
        (box(0, 0, 1, 1, "0101-0044"), Stack(frames=5), Position()),
        (box(0, 0, 1, 1, "0003-0101-0044", position=2), Stack(frames=5), Position(1, 1, 2)),
    ],
)
def test_positions(roi: Roi, stack: Stack, where: Position | str) -> None:
    assert position(roi, stack, exchanged([roi], stack)) == where


@pytest.mark.parametrize("axis", ["T", "Z"])
@pytest.mark.parametrize("rest", [0, 1])
@pytest.mark.parametrize("channel", [0, 1])
def test_slices_on_frames_are_decided_for_the_whole_set(axis: str, rest: int, channel: int) -> None:
    """Also slice 1 becomes frame 1, whether or not ImageJ wrote 1 for the axis that is none."""
    drawn, other = ("z", "t") if axis == "T" else ("t", "z")
    some = [
        box(2 * i, 0, 2, 2, **{drawn: i + 1, other: rest, "channel": channel}) for i in range(3)
    ]
    image = images.make(np.zeros((5, 8, 8), np.uint8), f"{axis}YX")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels, report = rois.label_map(some, image)
    planes = [set(np.argwhere(labels.values == i)[:, 0].tolist()) for i in (1, 2, 3)]
    assert planes == [{0}, {1}, {2}]
    assert [getattr(row, axis.lower()) for row in report.rows] == [1, 2, 3]


def test_slices_and_frames_are_not_exchanged_where_the_set_has_both() -> None:
    some = [box(0, 0, 2, 2, z=1, t=2), box(4, 0, 2, 2, z=3, t=1)]
    with pytest.warns(DataWarning, match="lies on slice 3, here are 1"):
        labels, _ = rois.label_map(some, (5, 8, 8))
    assert np.argwhere(labels.values)[:, 0].tolist() == [1] * 4


def test_slice_1_alone_is_put_on_all_frames_with_a_warning() -> None:
    with pytest.warns(DataWarning, match="are put on all 5 planes"):
        labels, _ = rois.label_map([box(0, 0, 2, 2, z=1)], (5, 8, 8))
    assert labels.values[:, 0, 0].tolist() == [1] * 5


def test_slice_in_names() -> None:
    assert named_slice("00012-00101-00044") == 12
    assert named_slice("000012-000101-000044") == 12
    assert named_slice("nucleus-0003-0004") == 0


def test_rois_of_one_slice_on_an_image_that_is_this_slice() -> None:
    labels, _ = rois.label_map([box(0, 0, 2, 2, position=7), box(4, 0, 2, 2, position=7)], (8, 8))
    assert labels.values.max() == 2
    with pytest.warns(DataWarning, match="lies on image 7 of a stack, here are 1"):
        labels, _ = rois.label_map([box(0, 0, 2, 2, position=7), box(4, 0, 2, 2)], (8, 8))
    assert labels.values.max() == 1


def test_table(tmp_path: Path) -> None:
    some = [box(0, 0, 2, 2, 'odd, "name" µ'), Roi("point", "dot", points=np.zeros((1, 2), int))]
    with pytest.warns(DataWarning):
        _, report = rois.label_map(some, (8, 8))
    path = rois.table_path(tmp_path / "a.tif")
    report.write(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",")[:7] == ["label", "roi", "name", "type", "t", "z", "c"]
    assert lines[1] == '1,1,"odd, ""name"" µ",rectangle,0,0,0,4,4,0,'
    assert lines[2] == '0,2,dot,point,0,0,0,0,0,0,"left out: is a point, not an area"'
    assert rois.read_names(path) == {1: 'odd, "name" µ'}
    path.write_text(path.read_text("utf-8"), "utf-8-sig")  # as Excel saves it
    assert rois.read_names(path) == {1: 'odd, "name" µ'}
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="is not a table of labels"):
        rois.read_names(path)

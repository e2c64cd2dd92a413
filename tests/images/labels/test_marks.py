"""Files of marks, and where marks and objects overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images
from imagej_dl.errors import UserError
from imagej_dl.images.labels import marks


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("P/Processed/masks/n.tif", "P/Processed/marks/n.tif"),
        ("P/masks/n.png", "P/marks/n.tif"),
        ("n1/labels.tif", "n1/marks.tif"),
        ("n1/mask.tif", "n1/marks.tif"),
        ("some/cells.tif", "some/cells_marks.tif"),
    ],
)
def test_the_file_of_a_label_map(labels: str, expected: str) -> None:
    assert marks.path_of(labels) == Path(expected)


def test_marks_are_read_as_their_label_map_is(tmp_path: Path) -> None:
    labels = images.make(np.zeros((2, 5, 6), np.uint16), "TYX")
    values = np.arange(60).reshape(2, 5, 6).astype(np.uint8) % 3
    images.write(images.make(values, "TYX"), tmp_path / "marks.tif")
    found = marks.read(tmp_path / "marks.tif", labels)
    np.testing.assert_array_equal(found, values)
    assert (found.dims, found.dtype) == (labels.dims, np.uint8)


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.full((5, 6), 3, np.uint8), "other values"), (np.zeros((6, 5), np.uint8), "has the axes")],
)
def test_other_files_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    path = tmp_path / "marks.tif"
    images.write(images.make(values), path)
    with pytest.raises(UserError, match=message) as caught:
        marks.read(path, images.make(np.zeros((5, 6), np.uint16)))
    assert caught.value.path == str(path)


def test_where_objects_and_marks_overlap_is_settled_plane_by_plane() -> None:
    labels = np.zeros((2, 4, 8), np.uint16)
    labels[:, :, :4], labels[:, :, 6:] = 1, 2
    drawn = np.zeros((2, 4, 8), np.uint8)
    drawn[0, :, :2] = marks.IGNORED  # half of 1
    drawn[1, :, :3] = marks.IGNORED  # more than half of it
    drawn[:, 2:, 5:] = marks.BACKGROUND
    found, decided = marks.settled(labels, drawn)
    assert np.unique(found[0]).tolist() == [0, 1, 2]
    assert np.unique(found[1]).tolist() == [0, 2]
    assert not decided[0, :, :4].any()
    assert (decided[1, :, :4] == marks.IGNORED).all()
    assert not decided[:, :, 6:].any()
    assert (decided[:, 2:, 5] == marks.BACKGROUND).all()
    assert ((found > 0) & (decided > 0)).sum() == 0
    twice = marks.settled(found, decided)
    np.testing.assert_array_equal(twice[0], found)
    np.testing.assert_array_equal(twice[1], decided)
    assert labels[1, 0, 0] == 1  # what was given is left alone


def test_all_is_known_but_what_is_ignored() -> None:
    labels, drawn = np.zeros((4, 5), np.uint16), np.zeros((4, 5), np.uint8)
    assert marks.known(labels, None) is None
    assert marks.known(labels, drawn) is None
    drawn[0], drawn[1] = marks.IGNORED, marks.BACKGROUND
    np.testing.assert_array_equal(marks.known(labels, drawn), drawn != marks.IGNORED)


def test_of_a_sparse_drawing_objects_rings_and_background_are_known() -> None:
    labels, drawn = np.zeros((20, 20), np.uint16), np.zeros((20, 20), np.uint8)
    labels[5, 5] = 1
    np.testing.assert_array_equal(marks.known(labels, None, 0), labels > 0)
    drawn[15:], drawn[3, 5] = marks.BACKGROUND, marks.IGNORED
    y, x = np.indices(labels.shape)
    expected = (abs(y - 5) + abs(x - 5) <= 2) | (y >= 15)
    expected[3, 5] = False
    np.testing.assert_array_equal(marks.known(labels, drawn, 2), expected)

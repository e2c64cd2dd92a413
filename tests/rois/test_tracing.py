"""The way back: ROIs of label maps, and the same label map again."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagej_dl import images, rois
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.rois import Roi, tracing


def drawing(*rows: str) -> np.ndarray:
    return np.array([[int(c) if c != "." else 0 for c in row] for row in rows], np.uint16)


def there_and_back(labels: np.ndarray, folder: Path | None = None) -> np.ndarray:
    found = rois.trace(labels)
    if folder is not None:
        rois.write(found, folder / "RoiSet.zip", overwrite=True)
        back = rois.read(folder / "RoiSet.zip")
    else:
        back = [rois.decode(rois.encode(roi)) for roi in found]
    assert [roi.name for roi in back] == [roi.name for roi in found]
    painted, report = rois.label_map(back, labels.shape)
    assert report.contested == 0
    return painted.values


def corners(roi: Roi) -> set[tuple[int, int]]:
    assert roi.points is not None
    return {(int(x), int(y)) for x, y in roi.points}


def test_one_piece_is_a_traced_roi() -> None:
    (roi,) = rois.trace(drawing(".....", ".33..", ".333.", "....."))
    assert (roi.kind, roi.name, roi.get("imagej-dl.label")) == ("traced", "label-0003", "3")
    assert corners(roi) == {(1, 1), (3, 1), (3, 2), (4, 2), (4, 3), (1, 3)}
    assert len(roi.points) == 6


def test_pixels_that_touch_at_corners_are_one_piece() -> None:
    for rows in (("1..", ".1.", "..1"), ("..1", ".1.", "1.."), ("1.1", ".1.", "1.1")):
        (roi,) = rois.trace(drawing(*rows))
        assert roi.kind == "traced"
        np.testing.assert_array_equal(there_and_back(drawing(*rows)), drawing(*rows))


def test_holes_and_pieces_are_composites() -> None:
    for rows in (("111", "1.1", "111"), ("1..1",), ("11111", "1...1", "1.1.1", "1...1", "11111")):
        (roi,) = rois.trace(drawing(*rows))
        assert roi.kind == "composite"
        np.testing.assert_array_equal(there_and_back(drawing(*rows)), drawing(*rows))


def test_neighbours_and_borders() -> None:
    labels = drawing("1122", "1322", "4422", "4455")
    np.testing.assert_array_equal(there_and_back(labels), labels)
    assert [roi.name for roi in rois.trace(labels)] == [f"label-{i:04}" for i in range(1, 6)]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    ids=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_label_map_comes_back_bit_for_bit(shape: list[int], ids: list[int], seed: int) -> None:
    """Holes, pieces, corners, borders, gaps between ids, ids of 32 bits, all at random."""
    random = np.random.default_rng(seed)
    labels = images.as_labels(random.choice(np.array([0, *ids], np.uint32), shape))
    if not labels.any():
        assert rois.trace(labels) == []
        return
    back = there_and_back(labels)
    np.testing.assert_array_equal(back, labels)
    assert back.dtype == labels.dtype


def test_movie_through_a_file(shared_data: Path, tmp_path: Path) -> None:
    labels = images.read(shared_data / "movie" / "detections.tif")
    np.testing.assert_array_equal(there_and_back(labels.values, tmp_path), labels.values)


def test_positions_and_names_on_stacks() -> None:
    labels = np.zeros((3, 4, 4), np.uint16)
    labels[1, 1, 1] = labels[2, 2, 2] = 7
    plain = rois.trace(labels, {7: "cell"})
    assert [(roi.name, roi.position, roi.t) for roi in plain] == [
        ("cell-t002", 2, 0),
        ("cell-t003", 3, 0),
    ]
    hyper = rois.trace(images.make(labels, "ZYX"), hyperstack=True)
    assert [(roi.name, roi.position, roi.z, roi.t) for roi in hyper] == [
        ("label-0007-z002", 0, 2, 0),
        ("label-0007-z003", 0, 3, 0),
    ]
    volume = np.zeros((2, 3, 4, 4), np.uint16)
    volume[1, 2, 0, 0] = 1
    (roi,) = rois.trace(volume)
    assert (roi.position, roi.channel, roi.z, roi.t) == (0, 0, 3, 2)
    assert roi.name == "label-0001-t002-z003"
    with pytest.raises(UserError, match="hyperstack positions"):
        rois.trace(volume, hyperstack=False)


@pytest.mark.parametrize(("dims", "shape"), [("TYX", (3,)), ("ZYX", (3,)), ("TZYX", (3, 2))])
def test_names_do_not_grow_with_round_trips(
    tmp_path: Path, dims: str, shape: tuple[int, ...]
) -> None:
    labels = np.zeros((*shape, 4, 4), np.uint16)
    labels[..., 0, 0], labels[2, ..., 2, 2] = 1, 2
    image = images.make(labels, dims)
    first = rois.trace(image, {1: "cell", 2: "bud-t1"})
    assert len({roi.name for roi in first}) == len(first)
    found = first
    for _ in range(2):
        _, report = rois.label_map(found, image)
        report.write(tmp_path / "l.csv")
        found = rois.trace(image, rois.read_names(tmp_path / "l.csv"))
        assert [roi.name for roi in found] == [roi.name for roi in first]


def test_names_of_one_plane_are_kept() -> None:
    (roi,) = rois.trace(drawing("1."), {1: "cell-t001-z002"})
    assert roi.name == "cell-t001-z002"


def test_traced_rois_fit_a_movie_of_several_channels() -> None:
    labels = np.zeros((3, 4, 4), np.uint16)
    labels[0, :2, :2], labels[2, 1:, 1:] = 5, 9
    movie = images.make(np.zeros((3, 2, 4, 4), np.uint8), "TCYX")
    back, _ = rois.label_map(rois.trace(labels, hyperstack=True), movie)
    np.testing.assert_array_equal(back, labels)


def test_rois_drawn_between_traced_ones_get_new_ids() -> None:
    found = rois.trace(drawing("3.9", "..."))
    new = Roi("rectangle", "new", box=(0, 1, 1, 1))
    back, _ = rois.label_map([found[0], new, found[1]], (2, 3))
    np.testing.assert_array_equal(back, [[3, 0, 9], [10, 0, 0]])
    back, _ = rois.label_map([found[0], new, found[1]], (2, 3), ids="order")
    np.testing.assert_array_equal(back, [[1, 0, 3], [2, 0, 0]])


def test_copies_of_a_traced_roi_get_new_ids() -> None:
    (roi,) = rois.trace(drawing("3...."))
    copy = Roi("traced", "copy", points=roi.points + 1, properties=roi.properties)
    copy.points[:, 1] -= 1
    with pytest.warns(DataWarning, match="copies of others.*copy"):
        back, _ = rois.label_map([roi, copy], (1, 5))
    np.testing.assert_array_equal(back, [[3, 4, 0, 0, 0]])


@pytest.mark.slow
def test_large_outline_becomes_a_composite_file(tmp_path: Path) -> None:
    """An outline of more corners than a traced ROI's file can hold."""
    labels = np.ones((300, 500), np.uint16)
    labels[1::2, 1::2] = 0
    labels[0::2, 1:-1:4] = 0
    labels[:, 0] = 1
    one = np.zeros((400, 800), np.uint16)
    one[::4, :] = one[:, 0] = 1  # a comb of combs
    for row in range(0, 400, 4):
        one[row + 1, ::2] = 1
    assert sum(len(roi.points) for roi in rois.trace(one) if roi.points is not None) > 65535
    for each in (labels, one):
        np.testing.assert_array_equal(there_and_back(each, tmp_path), each)


def test_what_is_no_label_map_is_refused() -> None:
    with pytest.raises(UserError, match="has channels"):
        rois.trace(images.make(np.zeros((2, 4, 4), np.uint16), "CYX"))
    with pytest.raises(UserError, match="not a label map"):
        rois.trace(np.zeros(5, np.uint16))
    with pytest.raises(UserError, match="not whole numbers"):
        rois.trace(np.full((4, 4), 0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rois.trace(np.zeros((4, 4), np.uint16)) == []


def test_a_large_plane_is_outlined_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    labels = np.kron(rng.integers(0, 60, (2, 13, 17)), np.ones((1, 5, 4))).astype(np.uint32)
    labels[0, 20:50, 30] = 77
    labels[1, 3] = 70000
    expected = rois.trace(labels)
    monkeypatch.setattr(tracing, "_LARGE", 100)
    monkeypatch.setattr(tracing, "_BATCH", 600)
    found = rois.trace(labels)
    assert [rois.encode(roi) for roi in found] == [rois.encode(roi) for roi in expected]
    assert len(found) > 100

"""Tables, numbers of files and parts of ground truth of the Cell Tracking Challenge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import ctc
from imagej_dl.ctc import tables
from imagej_dl.errors import UserError

ROWS = np.array([[1, 0, 4, 0], [2, 5, 9, 1], [7, 6, 6, 0]])


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    ctc.write_tracks(ROWS, tmp_path / "res_track.txt")
    assert (tmp_path / "res_track.txt").read_text() == "1 0 4 0\n2 5 9 1\n7 6 6 0\n"
    assert np.array_equal(ctc.read_tracks(tmp_path / "res_track.txt"), ROWS)
    (tmp_path / "res_track.txt").write_text("1 0 4\n")
    with pytest.raises(UserError, match=r"res_track\.txt: is not a table of tracks.*3 values"):
        ctc.read_tracks(tmp_path / "res_track.txt")


def test_frames_of_a_table_count_from_the_first() -> None:
    assert tables.cut(ROWS, 5, 7).tolist() == [[2, 0, 1, 0], [7, 1, 1, 0]]
    assert tables.cut(ROWS, 0, 10).tolist() == ROWS.tolist()
    assert ROWS[1, 1] == 5  # the table itself stays


@pytest.mark.parametrize(("frames", "name"), [(3, "mask002.tif"), (1001, "mask0002.tif")])
def test_masks_have_digits_for_all_frames(tmp_path: Path, frames: int, name: str) -> None:
    mask = np.eye(8, dtype=np.uint16)
    ctc.write_masks([(2, mask)], tmp_path / "new", "mask", frames)
    found = ctc.numbered(tmp_path / "new", "mask")
    assert {number: path.name for number, path in found.items()} == {2: name}
    assert np.array_equal(ctc.read_mask(found[2]), mask)


def test_a_folder_is_told_by_its_table(tmp_path: Path) -> None:
    masks = np.zeros((3, 8, 8), np.uint16)
    masks[:, 2:4, 2:4] = 1
    made = ctc.CtcFolder(masks, np.array([[1, 0, 2, 0]]))
    ctc.write_truth(made, tmp_path / "01_GT")
    ctc.write_result(made, tmp_path / "CTC" / "01_RES")
    (tmp_path / "02_GT" / "SEG").mkdir(parents=True)
    assert ctc.is_ctc(tmp_path / "01_GT")
    assert not ctc.is_ctc(tmp_path)
    assert ctc.find_result(tmp_path) == tmp_path / "CTC" / "01_RES"
    assert not ctc.is_segmentation(tmp_path / "01_GT")
    assert ctc.is_segmentation(tmp_path / "02_GT")
    truth = ctc.read_truth(tmp_path / "01_GT")
    assert sorted(truth.segmentation) == [0, 1, 2]
    assert sorted(truth.cut(1, 3).segmentation) == [0, 1]
    assert truth.cut(1, 3).tracks.tracks.tolist() == [[1, 0, 1, 0]]

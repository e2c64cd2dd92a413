"""No cell of a table is a formula, and names come back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, rois
from imagej_dl.filesystem import csv_cells

NAMES = ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "'=1", "''@x", "＝1"]
PLAIN = ["a", "cell 1", "", "'tis", "a=b", "0001-0002", "é"]


@pytest.mark.parametrize("name", NAMES)
def test_what_would_run_is_marked_as_text(name: str) -> None:
    assert csv_cells.safe(name)[0] == "'"
    assert csv_cells.plain(csv_cells.safe(name)) == name


@pytest.mark.parametrize("name", PLAIN)
def test_other_text_stays(name: str) -> None:
    assert csv_cells.safe(name) == name == csv_cells.plain(name)


@pytest.mark.parametrize("value", [-5, 2.5, None, True, "-5", "+1.5e-3", "-inf"])
def test_numbers_stay_numbers(value: object) -> None:
    assert csv_cells.safe(value) is value


def test_table_of_labels(tmp_path: Path) -> None:
    labels = np.zeros((8, 8 * len(NAMES)), np.uint8)
    for number in range(len(NAMES)):
        labels[1:6, 8 * number : 8 * number + 5] = number + 1
    found = rois.trace(images.make(labels), dict(enumerate(NAMES, 1)))
    _, report = rois.label_map(found, images.make(labels))
    report.write(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert not row["name"].startswith(tuple("=+-@\t\r＝"))
    assert list(rois.read_names(tmp_path / "a.csv").values()) == [roi.name for roi in found]


def test_table_of_videos(tmp_path: Path) -> None:
    from imagej_dl import suite
    from imagej_dl.suite.videos import write_relation

    videos = {"=HYPERLINK(1)_1-1": ["=a.tif"], "b_1-1": ["b.tif"]}
    write_relation(tmp_path / "v.csv", videos)
    assert "\n'=" in (tmp_path / "v.csv").read_text()
    assert suite.read_relation(tmp_path / "v.csv") == videos


def test_tables_of_tracks(tmp_path: Path) -> None:
    import pandas as pd

    from imagej_dl.tracking import export

    table = pd.DataFrame({"id": [1, 2], "x": [-1.5, 2], "name": ["=1", "-2"], "@y": [1, 2]})
    export._write_csv(table, tmp_path / "t.csv", False)
    assert (tmp_path / "t.csv").read_text() == "id,x,name,'@y\n1,-1.5,'=1,1\n2,2.0,-2,2\n"

"""bench/few_rois.py: which objects count as drawn, and how a run goes on; no training."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))
import drawn_images
import few_rois

OPTIONS = argparse.Namespace(
    kinds=["inverted", "half"],
    counts=[10, 30],
    ways=["scratch", "tuned"],
    drawings=["dense"],
    seeds=2,
)


def pool(count: int = 6) -> list[drawn_images.Picture]:
    """Images with 12 objects each, in 4 columns that no two share."""
    labels = np.zeros((60, 80), np.uint16)
    for number in range(12):
        y, x = divmod(number, 4)
        labels[20 * y + 4 : 20 * y + 12, 20 * x + 4 + y : 20 * x + 12 + y] = number + 1
    image = (labels > 0) * 200.0 + np.arange(80)
    return [(image, labels)] * count


@pytest.mark.parametrize("count", [5, 10, 30])
def test_all_objects_of_a_dense_area_are_drawn(count: int) -> None:
    found = drawn_images.drawn(pool(), count, "dense", seed=0)
    assert sum(len(np.setdiff1d(labels, 0)) for _, labels in found) == count
    whole = pool()[0][1]
    for image, labels in found:
        assert image.shape == labels.shape
        np.testing.assert_array_equal(labels, whole[:, : labels.shape[1]])


def test_a_share_of_the_objects_is_drawn_sparsely() -> None:
    found = drawn_images.drawn(pool(), 10, "sparse", seed=0)
    assert sum(len(np.setdiff1d(labels, 0)) for _, labels in found) == 10
    # On as much area as holds 33 objects: three images, the last one in part.
    assert len(found) == 3
    again = drawn_images.drawn(pool(), 10, "sparse", seed=0)
    for (_, one), (_, other) in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", drawn_images.KINDS)
def test_kinds_keep_objects_where_they_are(kind: str) -> None:
    image, labels = pool()[0]
    changed, moved = drawn_images.changed(kind, image, labels, seed=3)
    assert changed.shape == moved.shape
    assert changed.dtype == np.uint16
    np.testing.assert_array_equal(np.unique(moved), np.unique(labels))
    inside, outside = changed[moved > 0].mean(), changed[moved == 0].mean()
    assert (inside < outside) == (kind in ("inverted", "phase"))


def test_rows_are_each_once_and_the_ready_model_is_first() -> None:
    found = few_rois.rows(OPTIONS)
    keys = [few_rois.key(row) for row in found]
    assert len(set(keys)) == len(keys) == 2 + 2 * 2 * 2 * 2
    assert [row["way"] for row in found[:2]] == ["ready", "ready"]


def test_a_line_that_a_kill_cut_off_is_measured_again(tmp_path: Path) -> None:
    [first, second, *_] = few_rois.rows(OPTIONS)
    path = tmp_path / "rows.jsonl"
    assert few_rois.read(path) == []
    path.write_text(json.dumps(first | {"ap_0.5": 0.5}) + "\n" + json.dumps(second)[:20])
    assert [few_rois.key(row) for row in few_rois.read(path)] == [few_rois.key(first)]
    few_rois.add(path, second | {"ap_0.5": 0.25})
    assert [few_rois.key(row) for row in few_rois.read(path)] == [
        few_rois.key(first),
        few_rois.key(second),
    ]


def test_table_and_curves(tmp_path: Path) -> None:
    found = [
        row | {"ap_0.5": 0.1 * (1 + row["seed"]) + 0.001 * row["count"]}
        for row in few_rois.rows(OPTIONS)
    ]
    lines = few_rois.table(found).splitlines()
    assert lines[0] == "| images | way | drawn | 0 | 10 | 30 |"
    assert "| half | tuned | dense |  | 0.160 | 0.180 |" in lines
    few_rois.plot(found, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000

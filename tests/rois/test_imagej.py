"""Masks and files against a real ImageJ 1.54p, pixel for pixel."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from imagej_dl import rois
from imagej_dl.rois.roi import LINES

pytestmark = pytest.mark.jvm

RANDOM_ROIS = 2400


def exactness() -> ModuleType:
    """Load bench/exactness.py, which makes random ROIs in ImageJ and compares."""
    if "exactness" not in sys.modules:
        path = Path(__file__).parents[2] / "bench" / "exactness.py"
        spec = importlib.util.spec_from_file_location("exactness", path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules["exactness"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["exactness"]


def compare_random(count: int, seed: int) -> tuple[dict[str, int], list[Any]]:
    tally = exactness().run(count, seed, print)
    return dict(tally["seen"]), tally["wrong"]


def test_random_rois_of_every_type(own_process: Callable[..., Any]) -> None:
    """No pixel differs on 2400 ROIs of every type, and each comes back through our encoder."""
    seen, wrong = own_process(compare_random, RANDOM_ROIS, 20_000)
    assert wrong == []
    assert sum(seen.values()) >= 2000
    kinds = {name.split("(")[1].rstrip(")") for name in seen}
    assert kinds >= {
        "rectangle",
        "oval",
        "polygon",
        "freehand",
        "traced",
        "ellipse",
        "rotated rectangle",
        "composite",
        "line",
        "arrow",
        "polyline",
        "freeline",
        "angle",
    }


def compare_files(paths: list[Path]) -> dict[str, tuple[int, int]]:
    bench = exactness()
    imagej = bench.ImageJ()
    result = {}
    for path in paths:
        found = rois.read(path)
        different = 0
        for roi, data in zip(found, _entries(path), strict=True):
            theirs = imagej.decode(data)
            assert str(theirs.getName()) == roi.name or path.suffix == ".roi"
            if roi.kind == "point":
                continue
            where = (theirs.getPosition(), theirs.getCPosition(), theirs.getTPosition())
            assert where == (roi.position, roi.channel, roi.t)
            if roi.kind in LINES:
                continue
            different += bench.differing(rois.mask(roi), imagej.mask(theirs))
            again = imagej.decode(rois.encode(roi))
            different += bench.differing(imagej.mask(again), imagej.mask(theirs))
        result[str(path)] = (len(found), different)
    return result


def _entries(path: Path) -> list[bytes]:
    import zipfile

    if path.suffix == ".roi":
        return [path.read_bytes()]
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist() if name.endswith(".roi")]


def test_real_files(own_process: Callable[..., Any], shared_data: Path) -> None:
    """Bacteria, mitochondria, blobs and one file of every type: no pixel differs."""
    folder = shared_data / "roisets"
    paths = [*sorted(folder.glob("*/RoiSet.zip")), *sorted(folder.glob("every-type/*.roi"))]
    result = own_process(compare_files, paths)
    assert len(result) == 3 + 23
    assert [item for item in result.items() if item[1][1]] == []
    assert sum(count for count, _ in result.values()) == 1747 + 32 + 61 + 23


def compare_traces(count: int) -> list[int]:
    """Open the ROIs that we make of random label maps in ImageJ; return the wrong maps."""
    bench = exactness()
    imagej = bench.ImageJ()
    wrong = []
    for i in range(count):
        random = np.random.default_rng((77, i))
        shape = random.integers(1, 40, 2)
        blocks = random.integers(0, random.integers(2, 6), -(-shape // random.integers(1, 6)))
        labels = np.kron(blocks, np.ones((6, 6), int))[: shape[0], : shape[1]].astype(np.uint16)
        for roi in rois.trace(labels):
            label = int(roi.get(rois.LABEL_KEY) or 0)
            theirs = imagej.decode(rois.encode(roi))
            truth = (labels == label, 0, 0)
            same = bench.differing(imagej.mask(theirs), truth) == 0
            kept = str(theirs.getProperty(rois.LABEL_KEY)) == str(label)
            kind = "Composite" if roi.kind == "composite" else "Traced"
            if not (same and kept and kind == str(theirs.getTypeAsString())):
                wrong.append(i)
            # what ImageJ saves again still knows its id
            again = rois.decode(imagej.encode(theirs))
            if again.get(rois.LABEL_KEY) != str(label):
                wrong.append(i)
    return wrong


def test_traces_open_in_imagej(own_process: Callable[..., Any]) -> None:
    assert own_process(compare_traces, 120) == []


def compare_vertices(paths: list[Path]) -> int:
    """Return how many ROIs drawn by ImageJ's own tracing have other corners than ours."""
    from imagej_dl import images

    different = 0
    for path in paths:
        labels = images.read(path.with_name("labels.tif"))
        for theirs, ours in zip(rois.read(path), rois.trace(labels), strict=True):
            if theirs.points is not None:
                a, b = (sorted(map(tuple, roi.points.tolist())) for roi in (theirs, ours))
                different += a != b
            elif theirs.kind == "composite":
                different += sorted(theirs.path.tolist()) != sorted(ours.path.tolist())
            else:  # ImageJ calls an outline of four corners a rectangle
                different += theirs.kind != "rectangle" or len(ours.points) != 4
    return different


def test_traces_have_the_corners_of_imagejs_own(shared_data: Path) -> None:
    assert compare_vertices(sorted((shared_data / "nuclei").glob("*/*/RoiSet.zip"))) == 0

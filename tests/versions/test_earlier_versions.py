"""What earlier versions wrote is read, and gives the same results.

A folder here is a version; make.py wrote it, and README.md tells how.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
import tifffile
from version_compare import differences, machine
from version_steps import STEPS, at_home

HERE = Path(__file__).parent
VERSIONS = sorted(path.parent for path in HERE.glob("*/machine.json"))
NETWORK = {"models", "training", "correction", "search", "suite"}
"""Kinds of artefacts for which a network is built."""

NEEDS = {"search": ["optuna"], "tuning": ["optuna"], "tracks": ["motile", "geff"]}
"""The extras that made them."""

KINDS = [pytest.param(kind, marks=pytest.mark.tf if kind in NETWORK else ()) for kind in STEPS]


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack artefacts with their times, since the state of corrections knows those of images."""
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    times = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    for name, time in times.items():
        os.utime(folder / name, ns=(time, time))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
def test_its_artefacts_give_the_same(version: Path, kind: str, tmp_path: Path) -> None:
    for name in NEEDS.get(kind, ()):
        pytest.importorskip(name)
    if not (version / f"{kind}.tar.xz").is_file():
        pytest.skip(f"{version.name} wrote none of these")
    folder = unpack(version / f"{kind}.tar.xz", tmp_path / kind)
    with at_home(folder):
        STEPS[kind]()
    made_by = json.loads((version / "machine.json").read_text(encoding="utf-8"))
    said = differences(folder / "expected", folder / "found", made_by == machine())
    assert not said, "\n".join(said)


def test_there_is_a_version() -> None:
    assert VERSIONS
    for version in VERSIONS:
        kinds = {path.name.removesuffix(".tar.xz") for path in version.glob("*.tar.xz")}
        assert kinds <= set(STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("exact", [True, False])
def test_what_differs_is_seen(exact: bool, tmp_path: Path) -> None:
    """One pixel, one link, one key, one ROI, one file; and what may be added is not."""
    folder = unpack(VERSIONS[0] / "tracks.tar.xz", tmp_path / "tracks")
    unpack(VERSIONS[0] / "project.tar.xz", tmp_path / "project")
    expected, found = folder / "expected", folder / "found"
    shutil.copytree(tmp_path / "project" / "expected", expected / "project")
    shutil.copytree(expected, found)
    (found / "more.json").write_text("{}")
    assert differences(expected, found, exact) == []
    with tifffile.TiffFile(found / "filled.tif") as file:
        offset = file.pages[0].dataoffsets[0]
    data = bytearray((found / "filled.tif").read_bytes())
    data[offset] ^= 1
    (found / "filled.tif").write_bytes(data)
    for name, old, new in (
        ("lap/edges.csv", "\n", "\n9"),
        ("lap/tracks.xml", 'SPOT_TARGET_ID="', 'SPOT_TARGET_ID="9'),
        ("lap/settings.json", '"MAX_FRAME_GAP"', '"FRAME_GAP"'),
    ):
        text = (found / name).read_text(encoding="utf-8")
        (found / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with zipfile.ZipFile(found / "project" / "traced_RoiSet.zip", "a") as archive:
        archive.writestr("one more.roi", b"")
    (found / "nearest" / "lineage.csv").unlink()
    assert {words.split(":")[0] for words in differences(expected, found, exact)} == {
        "filled.tif",
        "lap/edges.csv",
        "lap/tracks.xml",
        "lap/settings.json",
        "nearest/lineage.csv",
        "project/traced_RoiSet.zip",
    }

"""Archives that other systems and ImageJ's own corners make."""

from __future__ import annotations

import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagej_dl import images, project, rois
from imagej_dl.errors import UserError
from imagej_dl.rois import Roi

BOX = Roi("rectangle", "", box=(2, 3, 5, 6))


def names(path: Path) -> list[str]:
    return [roi.name for roi in rois.read(path)]


def archive(path: Path, *entries: str, flags: int | None = None, coding: str = "utf-8") -> Path:
    """A RoiSet whose ROIs have no name of their own, with names in a coding that is not said."""
    plain = [f"{i:04}".ljust(len(name.encode(coding)), "_") for i, name in enumerate(entries)]
    with zipfile.ZipFile(path, "w") as file:
        for name in plain:
            file.writestr(name, rois.encode(BOX))
    data = path.read_bytes()
    for old, new in zip(plain, entries, strict=True):
        data = data.replace(old.encode(), new.encode(coding))
    path.write_bytes(data)
    return path


def test_what_macos_adds_is_skipped(shared_data: Path) -> None:
    assert names(shared_data / "faults" / "archives" / "macos_finder.zip") == ["a", "b"]


def test_hidden_entries_are_skipped_wherever_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("._a.roi", "RoiSet/._a.roi", "__MACOSX/a.roi", "__MACOSX/RoiSet/._a.roi"):
            file.writestr(name, b"\0\5\x16\7")
        file.writestr("RoiSet/.DS_Store", b"x")
        file.writestr("RoiSet/a.roi", rois.encode(BOX))
        file.writestr("RoiSet\\b.roi", rois.encode(BOX))
    assert names(path) == ["a", "b"]


def test_only_what_macos_adds_is_no_set(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as file:
        file.writestr("__MACOSX/._a.roi", b"\0\5\x16\7")
    with pytest.raises(UserError, match=r"holds no \.roi files"):
        rois.read(tmp_path / "s.zip")


def test_a_single_roi_under_the_name_of_an_archive(shared_data: Path) -> None:
    (found,) = rois.read(shared_data / "faults" / "archives" / "c3_hyper.zip")
    assert (found.kind, found.name) == ("rectangle", "0003-0007-0008")


def test_an_archive_under_the_name_of_a_single_roi(tmp_path: Path) -> None:
    rois.write([Roi("oval", "a", box=(1, 1, 4, 4)), BOX], tmp_path / "s.zip")
    shutil.move(tmp_path / "s.zip", tmp_path / "s.roi")
    assert [roi.kind for roi in rois.read(tmp_path / "s.roi")] == ["oval", "rectangle"]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_single_roi_is_stored_as_an_archive(tmp_path: Path, as_bytes: bool) -> None:
    project.create(tmp_path / "p")
    images.write(images.make(np.zeros((20, 20), np.uint8)), tmp_path / "p" / "Raw" / "a.tif")
    (tmp_path / "one.zip").write_bytes(rois.encode(BOX))
    given = (tmp_path / "one.zip").read_bytes() if as_bytes else tmp_path / "one.zip"
    saved = project.save_rois(tmp_path / "p", "a", given)
    assert zipfile.is_zipfile(saved.path)
    assert saved.count == len(rois.read(saved.path)) == 1


def test_utf_8_that_is_not_said_is_read_as_imagej_does(shared_data: Path, tmp_path: Path) -> None:
    found = names(shared_data / "faults" / "archives" / "utf8_noflag.zip")
    assert found == ["Zellkern ä", "XZellkern ä"]
    path = archive(tmp_path / "s.zip", "細胞.roi", "Größe.roi", "a.roi")
    assert names(path) == ["細胞", "Größe", "a"]


@pytest.mark.parametrize("coding", ["latin-1", "cp437"])
def test_other_codings_of_names(tmp_path: Path, coding: str) -> None:
    assert names(archive(tmp_path / "s.zip", "Größe ä.roi", coding=coding)) == ["Größe ä"]


def test_a_name_in_utf_8_besides_another_one(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("_.roi")
    content = b"\1\0\0\0\0" + "細胞.roi".encode()
    entry.extra = struct.pack("<HH", 0x7075, len(content)) + content
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as file:
        file.writestr(entry, rois.encode(BOX))
    assert names(tmp_path / "s.zip") == ["細胞"]

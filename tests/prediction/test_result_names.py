"""The names of results: of the image, or of the folder NAME that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagej_dl.errors import UserError
from imagej_dl.prediction.inputs import find


def zarr(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def tiff(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def names(*given: Path) -> list[str]:
    return [source.name for source in find(given)]


def test_an_ome_zarr_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = zarr(tmp_path / "x" / "image.ome.zarr")
    assert names(one) == names(one, one) == ["image"]
    monkeypatch.chdir(one.parent)
    assert names(Path("image.ome.zarr")) == names(Path("image.ome.zarr"), one) == ["image"]
    assert names(tiff(one.parent / "image.tif"), one) == ["x", "image"]


def test_several_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    one, two = (zarr(tmp_path / name / "image.ome.zarr") for name in "xy")
    assert names(one, two) == ["x", "y"]
    three = zarr(tmp_path / "other" / "x" / "image.ome.zarr")
    with pytest.raises(UserError, match="has the same name as"):
        find([one, three])
    others = [zarr(tmp_path / name / "cells.ome.zarr") for name in "xy"]
    with pytest.raises(UserError, match="has the same name as"):
        find(others)


@pytest.mark.parametrize("make", [zarr, tiff])
def test_folders_of_one_image_each(tmp_path: Path, make) -> None:
    suffix = ".tif" if make is tiff else ".ome.zarr"
    for name in "ab":
        make(tmp_path / "set" / name / f"image{suffix}")
    assert names(tmp_path / "set") == ["a", "b"]
    assert names(tmp_path / "set" / "b") == ["b"]
    assert names(tiff(tmp_path / "set" / "a" / "image.tif")) == ["a"]

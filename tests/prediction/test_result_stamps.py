"""What tells an image from the same one changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import zarr_files

from imagej_dl.images.labels import provenance
from imagej_dl.prediction.inputs import Source
from imagej_dl.prediction.results import stamp

pytest.importorskip("zarr", reason="needs zarr")


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    path = tmp_path / "plate.ome.zarr"
    zarr_files.group(path, "0.5", plate={"wells": [{"path": "A/1"}, {"path": "A/2"}]})
    for well in ("A/1", "A/2"):
        zarr_files.group(path / well, "0.5", well={"images": [{"path": "0"}]})
        zarr_files.image(path / well / "0", np.zeros((8, 9), np.uint8), "yx", "0.5", empty=True)
    return path


def test_a_field_of_a_plate_has_a_stamp_of_its_own(
    plate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = [Source(plate, f"plate-{n}", scene=n) for n in (1, 2)]
    walked: list[str] = []
    walk = os.walk

    def noted(top: str) -> object:
        walked.append(str(top))
        return walk(top)

    monkeypatch.setattr(provenance.os, "walk", noted)
    before = [stamp(field) for field in fields]
    assert walked == [str(plate / "A" / well / "0") for well in "12"]  # and not the whole plate
    assert before[0] != before[1]
    (plate / "A" / "2" / "0" / "more").write_text("x")
    after = [stamp(field) for field in fields]
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert stamp(Source(plate, "plate")) == before[0]  # the first is meant where none is named


def test_the_stamp_of_an_image_alone_is_as_it_was(plate: Path) -> None:
    field = plate / "A" / "1" / "0"
    sha = hashlib.sha256()
    for folder in [field, *sorted(path for path in field.rglob("*") if path.is_dir())]:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            state = file.stat()
            place = str(file.relative_to(field))
            sha.update(repr((place, state.st_size, state.st_mtime_ns)).encode())
    assert stamp(Source(field, "0")) == sha.hexdigest()[:16]

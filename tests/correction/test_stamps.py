"""A changed image is predicted anew."""

from __future__ import annotations

from pathlib import Path

from imagej_dl.correction.store import stamp


def test_the_stamp_of_a_folder_is_that_of_its_chunks(tmp_path: Path) -> None:
    """Which of an OME-Zarr may change without any folder's own time."""
    chunk = tmp_path / "cells.ome.zarr" / "0" / "0" / "0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(b"before")
    folder = tmp_path / "cells.ome.zarr"
    before = stamp(folder)
    assert stamp(folder) == before
    with chunk.open("r+b") as file:
        file.write(b"after, and longer")
    assert stamp(folder) != before

"""Formats: each behind one interface and in the docs; one more is one module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from imagej_dl import images, project, rois
from imagej_dl.commands.labels import Labels
from imagej_dl.commands.prepare import Prepare
from imagej_dl.errors import UserError
from imagej_dl.images.array import make
from imagej_dl.images.formats import registry
from imagej_dl.images.formats.base import Format
from imagej_dl.progress import silent

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "imagej_dl"

# Where a suffix may be named outside of the formats, and why.
ALLOWED = {
    ("filesystem/npz.py", ".npy"): "the arrays in a NumPy archive",
    ("filesystem/moves.py", ".zarr"): "a Zarr store of tracks (GEFF) is moved as a whole",
    ("project/folders.py", ".png"): "Fluffy's masks of single objects are mask_N.png",
}


class Raw8(Format):
    """A format as simple as can be: height and width in a line of text, then 8-bit pixels."""

    name = "raw 8-bit"
    suffixes = (".raw8",)

    def read(
        self, path: Path, axes: str | None = None, mapped: bool = False, scene: int | None = None
    ) -> xr.DataArray:
        head, _, pixels = path.read_bytes().partition(b"\n")
        height, width = map(int, head.split())
        array = np.frombuffer(pixels, np.uint8).reshape(height, width)
        return make(array, "YX", title=path.name)


@pytest.fixture
def raw8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FORMATS", (*registry.FORMATS, Raw8()))


def write_raw8(path: Path, array: np.ndarray) -> None:
    path.write_bytes(f"{array.shape[0]} {array.shape[1]}\n".encode() + array.tobytes())


@pytest.mark.usefixtures("raw8")
def test_a_new_format_is_read_found_and_prepared(tmp_path: Path) -> None:
    array = np.arange(200 * 10, dtype=np.uint16).reshape(20, 100).astype(np.uint8)
    project.create(tmp_path / "p")
    write_raw8(tmp_path / "p" / "Raw" / "cells.raw8", array)
    assert images.find([tmp_path / "p" / "Raw"]) == [tmp_path / "p" / "Raw" / "cells.raw8"]
    np.testing.assert_array_equal(images.read(tmp_path / "p" / "Raw" / "cells.raw8"), array)
    Prepare.declare({"project": tmp_path / "p"}).run(silent)
    folder = tmp_path / "p" / "Labeling" / "cells"
    np.testing.assert_array_equal(images.read(folder / "images" / "cells.tif"), array)


@pytest.mark.usefixtures("raw8")
def test_label_maps_are_made_of_images_in_a_new_format(tmp_path: Path) -> None:
    array = np.zeros((20, 30), np.uint8)
    (tmp_path / "p" / "Labeling" / "cells" / "images").mkdir(parents=True)
    folder = tmp_path / "p" / "Labeling" / "cells"
    write_raw8(folder / "images" / "cells.raw8", array)
    square = np.zeros((20, 30), bool)
    square[5:10, 5:10] = True
    rois.write(rois.trace(square.astype(np.uint16)), folder / "RoiSet.zip")
    Labels.declare({"source": tmp_path / "p"}).run(silent)
    labels = images.read_labels(tmp_path / "p" / "Processed" / "masks" / "cells.tif")
    np.testing.assert_array_equal(labels > 0, square)


def test_a_format_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    write_raw8(tmp_path / "a.raw8", np.zeros((2, 2), np.uint8))
    with pytest.raises(UserError, match=r"unknown suffix \(.raw8\)"):
        images.read(tmp_path / "a.raw8")


def test_formats_are_found_in_the_order_of_messages() -> None:
    names = [one.name for one in registry.FORMATS]
    assert names[:6] == ["TIFF", "PNG", "JPEG", "MetaMorph stack", "ZEISS CZI", "bioio"]


def test_no_two_formats_share_a_suffix() -> None:
    suffixes = registry.all_suffixes()
    assert len(set(suffixes)) == len(suffixes)
    assert all(re.fullmatch(r"\.[a-z0-9]+", suffix) for suffix in suffixes)


@pytest.mark.parametrize("one", registry.FORMATS, ids=lambda one: one.name)
def test_each_format_is_in_the_table_of_the_docs(one: Format) -> None:
    rows = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8").splitlines()
    row = next((row for row in rows if row.startswith(f"| {one.name} |")), None)
    assert row is not None
    _, _, suffixes, scenes, labels, looked_for, needs, _ = (cell.strip() for cell in row.split("|"))
    assert tuple(suffixes.split(", ")) == one.suffixes
    assert scenes == ("several" if one.multi_scene else "one")
    assert labels == ("yes" if one.lossless else "no, lossy")
    assert looked_for == ("Raw" if one.raw_only else "any folder")
    assert (needs == "nothing") == (not one.library)
    assert one.install in needs.replace("`", "")


@pytest.mark.slow
def test_no_other_module_names_a_format_by_its_suffix() -> None:
    known = set(registry.all_suffixes())
    named = set()
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE).as_posix()
        if where.startswith(("images/formats/", "images/tiff/", "images/ome_zarr/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # f"{name}.tif" is the name of a file that is written, and may stay.
        written = {
            id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in n.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in written:
                named.add((where, node.value))
    assert {(where, value) for where, value in named if value in known} <= set(ALLOWED)
    assert set(ALLOWED) <= named, "an exception is no longer needed"

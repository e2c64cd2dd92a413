"""Zarr folders that are no image, or not the one that they say: one error, with a remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr_files

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError

pytest.importorskip("zarr", reason="needs zarr")

NOISE = np.random.default_rng(0).integers(1, 100, (3, 32, 48)).astype(np.uint16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return zarr_files.image(tmp_path / "a.ome.zarr", NOISE, "tyx", levels=2)


def ome(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    return lambda path: zarr_files.edit(
        path / ".zattrs", lambda all_: change(all_["multiscales"][0])
    )


def facts(level: int, **values: Any) -> Callable[[Path], None]:
    return lambda path: zarr_files.edit(
        path / str(level) / ".zarray", lambda one: one.update(values)
    )


def named(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "type": zarr_files.TYPES.get(name, "space")} for name in names]


def scaled(*values: Any) -> dict[str, Any]:
    return {"coordinateTransformations": [{"type": "scale", "scale": list(values)}]}


CASES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no multiscales": (lambda p: (p / ".zattrs").write_text("{}"), "without multiscales"),
    "no metadata": (lambda p: (p / ".zattrs").unlink(), "without multiscales"),
    "no group": (lambda p: [(p / n).unlink() for n in (".zattrs", ".zgroup")], "not a Zarr folder"),
    "no JSON": (lambda p: (p / ".zattrs").write_text('{"mult'), "is not JSON"),
    "no object": (lambda p: (p / ".zattrs").write_text("[1]"), "no JSON object"),
    "version 0.6": (ome(lambda o: o.update(version="0.6")), "NGFF version '0.6'"),
    "version 0.3": (
        ome(lambda o: o.update(version="0.3", axes=["t", "y", "x"])),
        "NGFF version '0.3'",
    ),
    "of no version": (
        ome(lambda o: [o.pop("version"), o.update(axes=["t", "y", "x"])]),
        "NGFF version 'before 0.4'",
    ),
    "Zarr 4": (
        lambda p: zarr_files.edit(p / ".zgroup", lambda g: g.update(zarr_format=4)),
        "unknown Zarr format 4",
    ),
    "no axes": (ome(lambda o: o.pop("axes")), "before 0.4|names no axes"),
    "too few axes": (
        ome(lambda o: o.update(axes=named("y", "x"))),
        "coordinateTransformations are not those",
    ),
    "one twice": (ome(lambda o: o.update(axes=named("y", "y", "x"))), "has the axes y, y, x"),
    "no x": (ome(lambda o: o.update(axes=named("t", "z", "y"))), "has the axes t, z, y"),
    "strange axis": (ome(lambda o: o.update(axes=named("u", "y", "x"))), "the axis 'u'"),
    "wrong order": (ome(lambda o: o.update(axes=named("y", "x", "t"))), "in the order y, x, t"),
    "wrong type": (
        ome(lambda o: o["axes"][0].update(type="space")),
        "axis t of the type 'space'",
    ),
    "no datasets": (ome(lambda o: o.update(datasets=[])), "names no arrays"),
    "no path": (ome(lambda o: o["datasets"][0].pop("path")), "where its level 0 is"),
    "a path out of it": (ome(lambda o: o["datasets"][0].update(path="../b")), "not in it"),
    "an absolute path": (ome(lambda o: o["datasets"][0].update(path="/etc")), "not in it"),
    "no scale": (
        ome(lambda o: o["datasets"][0].pop("coordinateTransformations")),
        "there are none",
    ),
    "scale of 2": (ome(lambda o: o["datasets"][0].update(scaled(1, 1))), "for 3 axes"),
    "scale 0": (ome(lambda o: o["datasets"][0].update(scaled(1, 1, 0))), "the scale is"),
    "scale NaN": (ome(lambda o: o["datasets"][0].update(scaled(1, 1, float("nan")))), "scale is"),
    "rotation": (
        ome(lambda o: o["datasets"][0].update(coordinateTransformations=[{"type": "rotation"}])),
        "the type 'rotation' is not known",
    ),
    "no array": (lambda p: (p / "0" / ".zarray").unlink(), "there is no array"),
    "other axes": (
        facts(0, shape=[32, 48], chunks=[16, 16]),
        "has 2 axes, and its metadata name 3",
    ),
    "larger level": (facts(1, shape=[3, 64, 24]), "its level 1 has uint16 pixels of the shape"),
    "other type": (facts(1, dtype="<f4", fill_value=0.0), "its level 1 has float32 pixels"),
    "objects": (facts(0, dtype="|O"), "Python objects in place of pixels"),
    "fields": (facts(0, dtype=[["a", "<u2"], ["b", "<u2"]]), "pixels of several fields"),
    "complex": (facts(0, dtype="<c8"), "holds <c8 pixels"),
    "text": (facts(0, dtype="<U8"), "holds <U8 pixels"),
    "pickles": (facts(0, filters=[{"id": "pickle"}]), "by the codec pickle"),
    "no shape": (facts(0, shape=None), "its metadata cannot be read"),
    "no pixels": (facts(0, shape=[3, 0, 48]), "which is no image"),
    "chunks of 0": (facts(0, chunks=[1, 0, 16]), "which is no image"),
    "huge": (facts(0, shape=[2**40, 2**40, 2**40]), "and has hardly any of them"),
    "large": (facts(0, shape=[2**15, 2**12, 2**12]), "and has hardly any of them"),
    "huge chunks": (facts(0, chunks=[1, 2**20, 2**20]), "more than 2 GB each"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*times as coarse")
@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_one_error(path: Path, case: str) -> None:
    harm, words = CASES[case]
    harm(path)
    with pytest.raises(UserError, match=words) as caught:
        images.read(path)
    assert caught.value.path is not None
    assert caught.value.path.startswith(str(path))
    assert caught.value.remedy


def test_wrong_axes_are_set_right_by_the_user(path: Path) -> None:
    ome(lambda o: o.update(axes=named("u", "y", "x")))(path)
    assert images.read(path, "TYX").dims == ("T", "Y", "X")
    ome(lambda o: o.update(axes=named("t", "u", "x")))(path)
    assert images.read(path, "ZYX").dims == ("Z", "Y", "X")
    with pytest.raises(UserError, match="TCYX does not fit"):
        images.read(path, "TCYX")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            ome(lambda o: o["datasets"][1].update(scaled(1, 8, 8))),
            "is said to be 8 times as coarse",
        ),
        (ome(lambda o: o["datasets"][1].update(path="9")), "level 1 .9. is not there"),
    ],
)
def test_what_is_wrong_with_smaller_levels_is_told(
    path: Path, harm: Callable[[Path], None], words: str
) -> None:
    harm(path)
    with pytest.warns(DataWarning, match=words):
        np.testing.assert_array_equal(images.read(path), NOISE)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("place", [".zattrs", "0", "0/.zarray", "0/1.0.1"])
def test_links_are_not_followed_out_of_it(path: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    (path / place).rename(outside)
    (path / place).symlink_to(outside)
    with pytest.raises(UserError, match="is a link that leads out of"):
        images.read(path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_the_folder_is_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link.zarr").symlink_to(path, target_is_directory=True)
    np.testing.assert_array_equal(images.read(tmp_path / "link.zarr"), NOISE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_place_of_a_chunk_does_not_block(path: Path) -> None:
    (path / "0" / "0.0.0").unlink()
    os.mkfifo(path / "0" / "0.0.0")
    with pytest.raises(UserError, match="is no regular file"):
        images.read(path)


def test_addresses_are_refused() -> None:
    for read in (images.read, lambda one: images.find([Path(one)])):
        with pytest.raises(UserError, match="is an address"):
            read("https://example.org/a.ome.zarr")


def test_a_plain_array_is_told_from_an_image(tmp_path: Path) -> None:
    zarr_files.array(tmp_path / "a.zarr", NOISE)
    with pytest.raises(UserError, match="a Zarr array without OME metadata"):
        images.read(tmp_path / "a.zarr")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::imagej_dl.errors.DataWarning")
@pytest.mark.parametrize("file", [".zattrs", "0/.zarray"])
def test_no_value_in_the_metadata_ends_in_a_traceback(path: Path, file: str) -> None:
    """Replace each value by others: it is read, or it is one error."""
    content = (path / file).read_text()

    def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return [at, *(p for key, one in items for p in places(one, (*at, key)))]
        return [at]

    for place in places(json.loads(content))[1:]:
        for wrong in (None, -1, 1e400, "x", [], {}, [None], True):
            changed = json.loads(content)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            (path / file).write_text(json.dumps(changed))
            try:
                images.formats.ome_zarr.open_lazily(path)
            except UserError:
                continue

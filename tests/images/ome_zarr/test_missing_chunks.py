"""Missing chunks: lost ones are an error, those that may be empty are read with a warning."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import zarr_files

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.formats.ome_zarr import open_lazily

pytest.importorskip("zarr", reason="needs zarr")

NOISE = np.random.default_rng(0).integers(1, 100, (64, 64)).astype(np.uint16)


def cells() -> np.ndarray:
    array = np.zeros((64, 64), np.uint16)
    array[4:12, 4:12], array[40:60, 40:60] = 1, 2
    return array


def test_one_of_many_is_told(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", NOISE, "yx")
    (path / "0" / "1.2").unlink()
    with pytest.warns(DataWarning, match=r"1 of 16 chunks is not there, the first of them 0/1\.2"):
        image = images.read(path)
    assert not image[16:32, 32:48].any()
    assert np.count_nonzero(image) == NOISE.size - 256


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_one_that_a_smaller_level_shows_is_lost(tmp_path: Path, version: str) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", NOISE, "yx", version, levels=2)
    file = path / "0" / ("1.2" if version == "0.4" else "c/1/2")
    file.unlink()
    with pytest.raises(UserError, match="its smaller level 1 shows pixels there") as caught:
        images.read(path)
    assert caught.value.path == str(file)
    np.testing.assert_array_equal(open_lazily(path).data[:16], NOISE[:16])


def test_one_that_a_smaller_level_lacks_too_is_lost_where_another_shows_it(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", np.tile(NOISE, (2, 2)), "yx", levels=3)
    (path / "0" / "2.2").unlink()
    (path / "2" / "1.1").unlink()
    with pytest.raises(UserError, match="its smaller level 1 shows pixels there"):
        images.read(path)


def test_one_beside_written_empty_ones_is_lost(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", cells(), "yx", empty=True)
    (path / "0" / "0.3").unlink()  # it was empty, and is taken to be lost
    with pytest.raises(UserError, match="holds nothing but the fill value") as caught:
        images.read(path)
    # The remedy for what is known to be empty.
    assert "write_empty_chunks" in str(caught.value)
    import zarr

    array = zarr.open_array(str(path / "0"), mode="r+")
    array.with_config({"write_empty_chunks": True})[...] = array[...]
    np.testing.assert_array_equal(images.read(path), cells())


def test_one_without_a_fill_value_is_lost(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", NOISE, "yx")
    zarr_files.edit(path / "0" / ".zarray", lambda facts: facts.update(fill_value=None))
    (path / "0" / "0.0").unlink()
    with pytest.raises(UserError, match="no fill value"):
        images.read(path)


@pytest.mark.parametrize("levels", [1, 2])
def test_empty_ones_that_were_left_out_are_read_as_empty(tmp_path: Path, levels: int) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", cells(), "yx", levels=levels)
    with pytest.warns(DataWarning, match=r"11 of 16 chunks are not there"):
        found = images.read(path)
    np.testing.assert_array_equal(found, cells())


def test_the_warning_comes_once_and_only_for_what_is_read(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", cells(), "yx")
    found = open_lazily(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found.data[4:12, 4:12].all()
    with pytest.warns(DataWarning, match="11 of 16 chunks"):
        assert not found.data[0:16, 16:32].any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not found.data[16:32, 16:32].any()


def test_our_own_chunks_are_all_written_so_that_a_missing_one_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.zarr"
    images.write_labels(images.make(cells()), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(images.read_labels(path), cells())
    (path / "0" / "0" / "0").unlink()
    with pytest.raises(UserError, match="imagej-dl writes all chunks"):
        images.read_labels(path)


def test_an_image_without_any_is_refused_and_an_empty_label_map_is_not(tmp_path: Path) -> None:
    empty = np.zeros((64, 64), np.uint16)
    path = zarr_files.image(tmp_path / "a.zarr", empty, "yx")
    with pytest.raises(UserError, match="has none of its 16 chunks"):
        images.read(path)
    zarr_files.edit(path / ".zattrs", lambda ome: ome.update({"image-label": {}}))
    with pytest.warns(DataWarning, match="16 of 16 chunks"):
        assert not images.read_labels(path).any()


@pytest.mark.parametrize("content", [b"", b"damaged", None], ids=["empty", "noise", "cut"])
def test_a_damaged_one_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", NOISE, "yx")
    file = path / "0" / "1.2"
    file.write_bytes(file.read_bytes()[:40] if content is None else content)
    with pytest.raises(UserError, match=r"cannot be read at 0, 0"):
        images.read(path)


def test_shards_say_themselves_which_chunks_are_empty(tmp_path: Path) -> None:
    path = zarr_files.image(
        tmp_path / "a.zarr", cells(), "yx", "0.5", chunks=(16, 16), shards=(64, 64)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(images.read(path), cells())


def test_of_a_mask_too(tmp_path: Path) -> None:
    path = zarr_files.image(tmp_path / "a.zarr", cells() > 0, "yx")
    with pytest.warns(DataWarning, match="11 of 16 chunks are not there.* read as False"):
        np.testing.assert_array_equal(images.read(path) == 255, cells() > 0)

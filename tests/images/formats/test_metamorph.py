"""Files of microscopes: axes and pixel sizes are those that the file states."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from metamorph import write_stk

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError


@pytest.fixture
def planes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (5, 7, 9)).astype(np.uint16)


def test_stk_slices(tmp_path: Path, planes: np.ndarray) -> None:
    write_stk(tmp_path / "a.stk", planes, apart=0.5, interval=900, pixel=0.25)
    image = images.read(tmp_path / "a.stk")
    assert image.dims == ("Z", "Y", "X")
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, planes)
    assert images.calibration(image) == images.Calibration(0.25, 0.25, 0.5, "µm", 0.0)


def test_stk_frames(tmp_path: Path, planes: np.ndarray) -> None:
    write_stk(tmp_path / "a.stk", planes, interval=2500)
    image = images.read(tmp_path / "a.stk")
    assert image.dims == ("T", "Y", "X")
    np.testing.assert_array_equal(image, planes)
    assert images.calibration(image) == images.Calibration(frame_interval=2.5)


def test_stk_that_states_nothing(tmp_path: Path, planes: np.ndarray) -> None:
    write_stk(tmp_path / "a.stk", planes)
    with pytest.warns(DataWarning, match=r"a\.stk: does not name the axis of its 5 planes"):
        assert images.read(tmp_path / "a.stk").dims == ("Z", "Y", "X")
    assert images.read(tmp_path / "a.stk", "TYX").dims == ("T", "Y", "X")


def test_stk_of_one_plane_and_damaged(tmp_path: Path, planes: np.ndarray) -> None:
    write_stk(tmp_path / "a.stk", planes[:1])
    np.testing.assert_array_equal(images.read(tmp_path / "a.stk"), planes[0])
    whole = (tmp_path / "a.stk").read_bytes()
    (tmp_path / "short.stk").write_bytes(whole[:60])
    with pytest.raises(UserError, match=r"short\.stk: is not a readable MetaMorph stack"):
        images.read(tmp_path / "short.stk")
    write_stk(tmp_path / "a.stk", planes)
    whole = (tmp_path / "a.stk").read_bytes()
    random = np.random.default_rng(0)
    errors = 0
    for _ in range(50):  # any bytes of header and tags
        broken = bytearray(whole)
        for place in random.integers(planes.nbytes, len(whole), 3):
            broken[place] = random.integers(256)
        (tmp_path / "a.stk").write_bytes(broken)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                images.read(tmp_path / "a.stk")
            except UserError as error:
                errors += "a.stk" in str(error)
    assert errors > 3


def test_czi(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw (the extra czi)")
    array = np.random.default_rng(0).integers(0, 65536, (3, 2, 2, 20, 30)).astype(np.uint16)
    with library.create_czi(str(tmp_path / "a.czi")) as file:
        for t, c, z in np.ndindex(3, 2, 2):
            file.write(array[t, c, z][..., None], plane={"T": t, "C": c, "Z": z})
        file.write_metadata("a", scale_x=0.3e-6, scale_y=0.4e-6, scale_z=1e-6)
    image = images.read(tmp_path / "a.czi")
    assert image.dims == ("T", "C", "Z", "Y", "X")
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, array)
    found = images.calibration(image)
    sizes = (found.pixel_width, found.pixel_height, found.pixel_depth)
    assert sizes == pytest.approx((0.3, 0.4, 1.0))
    assert found.unit == "µm"
    (tmp_path / "bad.czi").write_bytes((tmp_path / "a.czi").read_bytes()[:100])
    with pytest.raises(UserError, match=r"bad\.czi: is not a readable CZI"):
        images.read(tmp_path / "bad.czi")


def test_czi_in_colours(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw (the extra czi)")
    colours = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    with library.create_czi(str(tmp_path / "a.czi")) as file:
        file.write(colours[..., ::-1].copy(), plane={"C": 0})
    image = images.read(tmp_path / "a.czi")
    np.testing.assert_array_equal(image.transpose("Y", "X", "C"), colours)


def test_bioio(tmp_path: Path) -> None:
    pytest.importorskip("bioio_ome_zarr", reason="needs bioio and bioio-ome-zarr")
    pytest.importorskip("bioio", reason="needs bioio (the extra bioio)")
    from bioio_ome_zarr.writers import OMEZarrWriter

    array = np.random.default_rng(0).integers(0, 65536, (3, 1, 2, 16, 24)).astype(np.uint16)
    writer = OMEZarrWriter(
        store=str(tmp_path / "a.zarr"),
        level_shapes=[array.shape],
        dtype="uint16",
        zarr_format=2,
        physical_pixel_size=[1.0, 1.0, 2.0, 0.4, 0.3],
    )
    writer.write_full_volume(array)
    image = images.read(tmp_path / "a.zarr")
    assert image.dims == ("T", "Z", "Y", "X")
    np.testing.assert_array_equal(image, array[:, 0])
    found = images.calibration(image)
    sizes = (found.pixel_width, found.pixel_height, found.pixel_depth)
    assert sizes == pytest.approx((0.3, 0.4, 2.0))


@pytest.mark.parametrize(("name", "extra"), [("a.czi", "czi"), ("a.nd2", "bioio")])
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    for library in ("bioio", "pylibCZIrw"):
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.delitem(sys.modules, f"{library}.czi", raising=False)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=rf"{name}: is a .*pip install 'imagej-dl\[{extra}\]'"):
        images.read(tmp_path / name)

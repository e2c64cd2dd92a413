"""Files of several scenes: each has its own pixels, axes, sizes and channels, and a name."""

from __future__ import annotations

import re
import sys
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from leica import write_lif
from ome_scenes import FIRST, SECOND, write_ome

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.scenes import numbered

RNG = np.random.default_rng(1)


def test_scenes_of_an_ome_tiff(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif")
    found = [(s.number, s.name, s.suffix) for s in images.scenes_of(path)]
    assert found == [(1, "R1", "_R1"), (2, "B2/R 2", "_B2_R_2")]
    first = images.read(path, scene=1)
    assert first.dims == ("T", "C", "Y", "X")
    np.testing.assert_array_equal(first, FIRST)
    assert images.calibration(first) == images.Calibration(0.2, 0.3, 1.0, "µm", 2.0)
    assert first.attrs["channels"] == ["DAPI", "GFP µ"]
    second = images.read(path, scene=2)
    assert (second.dims, second.dtype) == (("Y", "X"), np.uint8)
    np.testing.assert_array_equal(second, SECOND)
    assert images.calibration(second) == images.Calibration(0.5, 0.6, 1.0, "µm", 0.0)
    assert "channels" not in second.attrs


def test_which_scene_is_read_is_said(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif")
    words = r"a\.ome\.tif: holds 2 scenes \(R1, B2/R 2\), of which the first, R1, is read"
    with pytest.warns(DataWarning, match=words):
        np.testing.assert_array_equal(images.read(path), FIRST)
    with pytest.raises(UserError, match=r"has 2 scenes \(R1, B2/R 2\), but number 3 was requested"):
        images.read(path, scene=3)
    single = tmp_path / "b.png"
    from PIL import Image

    Image.fromarray(SECOND).save(single)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [s.suffix for s in images.scenes_of(single)] == [""]
        images.read(single, scene=1)
    for scene in (0, 2):
        with pytest.raises(
            UserError, match=rf"b\.png: has 1 scene, but number {scene} was requested"
        ):
            images.read(single, scene=scene)


def test_channel_names_are_kept_by_our_tiffs(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif")
    images.write(images.read(path, scene=1), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.imagej_metadata is not None
        assert file.imagej_metadata["Labels"] == ["DAPI", "GFP µ"] * 3  # ImageJ's slice labels
    assert images.read(tmp_path / "b.tif").attrs["channels"] == ["DAPI", "GFP µ"]
    images.write(images.make(FIRST, "TCYX"), tmp_path / "c.tif", Labels=[*"abcdef"])
    assert "channels" not in images.read(tmp_path / "c.tif").attrs


@pytest.mark.parametrize("missing", [0, 1])
def test_sizes_of_a_scene_without_pixels_are_not_taken_for_another_s(
    tmp_path: Path, missing: int
) -> None:
    path = write_ome(tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        text = str(file.ome_metadata)
    places = [m.span() for m in re.finditer("<TiffData.*?(/>|</TiffData>)", text)]
    begin, end = places[missing]  # of this scene no plane is in the file
    tifffile.tiffcomment(path, (text[:begin] + text[end:]).encode())
    assert len(images.scenes_of(path)) == 1
    assert images.read(path).attrs["pixel_width"] == (0.2 if missing else 0.5)


def test_previews_and_overviews_are_no_scenes(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(SECOND, metadata=None)
        file.write(SECOND[::2, ::2], subfiletype=1, metadata=None)
    assert len(images.scenes_of(tmp_path / "a.tif")) == 1
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(SECOND, metadata=None)
        file.write(FIRST[0, 0], metadata=None)
    assert [s.suffix for s in images.scenes_of(tmp_path / "b.tif")] == ["_scene1", "_scene2"]
    np.testing.assert_array_equal(images.read(tmp_path / "b.tif", scene=2), FIRST[0, 0])


def test_each_file_of_a_set_has_the_scenes_that_begin_in_it(tmp_path: Path) -> None:
    """As Micro-Manager writes positions: each file's XML names all files."""
    planes = {f"{n}.ome.tif": np.full((6, 5), n, np.uint8) for n in (1, 2)}
    scenes = "".join(
        f'<Image ID="Image:{n}" Name="P{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYCZT" '
        f'Type="uint8" SizeX="5" SizeY="6" SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="0.{n}" '
        f'PhysicalSizeY="0.{n}"><TiffData IFD="0" PlaneCount="1"><UUID FileName="{n}.ome.tif">'
        f"urn:uuid:{n}</UUID></TiffData></Pixels></Image>"
        for n in (1, 2)
    )
    for n, (name, plane) in enumerate(planes.items(), 1):
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{n}">{scenes}</OME>'
        )
        tifffile.imwrite(tmp_path / name, plane, description=text, metadata=None)
    for n, (name, plane) in enumerate(planes.items(), 1):
        assert [s.name for s in images.scenes_of(tmp_path / name)] == [f"P{n}"]
        image = images.read(tmp_path / name)
        np.testing.assert_array_equal(image, plane)
        assert image.attrs["pixel_width"] == n / 10


@pytest.mark.parametrize(
    ("names", "suffixes"),
    [
        (["x"], [""]),
        (["R1", "R2"], ["_R1", "_R2"]),
        (["Position 1", "Übersicht (2×)"], ["_Position_1", "_Übersicht_2"]),
        (["B/2/R1", "B/3/R1"], ["_B_2_R1", "_B_3_R1"]),
        # Alike, or alike where capitals are not told apart, or once made safe, or without a name.
        (["R1", "R1"], ["_scene1_R1", "_scene2_R1"]),
        (["r1", "R1", "x"], ["_scene1_r1", "_scene2_R1", "_scene3_x"]),
        (["a/b", "a:b"], ["_scene1_a_b", "_scene2_a_b"]),
        (["", "R1"], ["_scene1", "_scene2_R1"]),
        (["..", "a" * 300], ["_scene1", f"_scene2_{'a' * 60}"]),
        # What libraries make up, from 0.
        (["Image:0", "Image:1"], ["_scene1", "_scene2"]),
        ([f"XYPos:{i}" for i in range(10)], [f"_scene{i:02}" for i in range(1, 11)]),
        (["Image:1", "Image:2"], ["_Image_1", "_Image_2"]),
        # A bare number would be that of a slice.
        (["1", "2"], ["_scene1", "_scene2"]),
        (["5", "R1"], ["_scene1_5", "_scene2_R1"]),
        # As Bio-Formats calls them.
        (["a.lif - R1", "a.lif - R2"], ["_R1", "_R2"]),
        (["a.nd2 (series 1)", "a.nd2 (series 2)"], ["_series_1", "_series_2"]),
        (["a.czi #1", "a.czi #2"], ["_scene1", "_scene2"]),
        (["a1", "a2"], ["_a1", "_a2"]),
        (["a_R1", "a_"], ["_R1", "_a"]),
    ],
)
def test_suffixes_are_safe_and_unlike(names: list[str], suffixes: list[str]) -> None:
    assert [s.suffix for s in numbered(Path("a.ome.tif"), names)] == suffixes


def test_czi_scenes(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw (the extra czi)")
    path = tmp_path / "a.czi"
    tall, flat = (RNG.integers(1, 60000, shape).astype(np.uint16) for shape in ((3, 8, 9), (6, 7)))
    with library.create_czi(str(path)) as file:
        for z, plane in enumerate(tall):
            where = {"T": 0, "C": 0, "Z": z}
            file.write(plane[..., None], plane=where, scene=0, location=(0, 0))
        # Of two tiles side by side.
        for x in (0, 4):
            tile = np.ascontiguousarray(flat[:, x : x + 4, None])
            where = {"T": 0, "C": 0, "Z": 0}
            file.write(tile, plane=where, scene=1, location=(100 + x, 50))
        file.write_metadata("a", scale_x=0.3e-6, scale_y=0.4e-6, channel_names={0: "DAPI"})
    assert [s.suffix for s in images.scenes_of(path)] == ["_scene1", "_scene2"]
    with pytest.warns(DataWarning, match=r"a\.czi: holds 2 scenes, of which the first is read"):
        np.testing.assert_array_equal(images.read(path), tall)
    with pytest.warns(DataWarning, match="is a mosaic of 2 tiles, joined"):
        image = images.read(path, scene=2)
    assert image.dims == ("Y", "X")  # and not the three slices of the other
    np.testing.assert_array_equal(image, flat)
    assert (image.attrs["pixel_height"], image.attrs["channels"]) == (pytest.approx(0.4), ["DAPI"])


def test_leica_scenes(tmp_path: Path) -> None:
    pytest.importorskip("bioio_lif", reason="needs bioio and bioio-lif")
    movie, plane = (
        RNG.integers(0, 60000, shape).astype(np.uint16)
        for shape in ((3, 2, 2, 10, 12), (1, 1, 1, 20, 15))
    )
    path = tmp_path / "a.lif"
    write_lif(path, [("A/1/R1", movie), ("A/2/R1", plane), ("Map", plane)], interval=2.5)
    assert [s.suffix for s in images.scenes_of(path)] == ["_A_1_R1", "_A_2_R1", "_Map"]
    first, second = images.read(path, scene=1), images.read(path, scene=2)
    assert first.dims == ("T", "C", "Z", "Y", "X")
    np.testing.assert_array_equal(first, movie.transpose(0, 2, 1, 3, 4))
    np.testing.assert_array_equal(second, plane[0, 0, 0])
    assert first.attrs["frame_interval"] == pytest.approx(2.5, abs=1e-4)
    assert second.attrs["frame_interval"] == 0
    assert [im.attrs["pixel_width"] for im in (first, second)] == pytest.approx([0.5, 1.5])
    assert first.attrs["channels"] == ["Green", "Red"]


class _Fake:
    """A file of two scenes of one name, as bioio shows a .lif; the second is a mosaic."""

    scenes = ("R1", "R1")
    physical_pixel_sizes = types.SimpleNamespace(Z=None, Y=0.5, X=0.25)
    channel_names: Sequence[str] = ("DAPI", "GFP")
    apart = False

    def __init__(self, path: Path) -> None:
        self.set_scene(0)

    def set_scene(self, scene: int | str) -> None:
        assert isinstance(scene, int)  # by name it would always be the first
        tiles = 4 if scene else 1
        order = "MTCZYX" if scene and self.apart else "TCZYX"
        shape = [tiles] * (order[0] == "M") + [1, 2, 1, 5, 6]
        self.data = np.full(shape, scene + 1, np.uint8)
        self.dims = types.SimpleNamespace(order=order)
        self.reader = types.SimpleNamespace(dims=types.SimpleNamespace(M=tiles))


def test_bioio_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("bioio")
    module.BioImage = _Fake
    monkeypatch.setitem(sys.modules, "bioio", module)
    path = tmp_path / "a.lif"
    path.write_bytes(b"x")
    assert [s.suffix for s in images.scenes_of(path)] == ["_scene1_R1", "_scene2_R1"]
    with pytest.warns(DataWarning, match="holds 2 scenes"):
        assert images.read(path).max() == 1
    with pytest.warns(DataWarning, match=r"a\.lif: is a mosaic of 4 tiles, joined"):
        image = images.read(path, scene=2)
    assert (image.dims, int(image.min())) == (("C", "Y", "X"), 2)
    assert image.attrs["channels"] == ["DAPI", "GFP"]
    assert images.calibration(image) == images.Calibration(0.25, 0.5, 1.0, "µm", 0.0)
    monkeypatch.setattr(_Fake, "apart", True)
    with pytest.raises(UserError, match="which bioio's plugin does not join"):
        images.read(path, scene=2)

"""Image files keep pixels, axes and calibration, there and back."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, images, rois
from imagej_dl.errors import DataWarning
from imagej_dl.images import memory_maps
from imagej_dl.images.tiff import reading, writing

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "uint32"])
@pytest.mark.parametrize("dims", ["YX", "TYX", "CYX", "ZYX", "TCYX", "TZYX", "TCZYX"])
def test_round_trip(tmp_path: Path, dtype: str, dims: str) -> None:
    shape = [2 + i for i in range(len(dims) - 2)] + [7, 9]
    array = (RNG.random(shape) * 200).astype(dtype)
    attrs = {
        "pixel_width": 0.65,
        "pixel_height": 0.5,
        "pixel_depth": 2.0,
        "unit": "µm",
        "frame_interval": 300.0,
    }
    images.write(images.make(array, dims, **attrs), tmp_path / "a.tif")
    back = images.read(tmp_path / "a.tif")
    assert back.dims == tuple(dims)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    assert back.attrs["unit"] == "µm"
    assert back.attrs["title"] == "a.tif"
    for key in ("pixel_width", "pixel_height", "pixel_depth", "frame_interval"):
        assert back.attrs[key] == pytest.approx(attrs[key], rel=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint32"])
def test_one_pixel_wide_images_stay_upright(tmp_path: Path, dtype: str) -> None:
    for dims, shape in (("YX", (9, 1)), ("TYX", (2, 9, 1)), ("CYX", (2, 9, 1))):
        given = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
        images.write(images.make(given, dims), tmp_path / "a.tif", overwrite=True)
        found = images.read(tmp_path / "a.tif")
        assert found.dims == tuple(dims)
        np.testing.assert_array_equal(found.data, given)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "c.tif", np.ones((4, 4), np.complex64))
    with pytest.raises(UserError, match=r"c\.tif.*complex"):
        images.read(tmp_path / "c.tif")


def test_um_stays_um(tmp_path: Path) -> None:
    image = images.make(np.zeros((4, 4), np.uint8), unit="um", pixel_width=0.1)
    images.write(image, tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif").attrs["unit"] == "um"


def test_shared_movie(shared_data: Path) -> None:
    movie = images.read(shared_data / "movie" / "movie.tif")
    assert movie.dims == ("T", "Y", "X")
    assert movie.attrs["pixel_width"] == pytest.approx(0.65, rel=1e-5)
    assert movie.attrs["frame_interval"] == 300
    assert movie.attrs["unit"] == "um"


def test_ids_above_16_bits_are_kept(tmp_path: Path) -> None:
    labels = images.as_labels(np.array([[0, 70_000], [1, 2]]))
    assert labels.dtype == np.uint32
    images.write(images.make(labels), tmp_path / "a.tif")
    assert int(images.read(tmp_path / "a.tif").max()) == 70_000


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image = images.make(np.zeros((4, 4), np.uint8))
    images.write(image, path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="already there"):
        images.write(image + 1, path)
    assert path.read_bytes() == before


def test_plain_stack_is_z_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((6, 8, 9), np.uint8), photometric="minisblack", metadata=None)
    assert images.read(path).dims == ("Z", "Y", "X")
    assert images.read(path, axes="tyx").dims == ("T", "Y", "X")
    with pytest.raises(UserError, match="do not fit"):
        images.read(path, axes="YX")


def test_big_endian_becomes_native(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((3, 4), 258, ">u2"), byteorder=">")
    back = images.read(tmp_path / "a.tif")
    assert back.dtype.isnative
    assert int(back[0, 0]) == 258


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"not an image at all", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_what_is_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif"):
        images.read(path)


def test_ome_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"}
    metadata |= {"PhysicalSizeY": 0.3, "TimeIncrement": 2.0, "TimeIncrementUnit": "min"}
    tifffile.imwrite(path, np.zeros((2, 3, 5, 6), np.uint16), ome=True, metadata=metadata)
    image = images.read(path)
    assert image.dims == ("T", "C", "Y", "X")
    assert image.attrs["pixel_width"] == 0.2
    assert image.attrs["pixel_height"] == 0.3
    assert image.attrs["frame_interval"] == 120


def test_each_axis_of_an_ome_tiff_has_a_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    sizes = {"X": ("0.5", "µm"), "Y": ("500", "nm"), "Z": ("0.0012", "mm")}
    metadata: dict = {"axes": "ZYX"}
    for axis, (size, unit) in sizes.items():
        metadata |= {f"PhysicalSize{axis}": float(size), f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(path, np.zeros((2, 5, 6), np.uint8), ome=True, metadata=metadata)
    found = images.calibration(images.read(path))
    assert (found.unit, found.pixel_width) == ("µm", 0.5)
    assert (found.pixel_height, found.pixel_depth) == pytest.approx((0.5, 1.2))
    metadata |= {"PhysicalSizeZ": 3.0, "PhysicalSizeZUnit": "pixel"}
    tifffile.imwrite(path, np.zeros((2, 5, 6), np.uint8), ome=True, metadata=metadata)
    with pytest.warns(DataWarning, match="along Z of 3.0 pixel, not µm, is left out"):
        assert images.calibration(images.read(path)).pixel_depth == 1.0


def test_colour_png_has_channels(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(RNG.integers(0, 255, (5, 6, 3), np.uint8)).save(tmp_path / "a.png")
    assert images.read(tmp_path / "a.png").dims == ("C", "Y", "X")


def test_damaged_png_is_named(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "mask_0.png"
    Image.fromarray(RNG.integers(0, 2, (50, 60), np.uint8)).save(path)
    # A part of the pixels that ends too early: what follows is no name of a part.
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT")
    data[at - 4 : at] = struct.pack(">I", 20)
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"mask_0\.png: is not a readable picture"):
        images.read(path)
    with pytest.raises(UserError, match=r"mask_0\.png: is not a readable picture"):
        rois.read(tmp_path)


@pytest.mark.parametrize("unit", ["Å", "µm", "Ωm", "m²", "𝑥"])
def test_units_beyond_ascii(tmp_path: Path, unit: str) -> None:
    images.write(images.make(np.zeros((4, 4), np.uint8), unit=unit), tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif").attrs["unit"] == unit
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        text = file.pages.first.description
    assert text.isascii()
    if unit == "Å":
        assert "unit=\\u00C5\n" in text


def described(path: Path, text: str, **more: object) -> Path:
    tifffile.imwrite(
        path, np.zeros((4, 5), np.uint8), description=f"ImageJ=1.54p\n{text}", metadata=None, **more
    )
    return path


@pytest.mark.parametrize("sizes", [(-2.0, 3.0), (0.0, 3.0), (np.inf, 3.0), (np.nan, 1.0)])
def test_impossible_pixel_sizes_are_no_calibration(tmp_path: Path, sizes: tuple) -> None:
    x, y = sizes
    attrs = f'PhysicalSizeX="{x}" PhysicalSizeY="{y}" TimeIncrement="-1"'
    pixels = '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="5" SizeY="4" '
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'{pixels} SizeC="1" SizeZ="1" SizeT="1" {attrs}>'
        '<TiffData IFD="0"/></Pixels></Image></OME>'
    )
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((4, 5), np.uint8), description=text, metadata=None
    )
    with pytest.warns(DataWarning, match="left out"):
        image = images.read(tmp_path / "a.ome.tif")
    assert images.calibration(image) == images.Calibration()


def test_zero_resolution_is_no_calibration(tmp_path: Path) -> None:
    path = described(tmp_path / "a.tif", "unit=um\n", resolution=((0, 1), (0, 1)))
    with pytest.warns(DataWarning, match=r"a\.tif: pixel sizes"):
        image = images.read(path)
    assert images.calibration(image) == images.Calibration()


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        ("ns", 2e-9),
        ("us", 2e-6),
        ("\\u00B5s", 2e-6),
        ("ms", 2e-3),
        ("minutes", 120),
        ("hours", 7200),
        ("day", 172800),
        ("sec", 2),
        ("Min", 120),
    ],
)
def test_time_units(tmp_path: Path, unit: str, seconds: float) -> None:
    path = described(tmp_path / "a.tif", f"finterval=2\ntunit={unit}\n")
    assert images.read(path).attrs["frame_interval"] == pytest.approx(seconds)


def test_unknown_time_units_are_said(tmp_path: Path) -> None:
    path = described(tmp_path / "a.tif", "finterval=2\ntunit=fortnight\n")
    with pytest.warns(DataWarning, match="'fortnight' is not known"):
        assert images.read(path).attrs["frame_interval"] == 2


def test_alpha_is_no_channel(tmp_path: Path) -> None:
    colours = RNG.integers(0, 255, (5, 6, 4), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", extrasamples=["unassalpha"])
    image = images.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.transpose("Y", "X", "C"), colours[..., :3])
    grey = colours[..., :2]
    tifffile.imwrite(
        tmp_path / "b.tif",
        grey,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
    )
    np.testing.assert_array_equal(images.read(tmp_path / "b.tif"), grey[..., 0])


def test_an_entity_bomb_in_the_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    bomb = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    doctype = f"<!DOCTYPE OME [<!ENTITY e0 'lol'>{''.join(bomb)}]>"
    outside = "<!DOCTYPE OME SYSTEM 'file:///etc/hostname'>"
    for text in (doctype, outside):
        text = f"<?xml version='1.0' encoding='UTF-8'?>\n<!-- a -->{text}<OME>&e11;</OME>"
        tifffile.imwrite(path, np.zeros((4, 5), np.uint8), description=text, metadata=None)
        with pytest.raises(UserError, match=r"a\.ome\.tif: has XML with a document type"):
            images.read(path)


@pytest.mark.parametrize("text", ["<!ENTITY a 'b'><OME></OME>", "about <!DOCTYPE html>", "<OME"])
def test_what_only_looks_like_xml_is_read(tmp_path: Path, text: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 5), np.uint8), description=text, metadata=None)
    np.testing.assert_array_equal(images.read(tmp_path / "a.tif"), 1)


@pytest.mark.parametrize("error", [MemoryError, TypeError, RuntimeError, OverflowError])
def test_whatever_a_damaged_header_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    images.write(images.make(np.zeros((4, 4), np.uint8)), tmp_path / "a.tif")

    def fail(self: object) -> None:
        raise error

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", fail)
    with pytest.raises(UserError, match=rf"a\.tif: is not a readable.*{error.__name__}"):
        images.read(tmp_path / "a.tif")


def test_headers_damaged_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.tif"
    images.write(images.make(np.zeros((3, 4, 4), np.uint16), "TYX", unit="um"), path)
    whole, errors = path.read_bytes(), []
    for _ in range(300):
        broken = bytearray(whole)
        for place in RNG.integers(4, len(whole), 8):
            broken[place] = RNG.integers(0, 256)
        path.write_bytes(broken)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                images.read(path)
        except UserError as error:
            errors.append(str(error))
    assert len(errors) > 5
    assert all(text.startswith(f"{path}: ") and "\n" not in text for text in errors)
    assert not caplog.records


@pytest.mark.parametrize("how", [{"rowsperstrip": 4}, {"tile": (16, 16), "compression": "zlib"}])
def test_pixels_that_a_file_lacks_are_not_made_up(tmp_path: Path, how: dict) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RNG.integers(1, 255, (40, 30), np.uint8), metadata=None, **how)
    assert images.read(path).sizes == {"Y": 40, "X": 30}
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["ImageLength"].overwrite(2**24)
    with pytest.raises(UserError, match=r"a\.tif: is not a readable .*\(\d+ of"):
        images.read(path)


def test_what_a_tiff_cannot_hold_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for size in (0.0, 1e-10, 1e11, float("nan")):
        image = images.make(np.zeros((4, 4), np.uint8), pixel_width=size, unit="m")
        with pytest.raises(UserError, match=r"a\.tif: cannot hold pixels of .* m\. Give"):
            images.write(image, path)
    for dtype in ("uint8", "uint32"):
        with pytest.raises(UserError, match=r"a\.tif: would have no pixels"):
            images.write(images.make(np.zeros((0, 4, 4), dtype), "TYX"), path)
    assert not list(tmp_path.iterdir())


def test_only_names_of_tiffs_are_written(tmp_path: Path) -> None:
    image = images.make(np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match=r"a\.png: is not the name of a TIFF file"):
        images.write(image, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
    images.write(image, tmp_path / "a.TIFF")


@pytest.mark.parametrize("axes", ["QY", "YY"])
def test_wrong_axes_name_the_file(tmp_path: Path, axes: str) -> None:
    images.write(images.make(np.zeros((4, 5), np.uint8)), tmp_path / "a.tif")
    with pytest.raises(UserError) as caught:
        images.read(tmp_path / "a.tif", axes)
    assert caught.value.path == str(tmp_path / "a.tif")


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_large_files_are_mapped_where_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, byteorder: str
) -> None:
    monkeypatch.setattr(reading, "_MAP_ABOVE", 100)
    array = RNG.integers(0, 60000, (4, 1, 20, 30), np.uint16)
    path = tmp_path / "a.tif"
    metadata = {"axes": "TCYX"}
    tifffile.imwrite(path, array, imagej=True, metadata=metadata, byteorder=byteorder)
    image = images.read(path, mapped=True)
    assert image.dims == ("T", "Y", "X")
    assert not image.values.flags.writeable
    assert image.dtype.newbyteorder("=") == np.uint16
    np.testing.assert_array_equal(image, array[:, 0])
    loaded = images.read(path)
    assert loaded.dtype.isnative
    assert loaded.values.flags.writeable
    tifffile.imwrite(path, array, compression="zlib", byteorder=byteorder)
    unpacked = images.read(path, "TYX", mapped=True)
    np.testing.assert_array_equal(unpacked, array[:, 0])
    assert memory_maps.mapped(unpacked.data)
    monkeypatch.setattr(reading, "_room", lambda: 100)
    unpacked = images.read(path, "TYX", mapped=True)
    np.testing.assert_array_equal(unpacked, array[:, 0])
    assert not memory_maps.mapped(unpacked.data)


def test_what_lies_in_a_file_is_written_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    monkeypatch.setattr(memory_maps, "_AT_ONCE", 1000)
    for limit in (writing._CLASSIC_LIMIT, 100):
        monkeypatch.setattr(writing, "_CLASSIC_LIMIT", limit)
        for kind in ("u1", "<u2", ">u2", "<f4", ">u4", "<u4"):  # also of other programs' files
            array = np.memmap(tmp_path / "array", kind, "w+", shape=(3, 40, 50, 2))
            array[:] = RNG.integers(0, 250, array.shape)
            images.write(images.make(array, "TYXC"), path, overwrite=True)
            back = images.read(path)
            assert back.dtype == np.dtype(kind).newbyteorder("=")
            np.testing.assert_array_equal(back.transpose("T", "Y", "X", "C"), array)

    def full(array: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory_maps, "pieces", full)
    with pytest.raises(UserError, match="disk is full"):
        images.write(images.make(array, "TYXC"), tmp_path / "b.tif")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "array"]

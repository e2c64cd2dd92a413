"""Label maps are numbers, not pictures: palettes, masks, lossy files, numbers that are no ids."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.checks import lossy_compression, repeated_warnings
from imagej_dl.images.labels import id_semantics, label_maps


def discs(count: int, radius: int = 6, side: int = 100, value: int | None = None) -> np.ndarray:
    """Discs that do not touch, numbered from 1 or all of one value."""
    y, x = np.mgrid[:side, :side]
    made = np.zeros((side, side), np.uint16)
    step = 2 * radius + 6
    across = side // step
    for i in range(count):
        cy, cx = (step // 2 + step * (i // across)), (step // 2 + step * (i % across))
        made[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = value or i + 1
    return made


def silent(path: Path, **more: bool) -> np.ndarray:
    """Read a label map about which nothing is to be said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        return images.read_labels(path, **more).values


def test_a_palettes_indices_are_the_ids(shared_data: Path) -> None:
    with pytest.warns(DataWarning, match="1 of 7 ids is in several large pieces"):
        found = images.read_labels(shared_data / "faults" / "labels" / "palette.png")
    with Image.open(shared_data / "faults" / "labels" / "palette.png") as picture:
        np.testing.assert_array_equal(found, np.asarray(picture))
    assert found.dtype == np.uint16


def test_transparency_of_a_palette_changes_no_id(tmp_path: Path) -> None:
    made = discs(9)
    picture = Image.fromarray(made.astype(np.uint8), "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    picture.save(tmp_path / "p.png", transparency=0)
    np.testing.assert_array_equal(silent(tmp_path / "p.png"), made)


def test_a_tiffs_palette_changes_no_id(tmp_path: Path) -> None:
    made = discs(9).astype(np.uint8)
    colours = np.random.default_rng(0).integers(0, 2**16, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "p.tif", made, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(silent(tmp_path / "p.tif"), made)


@pytest.mark.parametrize("name", ["bin255.tif", "ij_mask_inv.png"])
def test_a_masks_pieces_become_the_objects(shared_data: Path, name: str) -> None:
    with pytest.warns(DataWarning, match=r"is a mask.*\(255\).*7 connected components"):
        found = images.read_labels(shared_data / "faults" / "labels" / name)
    assert np.unique(found).tolist() == list(range(8))


@pytest.mark.parametrize("name", ["ij_saved_i16.tif", "stardist_int16_saved_by_fiji.tif"])
def test_signed_labels_are_the_numbers_that_imagej_shows(shared_data: Path, name: str) -> None:
    with pytest.warns(DataWarning, match="in several large pieces"):
        found = images.read_labels(shared_data / "faults" / "labels" / name)
    assert np.unique(found).tolist() == list(range(8))
    assert np.count_nonzero(found == 0) > found.size / 2


@pytest.mark.parametrize("value", [1, 2, 255])
@pytest.mark.parametrize("inverted", [False, True])
def test_masks_of_any_value_are_recognised(tmp_path: Path, value: int, inverted: bool) -> None:
    made = discs(12, value=value).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "m.tif", made, photometric="miniswhite" if inverted else "minisblack"
    )
    with pytest.warns(DataWarning, match=r"12 connected components"):
        found = images.read_labels(tmp_path / "m.tif").values
    assert found.max() == 12
    np.testing.assert_array_equal(found > 0, made > 0)


def test_masks_of_one_bit_are_recognised(tmp_path: Path) -> None:
    made = discs(12) > 0
    Image.fromarray(made).save(tmp_path / "m.png")
    tifffile.imwrite(tmp_path / "m.tif", made)
    for name in ("m.png", "m.tif"):
        with pytest.warns(DataWarning, match="12 connected components"):
            found = images.read_labels(tmp_path / name).values
        np.testing.assert_array_equal(found > 0, made)


def test_a_clump_does_not_hide_that_it_is_a_mask(tmp_path: Path) -> None:
    made = discs(12, radius=4, value=255).astype(np.uint8)
    made[60:, :] = 255  # many times as large as all the rest
    tifffile.imwrite(tmp_path / "m.tif", made)
    with pytest.warns(DataWarning, match="is a mask"):
        assert images.read_labels(tmp_path / "m.tif").values.max() == 13


def test_masks_of_a_movie_are_split_in_every_frame(tmp_path: Path) -> None:
    made = np.stack([discs(n, value=255) for n in (9, 1, 0, 4)]).astype(np.uint8)
    images.write(images.make(made, "TYX"), tmp_path / "m.tif")
    with pytest.warns(DataWarning, match="14 connected components in 4 planes"):
        found = images.read_labels(tmp_path / "m.tif")
    assert [int(frame.max()) for frame in found.values] == [9, 1, 0, 4]


def test_a_volumes_pieces_are_connected_over_slices(tmp_path: Path) -> None:
    made = np.stack([discs(4, value=1)] * 3).astype(np.uint8)
    images.write(images.make(made, "ZYX"), tmp_path / "m.tif")
    with pytest.warns(DataWarning, match="4 connected components"):
        found = images.read_labels(tmp_path / "m.tif", volumes=True).values
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("value", [1, 7, 255])
def test_one_object_stays_what_it_is(tmp_path: Path, value: int) -> None:
    made = discs(1, value=value)
    made[90, 90] = value  # a stray pixel is no object
    tifffile.imwrite(tmp_path / "one.tif", made)
    np.testing.assert_array_equal(silent(tmp_path / "one.tif"), made)


def test_one_cell_in_each_frame_stays_one_cell(tmp_path: Path) -> None:
    made = np.stack([discs(1, value=1)] * 8)
    made[3, 9] = 0  # a gap cuts it
    tifffile.imwrite(tmp_path / "one.tif", made, imagej=True, metadata={"axes": "TYX"})
    with pytest.warns(DataWarning, match=r"1 of 1 ids is in .* first in plane 4 of 8"):
        found = images.read_labels(tmp_path / "one.tif").values
    np.testing.assert_array_equal(found, made)


def test_an_id_given_twice_is_said_and_kept(tmp_path: Path) -> None:
    made = discs(9)
    made[made == 5] = 2
    made[90:92, 90] = 7  # a stray
    tifffile.imwrite(tmp_path / "twice.tif", made)
    with pytest.warns(DataWarning, match=r"1 of 8 ids is in several large pieces \(up to 2\): 2"):
        found = images.read_labels(tmp_path / "twice.tif").values
    np.testing.assert_array_equal(found, made)
    np.testing.assert_array_equal(silent(tmp_path / "twice.tif", as_is=True), made)


def test_classes_of_cells_are_split(tmp_path: Path) -> None:
    made = discs(16)
    tifffile.imwrite(tmp_path / "classes.tif", np.where(made > 0, 1 + made % 2, 0).astype("u1"))
    with pytest.warns(DataWarning, match=r"the numbers 1, 2 for all objects. Its 16 "):
        found = images.read_labels(tmp_path / "classes.tif").values
    assert len(np.unique(found)) == 17


def test_insides_and_borders_are_no_objects(tmp_path: Path) -> None:
    classes = discs(16, value=1).astype(np.uint8)
    classes[discs(16, radius=6) > 0] = 2
    y, x = np.mgrid[:100, :100]
    inner = np.zeros_like(classes, bool)
    for i in range(16):
        inner |= (y - 9 - 18 * (i // 5)) ** 2 + (x - 9 - 18 * (i % 5)) ** 2 <= 16
    classes[inner] = 1
    tifffile.imwrite(tmp_path / "classes.tif", classes)
    with pytest.warns(DataWarning, match="2 of 2 ids are in several large pieces"):
        found = images.read_labels(tmp_path / "classes.tif").values
    np.testing.assert_array_equal(found, classes)


def test_ids_of_drawn_rois_are_objects_whatever_their_pieces(tmp_path: Path) -> None:
    made = discs(3, value=1)
    tifffile.imwrite(tmp_path / "drawn.tif", made)
    (tmp_path / "drawn.csv").write_text("label,roi,name,type\n1,1,a,composite\n", encoding="utf-8")
    with pytest.warns(DataWarning, match="1 of 1 ids"):
        np.testing.assert_array_equal(images.read_labels(tmp_path / "drawn.tif").values, made)


def test_a_mask_whose_objects_are_black_is_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.where(discs(9) > 0, 0, 255).astype(np.uint8))
    with pytest.warns(DataWarning, match="if objects are 0"):
        images.read_labels(tmp_path / "m.tif")


def test_lossy_pictures_are_refused_whatever_they_are_called(
    shared_data: Path, tmp_path: Path
) -> None:
    given = (shared_data / "faults" / "labels" / "lossy.jpg").read_bytes()
    for name in ("labels.jpg", "labels.png", "labels.tif", "labels.JPEG"):
        (tmp_path / name).write_bytes(given)
        with pytest.raises(UserError, match="JPEG compression is lossy"):
            images.read_labels(tmp_path / name)


@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000"])
@pytest.mark.parametrize("lossless", [False, True])
def test_lossy_and_lossless_are_told_apart(tmp_path: Path, kind: str, lossless: bool) -> None:
    buffer = io.BytesIO()
    more = {"lossless": lossless} if kind == "WEBP" else {"irreversible": not lossless}
    made = discs(9).astype(np.uint8)
    Image.fromarray(np.stack([made] * 3, -1)).save(buffer, kind, **more)
    path = tmp_path / "labels.png"
    path.write_bytes(buffer.getvalue())
    if lossless:
        with pytest.warns(DataWarning, match="are the same"):
            np.testing.assert_array_equal(images.read_labels(path), made)
    else:
        with pytest.raises(UserError, match="is lossy"):
            images.read_labels(path)


def test_a_tiff_compressed_as_jpeg_is_refused(tmp_path: Path) -> None:
    Image.fromarray(discs(9).astype(np.uint8)).save(tmp_path / "j.tif", compression="jpeg")
    with pytest.raises(UserError, match="JPEG compression is lossy"):
        images.read_labels(tmp_path / "j.tif")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        made = discs(9).astype(np.uint8)
        Image.fromarray(made).save(tmp_path / "l.tif", compression=compression)
        np.testing.assert_array_equal(silent(tmp_path / "l.tif"), made)


def test_lossless_jpeg_is_not_refused() -> None:
    assert lossy_compression._of_picture(b"\xff\xd8\xff\xc3" + bytes(20)) is None
    assert lossy_compression._of_picture(b"\xff\xd8\xff\xc0" + bytes(20)) == "JPEG"


def test_nan_is_background_and_said(tmp_path: Path) -> None:
    made = discs(9).astype(np.float32)
    made[made == 0] = np.nan
    tifffile.imwrite(tmp_path / "n.tif", made)
    count = int(np.isnan(made).sum())
    with pytest.warns(DataWarning, match=f"{count} pixels are NaN"):
        found = images.read_labels(tmp_path / "n.tif")
    np.testing.assert_array_equal(found, discs(9))


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.5, "1 of its 10000 pixels are not whole.*1.5"), (-1, "go from -1.*Min"), (np.inf, "inf")],
)
def test_numbers_that_are_no_ids_are_refused(tmp_path: Path, value: float, words: str) -> None:
    made = discs(9).astype(np.float32)
    made[0, 0] = value
    tifffile.imwrite(tmp_path / "n.tif", made)
    with pytest.raises(UserError, match=words):
        images.read_labels(tmp_path / "n.tif")


def test_float_ids_are_exact(tmp_path: Path) -> None:
    made = discs(9).astype(np.float32) * 2**18
    tifffile.imwrite(tmp_path / "n.tif", made)
    np.testing.assert_array_equal(silent(tmp_path / "n.tif"), made.astype(np.uint32))


def test_colours_are_refused_and_grey_ones_are_not(tmp_path: Path) -> None:
    made = discs(9).astype(np.uint8)
    for channels in (3, 4):
        grey = np.stack([made] * channels, -1)
        Image.fromarray(grey).save(tmp_path / "g.png")
        with pytest.warns(DataWarning, match="red, green and blue are the same"):
            np.testing.assert_array_equal(images.read_labels(tmp_path / "g.png"), made)
    grey[5, 5, 0] += 1
    Image.fromarray(grey).save(tmp_path / "c.png")
    with pytest.raises(UserError, match="has channels"):
        images.read_labels(tmp_path / "c.png")


def test_ids_of_16_bits_with_transparency_are_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + struct.pack(">4H", 300, 65535, 300, 65535) for _ in range(2))
    head = struct.pack(">IIBBBBB", 2, 2, 16, 4, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    with pytest.raises(UserError, match="16 bits"):
        images.read_labels(tmp_path / "deep.png")


def test_large_ids_are_read_as_they_are() -> None:
    made = discs(9).astype(np.uint32)
    made[made == 9] = 2**32 - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = label_maps.from_image(images.make(made))
    assert found.values.max() == 2**32 - 1


def test_a_picture_is_named_as_one(shared_data: Path) -> None:
    with pytest.warns(DataWarning, match="looks like an image"):
        images.read_labels(shared_data / "faults" / "labels" / "nuclei_redlut.tif")


def test_pieces_of_an_empty_map() -> None:
    empty = images.make(np.zeros((5, 5), np.uint16))
    assert id_semantics.as_objects(empty) is empty


def test_of_many_masks_a_few_are_said(tmp_path: Path) -> None:
    for i in range(8):
        tifffile.imwrite(tmp_path / f"m{i}.tif", discs(9, value=255).astype(np.uint8))
    with warnings.catch_warnings(record=True) as said, repeated_warnings.gathered():
        warnings.simplefilter("always")
        for i in [*range(8), 0, 1]:
            images.read_labels(tmp_path / f"m{i}.tif")
    words = [str(one.message) for one in said]
    assert len(words) == 4
    assert words[-1] == "5 more masks"

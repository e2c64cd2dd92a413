"""How an image is shown goes into ImageJ's metadata of a TIFF and comes out of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from imagej_dl import UserError, images, rois
from imagej_dl.errors import DataWarning
from imagej_dl.rois import Roi

RNG = np.random.default_rng(4)
LUTS = [RNG.integers(0, 256, (256, 3)).astype(np.uint8) for _ in range(3)]
ROIS = [rois.encode(Roi("oval", name, (1, 2, 5, 4))) for name in "ab"]
ALL = {
    "luts": LUTS,
    "display_ranges": [(0.0, 5.5), (-3.0, 60.0), (1.0, 2.0)],
    "display_mode": "color",
    "selection": ROIS[0],
    "overlay": ROIS,
}


def zeros(dims: str, dtype: str = "uint16", **attrs: Any) -> Any:
    shape = [{"C": 3, "T": 2, "Z": 4, "Y": 8, "X": 9}[axis] for axis in dims]
    return images.make(np.zeros(shape, dtype), dims, title="a.tif", **attrs)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int16", "uint32", "int32"])
@pytest.mark.parametrize("dims", ["CYX", "TCYX", "TCZYX", "YX", "ZYX"])
def test_all_of_it_survives(tmp_path: Path, dtype: str, dims: str) -> None:
    attrs = dict(ALL)
    if "C" not in dims:
        attrs |= {"luts": LUTS[:1], "display_ranges": [(2.0, 7.0)]}
        del attrs["display_mode"]
    image = zeros(dims, dtype, **attrs)
    images.write(image, tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif").identical(image)


def test_nothing_comes_of_nothing(tmp_path: Path) -> None:
    image = zeros("TYX")
    images.write(image, tmp_path / "a.tif")
    assert images.read(tmp_path / "a.tif").identical(image)


def test_label_colours(tmp_path: Path) -> None:
    labels = images.coloured(zeros("YX") + np.uint16(700))
    assert labels.attrs["display_ranges"] == [(0.0, 700.0)]
    images.write(labels, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata["max"] == 700
        np.testing.assert_array_equal(file.pages.first.colormap >> 8, images.golden_angle_lut().T)
        # The pixels are numbers for every reader, and not places in a palette.
        assert file.pages.first.photometric == tifffile.PHOTOMETRIC.MINISBLACK
    assert images.coloured(zeros("YX")).attrs["display_ranges"] == [(0.0, 255.0)]


def test_other_pixels_have_none_of_it() -> None:
    image = zeros("CYX", **ALL)
    other = images.with_data(image, np.zeros((8, 9)), "YX")
    assert not set(other.attrs) & set(images.array.DISPLAY)
    assert other.attrs["title"] == "a.tif"


def test_what_does_not_fit_is_left_out_aloud(tmp_path: Path) -> None:
    image = zeros("CYX", **ALL).isel(C=0)
    with pytest.warns(DataWarning, match=r"a\.tif: .* for 3 channels do not fit 1"):
        images.write(image, tmp_path / "a.tif")
    back = images.read(tmp_path / "a.tif").attrs
    assert set(back) & set(images.array.DISPLAY) == {"selection", "overlay"}
    with pytest.warns(DataWarning, match="'rainbow' is not for 3 channels of uint16"):
        images.write(zeros("CYX", display_mode="rainbow"), tmp_path / "b.tif")
    with pytest.raises(UserError, match=r"a\.tif: has a LUT of shape \(3, 256\)"):
        images.write(zeros("YX", luts=[LUTS[0].T]), tmp_path / "c.tif")
    assert not (tmp_path / "c.tif").exists()


def test_what_is_no_roi_is_refused(tmp_path: Path) -> None:
    for attrs in ({"selection": Roi("oval")}, {"overlay": [ROIS[0], b"Iout"]}):
        with pytest.raises(UserError, match=r"a\.tif: .*not a ROI.*rois\.encode"):
            images.write(zeros("YX", **attrs), tmp_path / "a.tif")
    assert not (tmp_path / "a.tif").exists()


def test_images_know_nothing_of_rois() -> None:
    """They are what label maps and ROIs build on: not both on each other."""
    for path in Path(images.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) .*\brois\b", path.read_text("utf-8"), re.M)


def test_damaged_rois_do_not_hide_the_image(tmp_path: Path) -> None:
    metadata = {"axes": "YX", "ROI": b"Iout of order", "Overlays": [b"", b"Iout"]}
    array = np.ones((4, 5), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata=metadata)
    with pytest.warns(DataWarning, match=r"a\.tif: the image's own ROIs are left out"):
        image = images.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, array)


def test_imagejs_stand_ins_are_undone_on_reading(tmp_path: Path) -> None:
    from imagej_dl.images import lossless_dtypes

    labels = np.array([[0, 2**24 + 5], [3, 2**32 - 1]], np.uint32)
    with pytest.warns(DataWarning, match="stand-ins"):
        sent = lossless_dtypes.sent(labels)
    metadata = {"axes": "YX", "Properties": sent.properties}
    tifffile.imwrite(tmp_path / "a.tif", sent.array, imagej=True, metadata=metadata)
    back = images.read_labels(tmp_path / "a.tif")
    assert back.dtype == np.uint32
    np.testing.assert_array_equal(back, labels)

"""What a model makes of an image is shown as the image is, as the real ImageJ opens both files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from image_models import identity, to_image

from imagej_dl import images
from imagej_dl.images import display
from imagej_dl.prediction import predict_image

__all__ = ["to_image"]
RNG = np.random.default_rng(7)
LUTS = [RNG.integers(0, 256, (256, 3)).astype(np.uint8) for _ in range(2)]


def shown(dims: str = "TCZYX", **more: Any) -> xr.DataArray:
    sizes = {"T": 3, "C": 2, "Z": 4, "Y": 16, "X": 18}
    shape = [sizes[axis] for axis in dims]
    channels = sizes["C"] if "C" in dims else 1
    planes = int(np.prod(shape[:-2]))
    attrs: dict[str, Any] = {
        "luts": LUTS[:channels],
        "display_ranges": [(10.0, 900.0), (5.0, 60_000.0)][:channels],
        "slice_labels": [f"plane {i} of ü" for i in range(planes)] if planes > 1 else [],
        "pixel_width": 0.25,
        "pixel_height": 0.5,
        "pixel_depth": 2.0,
        "unit": "µm",
        "frame_interval": 12.0,
        "title": "a.tif",
    }
    if channels > 1:
        attrs["display_mode"] = "color"
    array = RNG.integers(100, 60_000, shape).astype(np.uint16)
    return images.make(array, dims, **(attrs | more))


@pytest.mark.parametrize("dims", ["TCZYX", "TYX", "ZYX"])
def test_slice_labels_are_read_and_written(dims: str, tmp_path: Path) -> None:
    image = shown(dims)
    images.write(image, tmp_path / "a.tif")
    found = images.read(tmp_path / "a.tif")
    assert found.attrs["slice_labels"] == image.attrs["slice_labels"]
    assert found.identical(image)


def test_labels_of_other_planes_are_left_out() -> None:
    part = shown("TYX").isel(T=slice(2))
    assert display.slice_labels(part) is None
    assert "slice_labels" not in display.like(part, part).attrs


@pytest.mark.tf
@pytest.mark.usefixtures("to_image")
@pytest.mark.parametrize("dtype", ["float32", "input"])
def test_the_result_is_shown_as_its_image(dtype: Any) -> None:
    image = shown()
    made = predict_image(identity(2), image, dtype=dtype)
    assert set(made.attrs) == set(image.attrs)
    np.testing.assert_array_equal(made.attrs.pop("luts"), image.attrs["luts"])
    assert made.attrs == {key: value for key, value in image.attrs.items() if key != "luts"}


@pytest.mark.tf
@pytest.mark.usefixtures("to_image")
def test_a_colour_image_becomes_channels_of_red_green_and_blue() -> None:
    array = RNG.integers(0, 256, (3, 16, 18)).astype(np.uint8)
    image = images.make(array, "CYX", display_mode="rgb")
    made = predict_image(identity(3), image)
    assert made.attrs["display_mode"] == "composite"
    assert made.attrs["display_ranges"] == [(0.0, 255.0)] * 3
    assert [lut[255].tolist() for lut in made.attrs["luts"]] == [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
    ]
    grey = images.make(np.stack([array[0]] * 3), "CYX", display_mode="rgb")
    alone = predict_image(identity(), grey)
    assert alone.dims == ("Y", "X")
    assert alone.attrs["display_ranges"] == [(0.0, 255.0)]
    assert "luts" not in alone.attrs
    grey = images.make(array[0])
    assert predict_image(identity(), grey).attrs["display_ranges"] == [(0.0, 255.0)]


def described(paths: list[str]) -> list[dict[str, Any]]:
    """Return what the real ImageJ shows of files."""
    from scyjava import jimport

    from imagej_dl.fiji import gateway
    from imagej_dl.fiji.display import from_lut

    gateway.start(display=False)
    found = []
    for path in paths:
        imp = jimport("ij.IJ").openImage(path)
        cal, stack = imp.getCalibration(), imp.getStack()
        composite = bool(imp.isComposite())
        luts = list(imp.getLuts()) if composite else [imp.getProcessor().getLut()]
        spans = [(float(lut.min), float(lut.max)) for lut in luts]
        if not composite:
            ip = imp.getProcessor()
            spans = [(float(ip.getMin()), float(ip.getMax()))]
        # Of a single plane it is made of the file's name and metadata.
        planes = int(stack.size()) if int(stack.size()) > 1 else 0
        found.append(
            {
                "dims": [int(n) for n in imp.getDimensions()],
                "bits": int(imp.getBitDepth()),
                "sizes": [float(n) for n in (cal.pixelWidth, cal.pixelHeight, cal.pixelDepth)],
                "unit": str(cal.getUnit()),
                "interval": float(cal.frameInterval),
                "luts": [from_lut(lut).tolist() for lut in luts],
                "spans": spans,
                "mode": str(imp.getModeAsString()) if composite else "",
                "labels": [str(stack.getSliceLabel(i + 1)) for i in range(planes)],
            }
        )
    return found


@pytest.mark.tf
@pytest.mark.jvm
@pytest.mark.usefixtures("to_image")
def test_imagej_opens_the_result_as_it_opens_the_image(
    tmp_path: Path, own_process: Callable[..., Any]
) -> None:
    paths: list[str] = []
    for dims in ("TCZYX", "TYX", "YX"):
        image = shown(dims)
        images.write(image, tmp_path / f"{dims}.tif")
        image = images.read(tmp_path / f"{dims}.tif")
        bundle = identity(2 if "C" in dims else 1)
        paths.append(str(tmp_path / f"{dims}.tif"))
        for dtype in ("float32", "input"):
            path = tmp_path / f"{dims}-{dtype}.tif"
            images.write(predict_image(bundle, image, dtype=dtype), path)
            paths.append(str(path))
    seen = own_process(described, paths)
    for number in range(0, len(seen), 3):
        image, as_float, as_input = seen[number : number + 3]
        assert image["spans"][0] == (10.0, 900.0)
        assert len(set(image["labels"])) == len(image["labels"])
        assert as_input == image
        assert as_float.pop("bits") == 32
        assert image.pop("bits") == 16
        assert as_float == image

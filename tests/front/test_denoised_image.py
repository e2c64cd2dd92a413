"""Predict in ImageJ with a model that denoises: an image that is shown as the open one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import active_image
import hosted
import numpy as np
import pytest

from imagej_dl import fiji, images

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.jvm,
    pytest.mark.tf,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]
LABEL = "ImageJ-DL Predict"
LUTS = [np.random.default_rng(n).integers(0, 256, (256, 3)).astype(np.uint8) for n in (1, 2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hyperstack and a plane, and models that give them as they are."""
    from image_models import identity

    from imagej_dl.models import save

    folder = tmp_path_factory.mktemp("denoised")
    calibrated = {"pixel_width": 0.25, "pixel_height": 0.25, "pixel_depth": 2.0, "unit": "µm"}
    rng = np.random.default_rng(3)
    for name, dims, shape in (("stack", "TCZYX", (2, 2, 3, 24, 28)), ("plane", "YX", (24, 28))):
        channels = 2 if "C" in dims else 1
        bundle = identity(channels, kind="n2v")
        test_image = np.ones((16, 16, 2)[: 1 + channels], np.uint8)
        save(bundle.model, bundle.config, folder / f"model of {name}", test_image=test_image)
        planes = int(np.prod(shape[:-2]))
        image = images.make(
            rng.integers(0, 4000, shape).astype(np.uint16),
            dims,
            luts=LUTS[:channels],
            display_ranges=[(50.0, 3000.0), (7.0, 900.0)][:channels],
            frame_interval=3.0 if "T" in dims else 0.0,
            **calibrated,
            **({"display_mode": "color"} if channels > 1 else {}),
            **({"slice_labels": [f"é {i}" for i in range(planes)]} if planes > 1 else {}),
        )
        images.write(image, folder / f"{name}.tif")
    signed = rng.integers(-900, 900, (24, 28)).astype(np.int16)
    images.write(images.make(signed, display_ranges=[(-500.0, 700.0)]), folder / "signed.tif")
    return folder


def _described(title: str) -> dict[str, Any]:
    from imagej_dl.fiji.display import from_lut

    imp = hosted.jimport("ij.WindowManager").getImage(title)
    cal, stack = imp.getCalibration(), imp.getStack()
    composite, count = bool(imp.isComposite()), int(stack.size())
    luts = list(imp.getLuts()) if composite else [imp.getProcessor().getLut()]
    ip = imp.getProcessor()
    spans = [(float(lut.min), float(lut.max)) for lut in luts]
    return {
        "dims": [int(n) for n in imp.getDimensions()],
        "sizes": [float(n) for n in (cal.pixelWidth, cal.pixelHeight, cal.pixelDepth)],
        "unit": str(cal.getUnit()),
        "interval": float(cal.frameInterval),
        "luts": [from_lut(lut).tolist() for lut in luts],
        "spans": spans if composite else [(float(ip.getMin()), float(ip.getMax()))],
        "shown": (float(ip.getMin()), float(ip.getMax())),
        "mode": str(imp.getModeAsString()) if composite else "",
        "labels": [str(stack.getSliceLabel(i + 1)) for i in range(count)] if count > 1 else [],
        "bits": int(imp.getBitDepth()),
        "hyperstack": bool(imp.isHyperStack()),
    }


def _all(folder: str) -> dict[str, Any]:
    front = hosted.start(IMAGEJ_DL_HOME=f"{folder}/home")
    found: dict[str, Any] = {}
    for name in ("stack", "plane"):
        model = f"{folder}/model of {name}"
        for kind, more in (("float32", ""), ("input", "type=input")):
            title = hosted.macro(
                f'open("{folder}/{name}.tif"); run("{LABEL}", "model=[{model}] {more}");'
                " return getTitle();"
            )
            found[f"{name} {kind}"] = title, hosted.pixels(title).data, _described(title)
            found[name] = (
                f"{name}.tif",
                hosted.pixels(f"{name}.tif").data,
                _described(f"{name}.tif"),
            )
            hosted.macro(f'selectImage("{title}"); close(); selectImage("{name}.tif"); close();')
        title = hosted.macro(
            f'run("ImageJ-DL Macro Extensions", ""); open("{folder}/{name}.tif");'
            f'return Ext.dl_predict("{model}", "{name}.tif");'
        )
        found[f"{name} ext"] = title, hosted.pixels(title).data, _described(title)
        hosted.macro('run("Close All");')
    title = hosted.macro(
        f'open("{folder}/signed.tif"); model = "{folder}/model of plane";'
        f' run("{LABEL}", "type=input model=[" + model + "]"); return getTitle();'
    )
    for name in ("signed.tif", title):
        imp = hosted.jimport("ij.WindowManager").getImage(name)
        is_signed = bool(imp.getCalibration().isSigned16Bit())
        found[name] = is_signed, hosted.pixels(name).data, _described(name)
    hosted.macro('run("Close All");')
    # By the menu, with the brightness that the user has set by hand.
    hosted.jimport("ij.IJ").open(f"{folder}/plane.tif")
    active_image.select("plane.tif")
    hosted.macro('selectImage("plane.tif"); setMinAndMax(100, 2222); run("Fire");')
    hosted.choose(LABEL)
    dialog = hosted.fill(front, LABEL, model=f"{folder}/model of plane", out=f"{folder}/out")
    hosted.press(dialog, "OK")
    title = hosted.wait(lambda: hosted.newest("plane-denoised"), 240, "an image by the menu")
    found["menu"] = title, hosted.pixels(title).data, _described(title)
    found["by hand"] = "plane.tif", hosted.pixels("plane.tif").data, _described("plane.tif")
    hosted.jimport("ij.IJ").open(f"{folder}/out/plane.tif")
    found["log"] = hosted.log()
    return found


@pytest.fixture(scope="module")
def found(own_process: Any, folder: Path) -> Any:
    return own_process(_all, str(folder), timeout=900)


@pytest.mark.parametrize("name", ["stack", "plane"])
def test_a_macro_opens_an_image_that_is_shown_as_the_open_one(found: Any, name: str) -> None:
    _, pixels, shown = found[name]
    for kind, bits in (("float32", 32), ("ext", 32), ("input", 16)):
        title, made, described = found[f"{name} {kind}"]
        assert title == f"{name}-denoised"
        assert described == {**shown, "bits": bits}
        np.testing.assert_allclose(made, pixels, atol=0.002)
        if bits == 16:
            np.testing.assert_array_equal(made, pixels)


def test_signed_pixels_come_back_as_signed_ones(found: Any, folder: Path) -> None:
    given, made = found["signed.tif"], found["signed-denoised"]
    assert given[0]
    assert made[0]
    assert given[2] == made[2]
    assert made[2]["shown"] == (32268, 33468)
    np.testing.assert_array_equal(made[1], given[1])
    np.testing.assert_array_equal(images.read(folder / "signed.tif").data, given[1])


def test_the_menu_keeps_what_the_user_has_set(found: Any, folder: Path) -> None:
    _, pixels, shown = found["by hand"]
    _, made, described = found["menu"]
    assert shown["spans"] == [(100.0, 2222.0)]
    assert described == {**shown, "bits": 32}
    np.testing.assert_allclose(made, pixels, atol=0.002)
    written = images.read(folder / "out" / "plane.tif")
    assert written.attrs["display_ranges"] == [(100.0, 2222.0)]
    np.testing.assert_array_equal(written.attrs["luts"][0], shown["luts"][0])

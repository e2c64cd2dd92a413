"""What the real ImageJ makes of image files: run in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TYPES = ("uint8", "uint16", "float32", "uint8", "uint8")
"""Of ImageJ's constants GRAY8, GRAY16, GRAY32, COLOR_256, COLOR_RGB."""


def saved_and_opened(folder: Path) -> dict[str, dict[str, Any] | None]:
    """Save images from ImageJ beside the files of a folder, and open them all."""
    from imagej_dl.fiji import gateway

    gateway.start()
    _save(folder)
    return opened(folder, sorted(path.name for path in folder.iterdir()))


def _save(folder: Path) -> None:
    from scyjava import jimport

    from imagej_dl.fiji.display import to_lut

    ij = jimport("ij.IJ")
    kinds = ("8-bit", "16-bit", "32-bit", "RGB")
    for kind in kinds:
        for planes in (1, 3):
            imp = ij.createImage("saved", f"{kind} ramp", 23, 17, planes)
            ij.saveAs(imp, "Tiff", str(folder / f"saved_{kind}_{planes}.tif"))
    own = ((8, "um", "sec"), (16, "nm", "min"), (32, "cm", "ms"))
    for bits, unit, time in own:
        imp = ij.createHyperStack("saved", 23, 17, 2, 3, 4, bits)
        for plane in range(imp.getStackSize()):
            imp.getStack().getProcessor(plane + 1).add(3 * plane + 1)
        cal = imp.getCalibration()
        cal.pixelWidth, cal.pixelHeight, cal.pixelDepth = 0.25, 0.5, -1.5
        cal.setUnit(unit)
        cal.frameInterval = 2.5
        cal.setTimeUnit(time)
        cal.fps = 12
        cal.setZUnit("um")
        ij.saveAs(imp, "Tiff", str(folder / f"saved_hyper_{bits}.tif"))
    signed = ij.createImage("saved", "16-bit ramp", 23, 17, 2)
    signed.getCalibration().setSigned16BitCalibration()
    ij.saveAs(signed, "Tiff", str(folder / "saved_signed.tif"))
    ramp, black = np.arange(256, dtype=np.uint8), np.zeros(256, np.uint8)
    luts = {"red": (ramp, black, black), "inverted": (ramp[::-1],) * 3}
    for name, lut in luts.items():
        coloured = ij.createImage("saved", "8-bit ramp", 23, 17, 1)
        coloured.getProcessor().setLut(to_lut(np.stack(lut, axis=1)))
        for kind in ("ramp", "mask"):
            ij.saveAs(coloured, "Tiff", str(folder / f"saved_{kind}_{name}.tif"))
            # "PNG" of saveAs needs a screen.
            path = str(folder / f"saved_{kind}_{name}.png")
            jimport("ij.plugin.PNG_Writer")().writeImage(coloured, path, -1)
            coloured.getProcessor().threshold(100)


def opened(folder: Path, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Open files with IJ.openImage; None for those that it cannot open.

    Pixels are those that ImageJ shows, a (planes, height, width) array of float64, in which each
    colour of an RGB image is a plane.
    """
    from scyjava import jimport

    ij = jimport("ij.IJ")
    ij.redirectErrorMessages(True)
    found: dict[str, dict[str, Any] | None] = {}
    for name in names:
        try:
            imp = ij.openImage(str(folder / name))
        except Exception:
            imp = None
        found[name] = None if imp is None else _described(imp)
    return found


def _described(imp: Any) -> dict[str, Any]:
    from imagej_dl.fiji.display import from_lut

    cal = imp.getCalibration()
    width, height, channels, slices, frames = (int(n) for n in imp.getDimensions())
    kind, rgb = TYPES[int(imp.getType())], int(imp.getType()) == 4
    table = cal.getCTable() if kind in ("uint8", "uint16") and not rgb else None
    planes = []
    for i in range(imp.getStackSize()):
        java = imp.getStack().getPixels(i + 1)
        plane = np.array(java).reshape(height, width)
        if rgb:
            planes += [(plane >> shift & 255).astype(np.float64) for shift in (16, 8, 0)]
        else:
            planes.append((plane if kind == "float32" else plane.view(kind)).astype(np.float64))
    array = np.stack(planes)
    shown = array if table is None else np.array(table, np.float64)[array.astype(int)]
    lut = None if rgb else imp.getProcessor().getLut()
    if kind == "uint16" and bool(cal.isSigned16Bit()):
        kind = "int16"
    return {
        "dims": {
            "C": channels * (3 if rgb else 1),
            "Z": slices,
            "T": frames,
            "Y": height,
            "X": width,
        },
        "type": kind,
        "shown": shown,
        "sizes": (float(cal.pixelWidth), float(cal.pixelHeight), float(cal.pixelDepth)),
        "units": tuple(str(u) for u in (cal.getUnit(), cal.getYUnit(), cal.getZUnit())),
        "interval": float(cal.frameInterval),
        "time": str(cal.getTimeUnit()),
        "lut": None if lut is None else from_lut(lut),
        "range": (float(imp.getDisplayRangeMin()), float(imp.getDisplayRangeMax())),
    }

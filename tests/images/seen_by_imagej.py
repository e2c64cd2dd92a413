"""What the real ImageJ makes of image files: run in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TYPES = ("uint8", "uint16", "float32", "uint8", "rgb")
"""Of ImageJ's constants GRAY8, GRAY16, GRAY32, COLOR_256, COLOR_RGB."""


def opened(folder: Path, names: list[str]) -> dict[str, dict[str, Any] | None]:
    """Open files with IJ.openImage; None for those that it cannot open.

    Pixels are those that ImageJ shows, a (planes, height, width) array of float64; of an RGB
    image (planes, 3, height, width).
    """
    from scyjava import jimport

    from imagej_dl.fiji import gateway

    gateway.start()
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
    import numpy as np

    from imagej_dl.fiji.display import from_lut

    cal = imp.getCalibration()
    width, height, channels, slices, frames = (int(n) for n in imp.getDimensions())
    kind = TYPES[int(imp.getType())]
    table = cal.getCTable() if kind in ("uint8", "uint16") else None
    planes = []
    for i in range(imp.getStackSize()):
        java = imp.getStack().getPixels(i + 1)
        plane = np.array(java).reshape(height, width)
        if kind == "rgb":
            plane = np.stack([plane >> shift & 255 for shift in (16, 8, 0)])
        elif kind != "float32":
            plane = plane.view(kind)
        planes.append(plane.astype(np.float64))
    array = np.stack(planes)
    shown = array if table is None else np.array(table, np.float64)[array.astype(int)]
    lut = imp.getProcessor().getLut() if kind != "rgb" else None
    return {
        "dims": {"C": channels, "Z": slices, "T": frames, "Y": height, "X": width},
        "type": kind,
        "indexed": int(imp.getType()) == 3,
        "raw": array,
        "shown": shown,
        "sizes": (float(cal.pixelWidth), float(cal.pixelHeight), float(cal.pixelDepth)),
        "units": tuple(str(u) for u in (cal.getUnit(), cal.getYUnit(), cal.getZUnit())),
        "interval": float(cal.frameInterval),
        "time": str(cal.getTimeUnit()),
        "function": int(cal.getFunction()),
        "signed": bool(cal.isSigned16Bit()),
        "lut": None if lut is None else from_lut(lut),
    }

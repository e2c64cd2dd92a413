"""TIFFs with every spelling of what a pixel is: in tags and ImageJ's description."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from layouts import HEIGHT, WIDTH, Layout, pixels, tiff
from layouts_palettes import RAMP

from imagej_dl import images

UNITS = {
    "cm": "cm", "mm": "mm", "nm": "nm", "m": "m", "km": "km", "inch": "inch", "inches": "inches",
    "in": "in", "pm": "pm", "A": "A", "angstrom": "\\u00C5", "um": "um", "micro": "\\u00B5m",
    "mu": "\\u03BCm", "micron": "micron", "microns": "microns", "micrometer": "micrometer",
    "micrometers": "micrometers", "micrometre": "micrometre", "nanometer": "nanometer",
    "Micron": "Micron", "UM": "UM", "pixel": "pixel", "pixels": "pixels", "empty": "",
    "blank": " ", "furlong": "furlong", "quoted": '"um"',
}  # fmt: skip
"""Name of the file: what it says."""


def described(name: str, text: str, dtype: str = "uint8", slices: int = 1, **how: Any) -> Layout:
    """Return a TIFF with ImageJ's description; `text` are its lines but the first."""
    lines = "ImageJ=1.54p\n" + (f"images={slices}\n" if slices > 1 else "") + text
    if slices > 1 and not any(word in text for word in ("slices=", "frames=", "channels=")):
        lines += f"slices={slices}\n"
    how.setdefault("resolution", (2.0, 4.0))
    how.setdefault("resolutionunit", 1)
    shape = (slices, HEIGHT, WIDTH) if slices > 1 else (HEIGHT, WIDTH)
    return tiff(name, dtype, shape, description=lines, **how)


def tags() -> Iterator[Layout]:
    densities = {
        "1": 1, "25": 25.4, "72": 72, "96": 96, "300": 300, "400": 400, "1000": 1000,
        "1001": 1001, "15385": 76923 / 5, "0": (0, 1),
    }  # fmt: skip
    for (word, density), unit in product(densities.items(), (1, 2, 3)):
        how = {"resolution": (density, density), "resolutionunit": unit}
        yield tiff(f"dpi_{word}_{('none', 'inch', 'cm')[unit - 1]}", **how)
    yield tiff("dpi_72_96", resolution=(72, 96), resolutionunit=2)
    yield tiff("dpi_96_72", resolution=(96, 72), resolutionunit=2)
    yield tiff("dpi_cm_stack", shape=(3, HEIGHT, WIDTH), resolution=(15384, 15384),
               resolutionunit=3)  # fmt: skip


def units() -> Iterator[Layout]:
    for name, unit in UNITS.items():
        yield described(f"unit_{name}", f"unit={unit}\n")
    for unit, density in product(("um", "cm", "", "inch", None), (2, 400, 15384.6)):
        for word, resolution_unit in (("inch", 2), ("cm", 3)):
            text = "" if unit is None else f"unit={unit}\n"
            name = f"unit_{unit or 'empty'}_{int(density)}_{word}"
            name = name if unit is not None else f"unitless_{int(density)}_{word}"
            yield described(name, text, resolution=(density, density),
                            resolutionunit=resolution_unit)  # fmt: skip
    for word in ("latin1", "utf8"):
        raw = "ImageJ=1.54p\nunit=\xb5m\n".encode(word)
        yield tiff(f"unit_raw_{word}", description=raw, resolution=(2, 4), resolutionunit=1)


def axes_of_their_own() -> Iterator[Layout]:
    pairs = {
        "zunit_nm": "unit=um\nzunit=nm\nspacing=300.0\n",
        "zunit_um": "unit=nm\nzunit=um\nspacing=0.3\n",
        "zunit_micron": "unit=\\u00B5m\nzunit=micron\nspacing=0.3\n",
        "zunit_same": "unit=um\nzunit=um\nspacing=0.3\n",
        "zunit_sec": "unit=um\nzunit=sec\nspacing=5\n",
        "zunit_alone": "zunit=um\nspacing=5\n",
        "zunit_pixel": "unit=um\nzunit=pixel\nspacing=5\n",
        "zunit_empty": "unit=um\nzunit=\nspacing=5\n",
        "yunit_nm": "unit=um\nyunit=nm\n",
        "yunit_mm": "unit=um\nyunit=mm\nzunit=nm\nspacing=250\n",
        "yunit_furlong": "unit=um\nyunit=furlong\n",
        "xunit": "unit=um\nxunit=nm\n",
        "origin": "unit=um\nxorigin=3\nyorigin=5\nzorigin=1\n",
        "inverty": "unit=um\ninverty=true\n",
    }
    for name, text in pairs.items():
        yield described(f"axis_{name}", text, slices=3)


def numbers() -> Iterator[Layout]:
    values = {
        "two": "2", "half": "0.5", "negative": "-0.3", "zero": "0", "minus_zero": "-0.0",
        "exponent": "3e-1", "comma": "0,3", "nan": "NaN", "inf": "Infinity", "python_inf": "inf",
        "minus_inf": "-Infinity", "empty": "", "words": "two", "unit": "0.3 um", "java": "0.5f",
        "huge": "1e300", "underscore": "1_0", "space": " 0.7 ", "true": "true", "hex": "0x10",
    }  # fmt: skip
    for name, value in values.items():
        yield described(f"spacing_{name}", f"unit=um\nspacing={value}\n", slices=3)
        text = f"frames=3\nhyperstack=true\nunit=um\nfinterval={value}\n"
        yield described(f"finterval_{name}", text, slices=3)
    for unit in ("sec", "s", "ms", "msec", "min", "minutes", "h", "hr", "hours", "days", "\\u00B5s",
                 "frame", "", "SEC"):  # fmt: skip
        word = "micro" if "00B5" in unit else unit or "empty"
        text = f"frames=3\nunit=um\nfinterval=2.5\ntunit={unit}\n"
        yield described(f"tunit_{word}{'_large' if unit.isupper() else ''}", text, slices=3)
    yield described("fps_alone", "frames=3\nfps=7.0\n", slices=3)
    yield described("fps_and_finterval", "frames=3\nfps=7.0\nfinterval=0.5\n", slices=3)
    yield described("fps_and_zero", "frames=3\nfps=7.0\nfinterval=0\n", slices=3)
    yield described("fps_and_tunit", "frames=3\nfps=7.0\ntunit=min\n", slices=3)
    yield described("tunit_alone", "frames=3\ntunit=min\n", slices=3)


def sizes() -> Iterator[Layout]:
    texts = {
        "slices": "slices=6\n", "frames": "frames=6\n", "channels": "channels=6\nmode=composite\n",
        "product_small": "slices=2\nframes=2\n", "product_large": "slices=4\nframes=2\n",
        "nothing": "loop=false\nslices=0\n", "two": "slices=2\nframes=3\nhyperstack=true\n",
        "no_hyperstack": "channels=2\nslices=3\n", "order_zct": "channels=2\nslices=3\norder=zct\n",
        "comma": "slices=2,0\nframes=3\n", "float": "slices=6.0\n", "hash": "#slices=3\nslices=6\n",
        "colon": "slices:6\n", "spaces": "slices = 6\n", "negative": "slices=-6\n",
    }  # fmt: skip
    for name, text in texts.items():
        yield described(f"sizes_{name}", text, "uint16", slices=6)
        if name in ("two", "order_zct", "no_hyperstack"):
            yield described(f"sizes_{name}_zlib", text, "uint16", slices=6, compression="zlib")


def values() -> Iterator[Layout]:
    """Calibration functions, display ranges and LUTs."""
    signed = "cf=0\nc0=-32768.0\nc1=1.0\nvunit=Gray Value\n"
    texts = {
        "signed": signed, "signed_unit": f"unit=um\n{signed}",
        "signed_novunit": "cf=0\nc0=-32768.0\nc1=1.0\n", "signed_int": signed.replace(".0", ""),
        "signed_slope": signed.replace("c1=1.0", "c1=2.0"),
        "signed_three": signed + "c2=0.0\n", "signed_nocf": signed.replace("cf=0\n", ""),
        "line": "cf=0\nc0=10\nc1=0.5\nvunit=OD\n", "identity": "cf=0\nc0=0\nc1=1\nvunit=OD\n",
        "falling": "cf=0\nc0=255\nc1=-1\nvunit=OD\n", "poly": "cf=1\nc0=1\nc1=2\nc2=3\nvunit=OD\n",
        "power": "cf=5\nc0=1\nc1=0.5\nvunit=OD\n", "rodbard": "cf=7\nc0=1\nc1=2\nc2=3\nc3=4\n"
        "vunit=OD\n", "od": "cf=21\nvunit=Uncalibrated OD\n", "none": "cf=20\nvunit=x\n",
        "comma": "cf=0\nc0=-32768,0\nc1=1,0\nvunit=Gray Value\n",
        "range": "min=10.0\nmax=200.0\n", "range_comma": "min=10,0\nmax=200,0\n",
        "range_nan": "min=NaN\nmax=200.0\n",
    }  # fmt: skip
    for (name, text), dtype in product(texts.items(), ("uint8", "uint16", "float32")):
        if dtype == "uint16" or name in ("signed", "line", "falling", "od", "range"):
            yield described(f"values_{name}_{dtype}", text, dtype)
    yield described("values_signed_stack", f"frames=3\n{signed}", "uint16", slices=3)
    yield described("values_signed_zlib", signed, "uint16", compression="zlib")
    yield described("values_signed_int16", signed, "int16")
    yield described("values_lut", "unit=um\n", extratags=[(320, 3, 768, RAMP.ravel(), True)])
    yield described("values_lut_16", "unit=um\n", "uint16",
                    extratags=[(320, 3, 768, RAMP.ravel(), True)])  # fmt: skip
    yield described("values_8bitcolor", "unit=um\n8bitcolor=true\n", photometric="palette",
                    colormap=RAMP)  # fmt: skip


def written() -> Iterator[Layout]:
    """Files that imagej-dl writes."""
    units = ("um", "µm", "micron", "nm", "mm", "cm", "inch", "Å", "pixel", "furlong")
    for (number, unit), width in product(enumerate(units), (0.5, 5e-5)):
        name = f"written_{number}_{width}.tif"

        def write(path: Path, name: str = name, unit: str = unit, width: float = width) -> None:
            image = images.make(
                pixels(name, (2, 3, HEIGHT, WIDTH), "uint16"), "TZYX", unit=unit,
                pixel_width=width, pixel_height=2 * width, pixel_depth=1.5, frame_interval=0.25,
            )  # fmt: skip
            images.write(image, path)

        yield Layout(name, write)
    for dtype, shape in product(("int16", "uint32", "int32"), ((1,), (2, 3))):
        name = f"written_{dtype}_{len(shape)}.tif"
        planes = pixels(name, (*shape, HEIGHT, WIDTH), dtype)

        def typed(path: Path, planes: np.ndarray = planes) -> None:
            # Of other ranges ImageJ chooses its own.
            image = images.make(planes, "TZYX"[-planes.ndim :], unit="um", pixel_width=0.5)
            images.write(image.assign_attrs(display_ranges=[(-300.0, 1000.0)]), path)

        yield Layout(name, typed, lambda planes=planes: planes.reshape(-1, HEIGHT, WIDTH))


def layouts() -> list[Layout]:
    """Return the layouts of what is written about pixels."""
    groups = (tags, units, axes_of_their_own, numbers, sizes, values, written)
    return [layout for group in groups for layout in group()]

"""TIFFs with every spelling of what a pixel is: tags, ImageJ's description, OME's XML."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import tifffile
from layouts import HEIGHT, RAMP, WIDTH, Layout, pixels, tiff

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


NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def ome(
    name: str,
    attributes: str = "",
    planes: tuple[str, ...] = (),
    *,
    dtype: str = "uint16",
    size: tuple[int, int, int] = (1, 1, 3),
    order: str = "XYZCT",
    **how: Any,
) -> Layout:
    """Return an OME-TIFF with these attributes of Pixels; size: channels, slices, frames."""
    file = f"{name}.ome.tif"
    channels, slices, frames = size
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="{order}" Type="{dtype.replace("32", "")}" '
        f'SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="{channels}" SizeZ="{slices}" SizeT="{frames}" '
        f"{attributes}>"
        + "".join(f'<Channel ID="Channel:0:{i}" SamplesPerPixel="1"/>' for i in range(channels))
        + f"<TiffData/>{''.join(planes)}</Pixels></Image></OME>"
    )

    def write(path: Path) -> None:
        array = pixels(file, (channels * slices * frames, HEIGHT, WIDTH), dtype)
        tifffile.imwrite(
            path, array, photometric="minisblack", metadata=None, description=text.encode(), **how
        )

    return Layout(file, write)


def _sized(value: str, unit: str | None = None, axes: str = "XY") -> str:
    return " ".join(
        f'PhysicalSize{axis}="{value}"'
        + ("" if unit is None else f' PhysicalSize{axis}Unit="{unit}"')
        for axis in axes
    )


def delta(times: list[str], unit: str = "") -> tuple[str, ...]:
    """Return the planes of a movie with their DeltaT."""
    word = f' DeltaTUnit="{unit}"' if unit else ""
    return tuple(
        f'<Plane TheC="0" TheZ="0" TheT="{t}" DeltaT="{time}"{word}/>'
        for t, time in enumerate(times)
    )


OME_UNITS = ("Ym", "km", "m", "dm", "cm", "mm", "µm", "nm", "pm", "Å", "in", "thou", "pixel",
             "reference frame", "furlong", "μm", "um", "inch", "micron")  # fmt: skip


def ome_layouts() -> Iterator[Layout]:
    for number, unit in enumerate(OME_UNITS):
        name = "".join(c for c in unit if c.isascii() and c.isalpha()) or "x"
        yield ome(f"ome_unit{number}_{name}", _sized("0.5", unit))
    yield ome("ome_none")
    yield ome("ome_tags", resolution=(400, 200), resolutionunit=3)
    yield ome("ome_no_unit", _sized("0.5"))
    yield ome("ome_comma", _sized("0,5") + ' TimeIncrement="1,5"')
    yield ome("ome_words", _sized("half") + ' TimeIncrement="soon"')
    yield ome("ome_nan", _sized("NaN") + ' TimeIncrement="INF"')
    yield ome("ome_zero", _sized("0") + ' TimeIncrement="0"')
    yield ome("ome_empty", _sized("", "") + ' TimeIncrement=""')
    yield ome("ome_only_x", _sized("0.5", "µm", "X"))
    yield ome("ome_only_z", _sized("0.5", "µm", "Z"), size=(1, 3, 1))
    yield ome("ome_only_y_z", _sized("0.5", "µm", "YZ"), size=(1, 3, 1))
    mixed = f"{_sized('0.5', 'µm', 'X')} {_sized('500', 'nm', 'Y')} {_sized('0.001', 'mm', 'Z')}"
    yield ome("ome_mixed", mixed, size=(1, 3, 1))
    yield ome("ome_negative_z", _sized("-0.5", "µm", "Z") + " " + _sized("0.5"), size=(1, 3, 1))
    for unit in ("s", "ms", "min", "h", "d", "µs", "fortnight"):
        name = "us" if unit == "µs" else unit
        attributes = f'TimeIncrement="2.5" TimeIncrementUnit="{unit}"'
        yield ome(f"ome_time_{name}", attributes)
    yield ome("ome_delta", planes=delta(["0", "30", "60"]))
    yield ome("ome_delta_ms", planes=delta(["0", "30000", "60000"], "ms"))
    yield ome("ome_delta_start", planes=delta(["5.5", "35.5", "65.5"]))
    yield ome("ome_delta_uneven", planes=delta(["0", "30", "90"]))
    yield ome("ome_delta_jitter", planes=delta(["0", "30.1", "59.9"]))
    yield ome("ome_delta_equal", planes=delta(["0", "0", "0"]))
    yield ome("ome_delta_back", planes=delta(["60", "30", "0"]))
    yield ome("ome_delta_comma", planes=delta(["0,0", "30,0", "60,0"]))
    yield ome("ome_delta_some", planes=delta(["0", "30", "60"])[:2])
    yield ome("ome_delta_other", 'TimeIncrement="2.5"', planes=delta(["0", "30", "60"]))
    for dtype in ("uint8", "float32"):
        yield ome(f"ome_{dtype}", dtype=dtype)
    for axes, size in {"C": (3, 1, 1), "Z": (1, 3, 1), "CZT": (2, 3, 4), "ZT": (1, 3, 2)}.items():
        for order in ("XYZCT", "XYCZT", "XYTZC"):
            yield ome(f"ome_axes_{axes}_{order}", size=size, order=order)


def layouts() -> list[Layout]:
    """Return the layouts of what is written about pixels."""
    groups = (tags, units, axes_of_their_own, numbers, sizes, values, written, ome_layouts)
    return [layout for group in groups for layout in group()]

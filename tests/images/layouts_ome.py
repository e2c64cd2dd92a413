"""OME-TIFFs with every spelling of what a pixel and a frame are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tifffile
from layouts import HEIGHT, WIDTH, Layout, pixels

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


def _all() -> Iterator[Layout]:
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
    """Return the layouts of OME-TIFFs."""
    return list(_all())

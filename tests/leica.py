"""Leica files for tests."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_IDS = {"X": 1, "Y": 2, "Z": 3, "T": 4}


def write_lif(
    path: Path, scenes: list[tuple[str, np.ndarray]], pixel: float = 0.5, interval: float = 2.0
) -> None:
    """Write a .lif as LAS X does: the XML of all scenes, then a block of memory for each.

    scenes : name and pixels of each, (T, Z, C, Y, X) uint16; a name such as "A/R1" is R1 in the
    folder A. pixel : size of the first scene in µm, that of the next being one more, and so on.
    interval : seconds between frames.
    """
    elements = "".join(
        _element(number, name, array, (pixel + number) * 1e-6, interval)
        for number, (name, array) in enumerate(scenes)
    )
    header = (
        f'<LMSDataContainerHeader Version="2"><Element Name="{path.name}"><Children>{elements}'
        "</Children></Element></LMSDataContainerHeader>"
    )
    blocks = [struct.pack("<IIBI", 0x70, 5 + 2 * len(header), 0x2A, len(header)), _wide(header)]
    for number, (_, array) in enumerate(scenes):
        name, data = f"MemBlock_{number}", array.astype("<u2").tobytes()
        size = 14 + 2 * len(name)
        blocks.append(struct.pack("<IIBQBI", 0x70, size, 0x2A, len(data), 0x2A, len(name)))
        blocks += [_wide(name), data]
    path.write_bytes(b"".join(blocks))


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _element(number: int, name: str, array: np.ndarray, pixel: float, interval: float) -> str:
    *folders, own = name.split("/")
    sizes = dict(zip("TZCYX", array.shape, strict=True))
    steps = dict(zip("TZCYX", array.strides, strict=True))
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" Min="0" Max="65535" '
        f'NameOfMeasuredQuantity="" Unit="" LUTName="{colour}" IsLUTInverted="0" '
        f'BytesInc="{c * steps["C"]}" BitInc="0"/>'
        for c, colour in zip(range(sizes["C"]), ("Green", "Red"), strict=False)
    )
    dims = "".join(
        f'<DimensionDescription DimID="{_IDS[axis]}" NumberOfElements="{sizes[axis]}" Origin="0" '
        f'Length="{pixel * (sizes[axis] - 1)}" Unit="{"s" if axis == "T" else "m"}" '
        f'BitInc="0" BytesInc="{steps[axis]}"/>'
        for axis in "XYZT"
        if sizes[axis] > 1 or axis in "XY"
    )
    planes = sizes["Z"] * sizes["C"]
    ticks = (1 << 60) + np.repeat(np.arange(sizes["T"]) * interval * 1e7, planes).astype(np.int64)
    times = " ".join(f"{tick:x}" for tick in ticks)  # of 100 ns, since 1601
    text = (
        f'<Element Name="{own}"><Data><Image><ImageDescription><Channels>{channels}</Channels>'
        f"<Dimensions>{dims}</Dimensions></ImageDescription>"
        f'<TimeStampList NumberOfTimeStamps="{len(ticks)}">{times} </TimeStampList></Image></Data>'
        f'<Memory Size="{array.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )
    for folder in reversed(folders):
        text = f'<Element Name="{folder}"><Data/><Children>{text}</Children></Element>'
    return text

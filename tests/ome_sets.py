"""Sets of OME-TIFFs that are one image together, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def pixels(
    planes: np.ndarray, data: str, number: int = 0, name: str = "s", sizes: dict | None = None
) -> str:
    """Return the XML of an image (T, Z, C, Y, X); `sizes` are others than it has."""
    stated = dict(zip("TZCYX", planes.shape, strict=True)) | (sizes or {})
    text = " ".join(f'Size{axis}="{n}"' for axis, n in stated.items())
    return (
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}" '
        f'DimensionOrder="XYCZT" Type="{planes.dtype}" {text} PhysicalSizeX="0.5" '
        f'PhysicalSizeY="0.5">{data}</Pixels></Image>'
    )


def block(name: str, uuid: str, page: int, t: int, z: int = 0, c: int = 0) -> str:
    """Return the XML that says which page of which file a plane is."""
    where = f'IFD="{page}" FirstT="{t}" FirstZ="{z}" FirstC="{c}" PlaneCount="1"'
    return f'<TiffData {where}><UUID FileName="{name}">urn:uuid:{uuid}</UUID></TiffData>'


def ome(images: str, uuid: str = "") -> str:
    """Return the XML of images, in the file of a UUID."""
    own = f' UUID="urn:uuid:{uuid}"' if uuid else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{SCHEMA}"{own}>{images}</OME>'


def movie(frames: int = 4, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Return a movie (T, 1, C, 9, 11) no pixel of which is 0."""
    shape = (frames, 1, channels, 9, 11)
    return np.random.default_rng(seed).integers(1, 60000, shape).astype(np.uint16)


def write_pages(path: Path, planes: Sequence[np.ndarray], text: str, **options: object) -> None:
    """Write pages of which the first has a description."""
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(planes):
            told = text if number == 0 else None
            file.write(
                plane,
                description=told,
                contiguous=False,
                metadata=None,
                photometric="minisblack",
                **options,  # type: ignore[arg-type]
            )


def write_set(
    folder: Path, stack: np.ndarray, names: Sequence[str], uuids: Sequence[str] | None = None
) -> list[Path]:
    """Write a movie as one file of each frame, each with the XML of the whole set."""
    uuids = uuids or [f"{name}-{stack[0, 0, 0, 0, 0]}" for name in names]
    data = "".join(
        block(name, uuid, c, t, 0, c)
        for t, (name, uuid) in enumerate(zip(names, uuids, strict=True))
        for c in range(stack.shape[2])
    )
    paths = []
    for t, (name, uuid) in enumerate(zip(names, uuids, strict=True)):
        write_pages(folder / name, stack[t, 0], ome(pixels(stack, data), uuid))
        paths.append(folder / name)
    return paths

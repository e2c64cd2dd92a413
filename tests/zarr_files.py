"""OME-Zarr folders as other programs write them, made of arrays and a few JSON objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
FORMATS = {"0.4": 2, "0.5": 3}


def axes_of(names: str, **units: str) -> list[dict[str, Any]]:
    """The axes of a multiscales, with the units of some."""
    return [
        {"name": n, "type": TYPES[n]} | ({"unit": units[n]} if n in units else {}) for n in names
    ]


def multiscales(
    axes: list[dict[str, Any]], scales: Sequence[Sequence[float]], **more: Any
) -> dict[str, Any]:
    """The entry of an image whose levels are 0, 1 …"""
    datasets = [
        {
            "path": str(number),
            "coordinateTransformations": [{"type": "scale", "scale": list(scale)}],
        }
        for number, scale in enumerate(scales)
    ]
    return {"axes": axes, "datasets": datasets, **more}


def group(path: Path, version: str, **ome: Any) -> Path:
    """A group with OME metadata."""
    path.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        for one in ome.get("multiscales", ()):
            one.setdefault("version", "0.4")
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(ome))
        return path
    attributes = {"ome": {"version": version, **ome}}
    text = json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes})
    (path / "zarr.json").write_text(text)
    return path


def array(path: Path, pixels: np.ndarray, version: str = "0.4", **options: Any) -> Path:
    """An array; empty chunks are left out unless `empty` says otherwise."""
    import zarr

    empty = options.pop("empty", False)
    made = zarr.create_array(
        str(path),
        shape=pixels.shape,
        dtype=pixels.dtype,
        zarr_format=FORMATS[version],
        config={"write_empty_chunks": empty},
        **{"chunks": (*[1] * (pixels.ndim - 2), 16, 16), **options},
    )
    made[...] = pixels
    return path


def image(
    path: Path,
    pixels: np.ndarray,
    names: str,
    version: str = "0.4",
    *,
    levels: int = 1,
    scale: Sequence[float] | None = None,
    units: dict[str, str] | None = None,
    **options: Any,
) -> Path:
    """An image with levels of every other pixel."""
    one = list(scale or [1.0] * pixels.ndim)
    scales = [[*one[:-2], *(s * 2**k for s in one[-2:])] for k in range(levels)]
    group(
        path, version, multiscales=[multiscales(axes_of(names, **(units or {})), scales, name="a")]
    )
    for number in range(levels):
        step = 2**number
        array(path / str(number), pixels[..., ::step, ::step], version, **options)
    return path


def edit(path: Path, change: Any) -> None:
    """Change the JSON of a file in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))

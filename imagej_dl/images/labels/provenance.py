"""What a label map was made of, written into its file: a line of ImageJ's description.

Whoever edits the file in ImageJ and saves it drops the line, or changes the pixels that it has the
digest of: so what is as it was made is told from what a user has made of it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.reading import read_labels

KEY, _PIXELS = "imagej_dl", "pixels"


def of(labels: xr.DataArray, **facts: Any) -> dict[str, Any]:
    """Return what :func:`imagej_dl.images.write` is given to keep these facts with a label map.

    Parameters
    ----------
    labels : dims of T, Z, Y, X.
    **facts : what JSON knows.
    """
    return {KEY: json.dumps({**facts, _PIXELS: _digest(labels)}, separators=(",", ":"))}


def read(path: Path) -> dict[str, Any]:
    """Return the facts that are kept with a label map; none where it is not one of ours."""
    with suppress(Exception), tifffile.TiffFile(path) as file:
        for line in file.pages.first.description.splitlines():
            if line.startswith(f"{KEY}="):
                found = json.loads(line.removeprefix(f"{KEY}="))
                return found if isinstance(found, dict) else {}
    return {}


def unchanged(path: Path, facts: dict[str, Any]) -> bool:
    """Say whether a label map has the pixels that it was made with."""
    with suppress(UserError):
        return facts.get(_PIXELS) == _digest(read_labels(path))
    return False


def digest(path: Path) -> str:
    """Return a digest of a file's content, or of all files in a folder."""
    found = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    return found.hexdigest()[:16]


def digest_of(image: xr.DataArray) -> str:
    """Return a digest of an image's pixels."""
    found = hashlib.sha256(repr((image.dims, image.shape, image.dtype.str)).encode())
    found.update(np.ascontiguousarray(image.data).data)
    return found.hexdigest()[:16]


def _digest(labels: xr.DataArray) -> str:
    found = hashlib.sha256(repr([n for n in labels.shape if n > 1]).encode())
    for _, part in memory_maps.pieces(labels.data):
        found.update(np.ascontiguousarray(part, "<u4").data)
    return found.hexdigest()[:16]

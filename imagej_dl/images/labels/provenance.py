"""Provenance of a label map, stored in its file as a line of ImageJ's description.

Editing and saving the file in ImageJ drops the line, or changes the pixels whose digest it holds.
So a label map that a user has corrected is told from one that is as it was made.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.ome_zarr import multiscales
from imagej_dl.images.reading import read_labels

KEY, _PIXELS = "imagej_dl", "pixels"


def of(labels: xr.DataArray, **facts: Any) -> dict[str, Any]:
    """Return the keyword for :func:`imagej_dl.images.write` that stores facts with a label map.

    Parameters
    ----------
    labels : dims of T, Z, Y, X.
    **facts : values that JSON can hold.
    """
    return {KEY: json.dumps({**facts, _PIXELS: _digest(labels)}, separators=(",", ":"))}


def read(path: Path) -> dict[str, Any]:
    """Return the facts stored with a label map; {} for a file of another program."""
    if path.is_dir():
        with suppress(UserError):
            return multiscales.facts(path)
        return {}
    with suppress(Exception), tifffile.TiffFile(path) as file:
        for line in file.pages.first.description.splitlines():
            if line.startswith(f"{KEY}="):
                facts = json.loads(line.removeprefix(f"{KEY}="))
                return facts if isinstance(facts, dict) else {}
    return {}


def unchanged(path: Path, facts: dict[str, Any]) -> bool:
    """Return True if the pixels of a label map are those it was made with."""
    with suppress(UserError):
        return facts.get(_PIXELS) == _digest(read_labels(path))
    return False


def stamp_of_folder(folder: Path, top: Path) -> str:
    """Return what tells a folder from the same one changed: names, sizes and times of its files.

    `top` is the folder, or one around it, from which its place counts, too.
    """
    sha = hashlib.sha256()
    for inside, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            state = os.stat(os.path.join(inside, name))
            place = os.path.relpath(os.path.join(inside, name), top)
            sha.update(repr((place, state.st_size, state.st_mtime_ns)).encode())
    return sha.hexdigest()[:16]


def digest(path: Path) -> str:
    """Return a digest of a file's content, or of all files in a folder."""
    sha = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()[:16]


def digest_of(image: xr.DataArray) -> str:
    """Return a digest of an image's pixels."""
    sha = hashlib.sha256(repr((image.dims, image.shape, image.dtype.str)).encode())
    sha.update(np.ascontiguousarray(image.data).data)
    return sha.hexdigest()[:16]


def _digest(labels: xr.DataArray) -> str:
    sha = hashlib.sha256(repr([n for n in labels.shape if n > 1]).encode())
    for _, part in memory_maps.pieces(labels.data):
        sha.update(np.ascontiguousarray(part, "<u4").data)
    return sha.hexdigest()[:16]

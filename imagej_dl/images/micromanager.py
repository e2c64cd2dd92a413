"""Micro-Manager's image stacks: which plane of which position is where, by their index."""

from __future__ import annotations

import glob
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imagej_dl.images import chains, held

BY = "Micro-Manager's summary"
_SIZES = {"T": "Frames", "Z": "Slices", "C": "Channels"}
_COLUMNS = {"C": 0, "Z": 1, "T": 2}
_POSITION, _OFFSET = 3, 4
_UNREADABLE = (tifffile.TiffFileError, RuntimeError, ValueError, LookupError, OSError, struct.error)
# Files of a stack that is too long for one: NAME.ome.tif, NAME_1.ome.tif, NAME_2.ome.tif …
_NUMBERED = re.compile(r"(?P<stem>.*_MMStack.*)_(?P<number>\d+)(?P<suffix>(\.ome)?\.tiff?)", re.I)


def is_stack(file: tifffile.TiffFile) -> bool:
    """Say whether a file has an index of Micro-Manager's that says where its planes are."""
    metadata = file.micromanager_metadata if file.is_mmstack else None
    if not metadata or not isinstance(metadata.get("Summary"), dict):
        return False
    index = metadata.get("IndexMap")
    return isinstance(index, np.ndarray) and index.ndim == 2 and len(index) > 0


def scenes(path: Path, file: tifffile.TiffFile, chain: chains.Chain) -> list[held.Found]:
    """Return the positions of a stack: each is a scene with its frames, channels and slices."""
    assert file.micromanager_metadata is not None
    index = file.micromanager_metadata["IndexMap"]
    positions = np.unique(index[:, _POSITION]).tolist()
    names = [f"Pos{position}" for position in positions] if len(positions) > 1 else [""]
    return [
        held.Found(name, lambda p=position: _held(path, file, chain, p))  # type: ignore[misc]
        for name, position in zip(names, positions, strict=True)
    ]


def first_of(path: Path) -> Path:
    """Return the first of the files of a long stack, by their names; of another file itself."""
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return path
    first = path.with_name(match["stem"] + match["suffix"])
    return first if first.is_file() else path


def _further(path: Path) -> Iterator[Path]:
    first = first_of(path)
    suffix = first.name[re.search(r"(\.ome)?\.tiff?$", first.name, re.I).start() :]  # type: ignore[union-attr]
    number = 0
    other = first
    while other.is_file():
        if other != path:
            yield other
        number += 1
        other = first.with_name(f"{first.name[: -len(suffix)]}_{number}{suffix}")


def _held(path: Path, file: tifffile.TiffFile, chain: chains.Chain, position: int) -> held.Held:
    metadata: dict[str, Any] = file.micromanager_metadata or {}
    summary, index = metadata["Summary"], metadata["IndexMap"]
    found = _pages(file, index, position)
    siblings = list(_further(path))
    for other in siblings:
        with suppress(*_UNREADABLE), tifffile.TiffFile(other) as more:
            theirs: dict[str, Any] = more.micromanager_metadata or {}
            if is_stack(more) and _alike(summary, theirs["Summary"]):
                found = _pages(more, theirs["IndexMap"], position) | found
    if not found:
        raise ValueError(f"none of its planes is whole: {held.lacks(file.pages.first)}")
    declared = [
        max(max(place[i] for place in found) + 1, _stated(summary, key))
        for i, key in enumerate(_SIZES.values())
    ]
    there = {(t * declared[1] + z) * declared[2] + c: page for (t, z, c), page in found.items()}
    made = held.stacked(there, "".join(_SIZES), declared, BY, file, kind="mmstack")
    return held.Held(made.series, _said(path, summary, index, chain) + made.said)


def _said(path: Path, summary: dict[str, Any], index: np.ndarray, chain: chains.Chain) -> list[str]:
    """Say what the index and the summary have more than the file, or less."""
    said = []
    pages = len(np.unique(index[:, _OFFSET]))
    if pages < len(index):
        said.append(f"its index names the same page for several planes, {len(index) - pages} times")
    if (more := chain.number() - pages) > 0:
        said.append(
            f"the file has {more} page{'s' if more > 1 else ''} that its index does not name"
        )
    here, positions = len(np.unique(index[:, _POSITION])), _stated(summary, "Positions")
    stem = re.split("_MMStack", path.name, flags=re.IGNORECASE)[0]
    pattern = f"{glob.escape(stem)}_MMStack*.tif*"
    if here < positions and len(list(path.parent.glob(pattern))) < positions:
        said.append(f"{BY} declares {positions} positions, and {here} of them {_is(here)} here")
    return said


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _pages(
    file: tifffile.TiffFile, index: np.ndarray, position: int
) -> dict[tuple[int, ...], held.Page]:
    """Return the whole planes of a position in a file, by frame, slice and channel."""
    pages: dict[tuple[int, ...], held.Page] = {}
    key = file.pages.first
    for row in index[index[:, _POSITION] == position].tolist():
        place = tuple(row[_COLUMNS[axis]] for axis in _SIZES)
        page: held.Page = key
        if row[_OFFSET] != key.offset:
            if not 8 <= row[_OFFSET] < file.filehandle.size:
                continue
            try:
                page = tifffile.TiffFrame(file, len(pages), offset=row[_OFFSET], keyframe=key)
            except _UNREADABLE:
                continue
        if chains.whole(page):
            pages[place] = page
    return pages


def _alike(summary: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(summary.get(key) == other.get(key) for key in ("Prefix", "UUID", "Width", "Height"))


def _stated(summary: dict[str, Any], key: str) -> int:
    try:
        return max(int(summary.get(key) or 1), 1)
    except (TypeError, ValueError):
        return 1


def size(file: tifffile.TiffFile) -> dict[str, Any]:
    """Return pixel size and frame interval as a stack's summary states them."""
    summary = (file.micromanager_metadata or {}).get("Summary") or {}

    def number(*keys: str) -> float:
        for key in keys:
            with suppress(TypeError, ValueError):
                if (value := float(summary.get(key) or 0)) > 0 and np.isfinite(value):
                    return value
        return 0.0

    attrs: dict[str, Any] = {}
    if pixel := number("PixelSize_um"):
        attrs |= {"pixel_width": pixel, "pixel_height": pixel, "unit": "µm"}
        if depth := number("z-step_um"):
            attrs["pixel_depth"] = depth
    if interval := number("Interval_ms", "WaitInterval"):
        attrs["frame_interval"] = interval / 1000
    return attrs

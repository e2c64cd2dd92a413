"""Micro-Manager's image stacks: which plane of which position is where, by their index."""

from __future__ import annotations

import glob
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from imagej_dl.images.tiff import page_chain, partial_series

BY = "Micro-Manager's summary"
_SIZES = {"T": "Frames", "Z": "Slices", "C": "Channels"}
_COLUMNS = {"C": 0, "Z": 1, "T": 2}
_POSITION, _OFFSET = 3, 4
_TAG = 51123
_UNREADABLE = (tifffile.TiffFileError, RuntimeError, ValueError, LookupError, OSError, struct.error)
# Files of a stack that is too long for one: NAME.ome.tif, NAME_1.ome.tif, NAME_2.ome.tif …
_NUMBERED = re.compile(r"(?P<stem>.*_MMStack.*)_(?P<number>\d+)(?P<suffix>(\.ome)?\.tiff?)", re.I)


@dataclass(frozen=True)
class Stack:
    """The summary of a stack, and its index with a row for each plane.

    `lost`: the file has no index, as after a crash; it is made from the tags of the pages then.
    """

    summary: dict[str, Any]
    index: np.ndarray
    lost: bool = False


def stack(file: tifffile.TiffFile, chain: page_chain.Chain) -> Stack | None:
    """Return summary and index of a Micro-Manager stack; None for other files."""
    metadata = file.micromanager_metadata if file.is_micromanager else None
    if not metadata or metadata.get("MajorVersion", 1) != 0:
        return None
    summary, index = metadata.get("Summary"), metadata.get("IndexMap")
    if not isinstance(summary, dict):
        return None
    if isinstance(index, np.ndarray) and index.ndim == 2 and len(index):
        return Stack(summary, index)
    if file.is_ome:
        return None  # its OME-XML describes the planes, too
    rows = []
    for number, offset in enumerate(chain.offsets):
        tag = page_chain.page_at(file, chain, number, None).tags.get(_TAG)  # type: ignore[union-attr]
        notes = tag.value if tag is not None and isinstance(tag.value, dict) else {}
        place = [notes.get(f"{name}Index") for name in ("Channel", "Slice", "Frame", "Position")]
        if not all(isinstance(one, int) and one >= 0 for one in place):
            return None
        rows.append([*place, offset])
    return Stack(summary, np.array(rows, np.int64), lost=True) if rows else None


def scenes(
    path: Path, file: tifffile.TiffFile, chain: page_chain.Chain, own: Stack
) -> list[partial_series.TiffScene]:
    """Return the positions of a stack: each is a scene with its frames, channels and slices."""
    positions = np.unique(own.index[:, _POSITION]).tolist()
    names = [f"Pos{position}" for position in positions] if len(positions) > 1 else [""]
    return [
        partial_series.TiffScene(name, partial(_held, path, file, chain, own, position))
        for name, position in zip(names, positions, strict=True)
    ]


def first_file(path: Path) -> Path:
    """Return the first of the files of a long stack, by their names; of another file itself."""
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return path
    first = path.with_name(match["stem"] + match["suffix"])
    return first if first.is_file() else path


def _further(path: Path) -> Iterator[Path]:
    first = first_file(path)
    suffix = first.name[re.search(r"(\.ome)?\.tiff?$", first.name, re.I).start() :]  # type: ignore[union-attr]
    number = 0
    other = first
    while other.is_file():
        if other != path:
            yield other
        number += 1
        other = first.with_name(f"{first.name[: -len(suffix)]}_{number}{suffix}")


def _held(
    path: Path, file: tifffile.TiffFile, chain: page_chain.Chain, own: Stack, position: int
) -> partial_series.PartialSeries:
    pages = _pages(file, own.index, position)
    for other in _further(path):
        with suppress(*_UNREADABLE), tifffile.TiffFile(other) as more:
            theirs = stack(more, page_chain.read(more))
            if theirs is not None and _alike(own.summary, theirs.summary):
                pages = _pages(more, theirs.index, position) | pages
    if not pages:
        raise ValueError(
            f"none of its planes is whole: {partial_series.describe_missing(file.pages.first)}"
        )
    declared = [
        max(max(place[i] for place in pages) + 1, _stated(own.summary, key))
        for i, key in enumerate(_SIZES.values())
    ]
    there = {(t * declared[1] + z) * declared[2] + c: page for (t, z, c), page in pages.items()}
    attr = {"image": position}
    made = partial_series.stacked(
        there, "".join(_SIZES), declared, BY, file, kind="mmstack", attr=attr
    )
    return partial_series.PartialSeries(made.series, _notes(path, own, chain) + made.notes)


def _notes(path: Path, own: Stack, chain: page_chain.Chain) -> list[str]:
    """Return notes about where index, summary and file disagree."""
    index, notes = own.index, []
    if own.lost:
        notes.append(
            "it has no index, as after a crash; its planes are located by the tags of their pages"
        )
    pages = len(np.unique(index[:, _OFFSET]))
    if pages < len(index):
        notes.append(
            f"its index names the same page for several planes, {len(index) - pages} times"
        )
    if (more := chain.number() - pages) > 0:
        notes.append(
            f"the file has {more} page{'s' if more > 1 else ''} that its index does not name"
        )
    here, positions = len(np.unique(index[:, _POSITION])), _stated(own.summary, "Positions")
    stem = re.split("_MMStack", path.name, flags=re.IGNORECASE)[0]
    pattern = f"{glob.escape(stem)}_MMStack*.tif*"
    if here < positions and len(list(path.parent.glob(pattern))) < positions:
        notes.append(f"{BY} declares {positions} positions, and {here} of them {_is(here)} here")
    return notes


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _pages(
    file: tifffile.TiffFile, index: np.ndarray, position: int
) -> dict[tuple[int, ...], partial_series.Page]:
    """Return the whole planes of a position in a file, by frame, slice and channel."""
    pages: dict[tuple[int, ...], partial_series.Page] = {}
    key = file.pages.first
    for row in index[index[:, _POSITION] == position].tolist():
        place = tuple(row[_COLUMNS[axis]] for axis in _SIZES)
        page: partial_series.Page = key
        if row[_OFFSET] != key.offset:
            if not 8 <= row[_OFFSET] < file.filehandle.size:
                continue
            try:
                page = tifffile.TiffFrame(file, len(pages), offset=row[_OFFSET], keyframe=key)
            except _UNREADABLE:
                continue
        if page_chain.is_complete(page):
            pages[place] = page
    return pages


def _alike(summary: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(summary.get(key) == other.get(key) for key in ("Prefix", "UUID", "Width", "Height"))


def _stated(summary: dict[str, Any], key: str) -> int:
    try:
        return max(int(summary.get(key) or 1), 1)
    except (TypeError, ValueError):
        return 1


def calibration(file: tifffile.TiffFile) -> dict[str, Any]:
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

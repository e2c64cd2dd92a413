"""Files that are one image together: sets of OME-TIFFs, and stacks too long for one file."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import tifffile

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images.checks import library_warnings
from imagej_dl.images.tiff import (
    SUFFIXES,
    image_description,
    micromanager,
    ome_series,
    ome_xml,
    page_chain,
)

_NAMING = ("FileName", "BinaryOnly")


def once(files: Sequence[Path]) -> list[Path]:
    """Leave out the files that are part of an image which another of the files has.

    A set of files whose XML names each other is one image (or several): it stands for itself by
    the first of its files, which :func:`imagej_dl.images.read` reads with all others. Other files
    stay, in their order.
    """
    if sum(path.suffix.lower() in SUFFIXES for path in files) < 2:
        return list(files)
    given = {path.absolute() for path in files}
    kept: list[Path] = []
    for path in files:
        found = _images(path)
        if found is None:
            first = micromanager.first_of(path)
            if first == path or first.absolute() not in given or not _is_stack(path):
                kept.append(path)
        elif (other := found.copied) is not None and other.absolute() in given:
            warnings.warn(
                f"{path}: has the UUID of {other.name}, which is a part of a set: left out",
                DataWarning,
                stacklevel=3,
            )
        elif any(_first(names, given) == path for names in found.files):
            # The first of the files that are given stands for all of a set.
            kept.append(path)
    return kept


@dataclass(frozen=True)
class _Images:
    """The files of each image that a file has a part in; the file that it is a copy of."""

    files: list[tuple[Path, ...]]
    copied: Path | None


def _first(names: tuple[Path, ...], given: Collection[Path]) -> Path | None:
    return next((path for path in names if path.absolute() in given), None)


def _images(path: Path) -> _Images | None:
    """Return what sets a file has a part in; None where it stands for itself."""
    text = image_description.of(path)
    if text is None or not text.endswith("OME>") or not any(word in text for word in _NAMING):
        return None
    try:
        root = ome_xml.parsed(text, path)
        if root is not None and (name := ome_xml.elsewhere(root)) is not None:
            other = ome_series.xml_of(path, name)
            root = None if other is None else ome_xml.parsed(other, path)
        if root is None:
            return None
        members = ome_xml.Members(path, root, image_description.uuid_in(text))
        found: list[tuple[Path, ...]] = []
        copied = None
        for image in ome_xml.images(root):
            blocks = sorted(image.blocks, key=lambda block: block.first)
            there = tuple(dict.fromkeys(p for b in blocks if (p := members.of(b)) is not None))
            if path in there:
                found.append(there)
            for block in blocks:
                named = path.with_name(Path(block.file).name) if block.file else path
                if members.of(block) == path and named.is_file() and not named.samefile(path):
                    copied = named
    except (UserError, ValueError, LookupError, OSError):
        return None  # who reads it is told
    return _Images(found, copied) if any(len(names) > 1 for names in found) else None


def missing(path: Path) -> list[str]:
    """Return the names of the files that belong to one and are not there."""
    text = image_description.of(path)
    if text is None or not text.endswith("OME>") or "FileName" not in text:
        return []
    root = ome_xml.parsed(text, path)
    if root is None:
        return []
    members = ome_xml.Members(path, root, image_description.uuid_in(text))
    try:
        blocks = [block for image in ome_xml.images(root) for block in image.blocks]
    except (ValueError, LookupError):
        return []  # who reads it is told
    return sorted({block.file for block in blocks if members.of(block) is None})


def _is_stack(path: Path) -> bool:
    try:
        with library_warnings.collected("tifffile"), tifffile.TiffFile(path) as file:
            return micromanager.stack(file, page_chain.of(file)) is not None
    except Exception:  # a damaged header may lead anywhere; who reads it is told
        return False

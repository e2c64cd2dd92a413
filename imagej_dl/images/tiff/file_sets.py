"""Images that lie in several files: sets of OME-TIFFs, and long Micro-Manager stacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import tifffile

from imagej_dl.errors import UserError, warn
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


def one_per_image(files: Sequence[Path]) -> list[Path]:
    """Return one file for each image: of a set of files the first, and all other files.

    OME-TIFFs whose XML names each other are a set; :func:`imagej_dl.images.read` reads the first
    with all others. The order stays.
    """
    if sum(path.suffix.lower() in SUFFIXES for path in files) < 2:
        return list(files)
    listed = {path.absolute() for path in files}
    chosen: list[Path] = []
    for path in files:
        sets = _sets(path)
        if sets is None:
            first = micromanager.first_file(path)
            if first == path or first.absolute() not in listed or not _is_stack(path):
                chosen.append(path)
        elif (other := sets.copied) is not None and other.absolute() in listed:
            warn(f"has the UUID of {other.name}, which is a part of a set: left out", path=path)
        elif any(_first(names, listed) == path for names in sets.files):
            chosen.append(path)
    return chosen


def others(path: Path) -> list[Path]:
    """Return the further files of the sets of OME-TIFFs to which a file belongs."""
    sets = _sets(path) if path.suffix.lower() in SUFFIXES else None
    found = [] if sets is None else [one for names in sets.files for one in names if one != path]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Sets:
    """The files of each image of which a file holds planes, and the file it is a copy of."""

    files: list[tuple[Path, ...]]
    copied: Path | None


def _first(names: tuple[Path, ...], listed: Collection[Path]) -> Path | None:
    return next((path for path in names if path.absolute() in listed), None)


def _sets(path: Path) -> _Sets | None:
    """Return the sets to which a file belongs; None for a file of its own."""
    text = image_description.read(path)
    if text is None or not text.endswith("OME>") or not any(word in text for word in _NAMING):
        return None
    try:
        root = ome_xml.parse(text, path)
        if root is not None and (name := ome_xml.metadata_file(root)) is not None:
            other = ome_series.read_xml(path, name)
            root = None if other is None else ome_xml.parse(other, path)
        if root is None:
            return None
        members = ome_xml.Members(path, root, image_description.uuid_in(text))
        sets: list[tuple[Path, ...]] = []
        copied = None
        for image in ome_xml.images(root):
            blocks = sorted(image.blocks, key=lambda block: block.first)
            there = tuple(dict.fromkeys(p for b in blocks if (p := members.of(b)) is not None))
            if path in there:
                sets.append(there)
            for block in blocks:
                named = path.with_name(Path(block.file).name) if block.file else path
                if members.of(block) == path and named.is_file() and not named.samefile(path):
                    copied = named
    except (UserError, ValueError, LookupError, OSError):
        return None  # reported when it is read
    return _Sets(sets, copied) if any(len(names) > 1 for names in sets) else None


def missing(path: Path) -> list[str]:
    """Return the names of the files that belong to the set of a file and are missing."""
    text = image_description.read(path)
    if text is None or not text.endswith("OME>") or "FileName" not in text:
        return []
    root = ome_xml.parse(text, path)
    if root is None:
        return []
    members = ome_xml.Members(path, root, image_description.uuid_in(text))
    try:
        blocks = [block for image in ome_xml.images(root) for block in image.blocks]
    except (ValueError, LookupError):
        return []  # reported when it is read
    return sorted({block.file for block in blocks if members.of(block) is None})


def _is_stack(path: Path) -> bool:
    try:
        with library_warnings.collected("tifffile"), tifffile.TiffFile(path) as file:
            return micromanager.stack(file, page_chain.read(file)) is not None
    except Exception:  # a damaged header raises anything; reported when the file is read
        return False

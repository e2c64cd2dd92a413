"""Uploads: names and files from the network, of which nothing is trusted."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from imagej_dl.errors import UserError
from imagej_dl.images.formats import registry
from imagej_dl.images.reading import nbytes
from imagej_dl.images.tiff import file_sets

_LONGEST = 80
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows'


def safe_name(given: str | None) -> tuple[str, str]:
    """Return a stem and a suffix that are harmless as a file's name, of an uploaded file's.

    Raises
    ------
    UserError : for a suffix that is not that of a known kind of image.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given or ""))[-1]
    path = Path(last)
    suffix = path.suffix.lower()
    shown = "".join(c for c in last if c.isprintable())[:_LONGEST] or "(no name)"
    if suffix not in registry.upload_suffixes():
        raise UserError(
            f"{shown} is not an image of a known format",
            remedy=f"Known are {', '.join(registry.upload_suffixes())}.",
        )
    stem = re.sub(r"[^\w .()+-]", "_", path.stem).strip(" .")[:_LONGEST] or "image"
    return (f"_{stem}" if _DEVICES.fullmatch(stem) else stem), suffix


def sorted_out(
    given: Iterable[str | None],
) -> tuple[list[tuple[str, str] | None], dict[str, str]]:
    """Return the harmless stem and suffix of each uploaded file, and what is refused.

    Returns
    -------
    names : None for a file that is refused: one of them must not cost the others their upload.
    refused : what is said of each, by its name as it is shown.

    Raises
    ------
    UserError : when all are refused.
    """
    names: list[tuple[str, str] | None] = []
    refused: dict[str, str] = {}
    for one in given:
        try:
            names.append(safe_name(one))
        except UserError as error:
            names.append(None)
            shown, _, words = error.problem.partition(" is not an image")
            refused[unlike(shown, refused)] = f"is not an image{words}. {error.remedy}"
            last = error
    if not any(names):
        raise last
    return names, refused


def unlike(stem: str, taken: Iterable[str]) -> str:
    """Return the stem, with a number behind it where it is taken."""
    known = {name.casefold() for name in taken}
    number, name = 1, stem
    while name.casefold() in known:
        number += 1
        name = f"{stem}_{number}"
    return name


def refuse_large(path: Path, shown: str, limit: int) -> None:
    """Raise UserError for an image that is larger in memory than `limit` bytes, or in parts.

    A small file may unpack to any size, and the XML of an OME-TIFF may name other files of this
    machine: both are found out before a pixel is read. The files of a set are those of one upload.
    """
    try:
        if missing := file_sets.missing(path):
            more = f" and {len(missing) - 3} more" if missing[3:] else ""
            raise UserError(
                f"is one of several files that belong together; missing "
                f"are {', '.join(missing[:3])}{more}",
                remedy="Upload all of them at once, or save it as one TIFF in Fiji.",
            )
        size = nbytes(path)
    except UserError as error:
        # Where it lies here is nobody's business.
        raise error.at(shown) from error
    if size > limit:
        raise UserError(
            f"holds {size / 2**20:.0f} MiB of pixels, and at most {limit / 2**20:.0f} are allowed",
            path=shown,
            remedy="Use `imagej-dl predict`, which has no such limit.",
        )


def refuse_long(image: xr.DataArray, planes: int) -> None:
    """Raise UserError for an image of more than so many planes."""
    count = image.sizes.get("T", 1) * image.sizes.get("Z", 1)
    if count > planes:
        raise UserError(
            f"has {count} planes, and at most {planes} are allowed",
            remedy="Use `imagej-dl predict`, which has no such limit.",
        )

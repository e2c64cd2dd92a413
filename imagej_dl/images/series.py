"""The scenes of a TIFF: the series of pages that OME's XML, or the pages' sizes, tell apart."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tifffile

from imagej_dl.errors import UserError
from imagej_dl.images import calibrations, described

# In other kinds of files what follows the first series is a preview, a label or an overview.
_KINDS = ("ome", "shaped", "generic")

BROKEN = (
    tifffile.TiffFileError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What tifffile raises: a damaged header may say anything, and so leads the reader anywhere."""


def of(file: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """Return the series of an open TIFF that are scenes; there is at least one.

    Previews (reduced images) and masks are none. Of a set of OME-TIFFs that name each other, each
    file has the scenes that begin in it.
    """
    found = list(file.series)
    if not found:
        raise ValueError("it holds no image")
    if found[0].kind not in _KINDS:
        return found[:1]
    own = [s for s in found if s.keyframe.parent.filehandle.path == file.filehandle.path]
    seen = [s for s in own or found if not (s.keyframe.is_reduced or s.keyframe.is_mask)]
    return seen or found[:1]


def names(path: Path) -> list[str]:
    """Return the names of the scenes of a TIFF, "" where it states none.

    Raises
    ------
    UserError : when it is no TIFF that can be read.
    """
    with opened(path) as file:
        return [series.name if series.kind == "ome" else "" for series in of(file)]


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF whose XML is safe; whatever is wrong with it is a UserError."""
    try:
        with tifffile.TiffFile(path) as file:
            calibrations.refuse_entities(path, file)
            described.tidy(path, file)
            yield file
    except UserError:
        raise
    except BROKEN as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"is not a readable TIFF image ({words})",
            path=path,
            remedy="Open it in ImageJ and save it again as TIFF.",
        ) from error

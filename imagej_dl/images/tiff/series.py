"""The scenes of a TIFF: the images that OME's XML, an index, or the pages' sizes tell apart."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from imagej_dl import errors
from imagej_dl.errors import UserError
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images.checks import library_warnings
from imagej_dl.images.tiff import (
    calibration,
    imagej_description,
    imagej_stacks,
    micromanager,
    ome_series,
    ome_xml,
    page_chain,
    partial_series,
)

# In other kinds of files the series after the first are previews, labels or overviews.
_KINDS = ("shaped", "generic")
# Tags whose loss leaves other planes than the file has: the description, MetaMorph's planes.
_NEEDED = ("TiffTag 270 ", "TiffTag 33629 ")
_OWN = "(own)"

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
"""The errors that tifffile raises for damaged files, whose headers may hold any value."""

# Messages of tifffile about files that are in order, or that are worded better here.
_IGNORED = (
    "coercing invalid ASCII to bytes",
    "failed to read display settings",
    "failed to read comments",
    "invalid page offset",
    "corrupted tag list",
    "invalid offset to page",
    "circular reference",
    "suspicious number of tags",
    "incorrect StripByteCounts count (1 != ",
    "incorrect StripOffsets count (1 != ",
)


@dataclass(frozen=True)
class Tiff:
    """An open TIFF with its chain of pages, and what tifffile has logged about it so far."""

    path: Path
    file: tifffile.TiffFile
    chain: page_chain.Chain
    log: list[str]

    def scenes(self) -> list[partial_series.TiffScene]:
        """Return the scenes of the file: at least one.

        Previews (reduced images) and masks are none. Of a set of OME-TIFFs that name each other,
        each file has the scenes that begin in it, or else those of which it has planes.
        """
        file, chain = self.file, self.chain
        if (stack := micromanager.stack(file, chain)) is not None:
            return micromanager.scenes(self.path, file, chain, stack)
        if file.is_ome and (found := ome_series.scenes(self.path, file, chain)):
            return found
        # What tifffile would make of such descriptions is not compared, and may be of other files.
        file.is_mmstack = False
        if file.is_ome:
            file.is_ome = False
            self.log.append(_unusable(self.path, file))
        if file.is_imagej:
            return [partial_series.TiffScene("", lambda: imagej_stacks.read(file, chain))]
        if chain.broken and not chain.ahead:
            raise ValueError(f"{page_chain.TRUNCATED}: {chain.broken}")
        len(file.pages)  # else tifffile looks for ever for what follows the last whole page
        series = list(file.series)
        if not series:
            raise ValueError("it holds no image")
        if series[0].kind == "generic":
            used = sum(len(level) for one in series for level in one.levels)
            if (more := len(chain.offsets) - used) > 0:
                words = f"{more} of its {len(chain.offsets)} pages cannot be read, and are left out"
                self.log.append(f"{_OWN} {words}")
        if series[0].kind not in _KINDS:
            seen = series[:1]
        else:
            seen = [s for s in series if not (s.keyframe.is_reduced or s.keyframe.is_mask)]
        return [
            partial_series.TiffScene("", lambda s=s: self._compared(s))  # type: ignore[misc]
            for s in seen or series[:1]
        ]

    def _compared(self, series: tifffile.TiffPageSeries) -> partial_series.PartialSeries:
        result = partial_series.checked(series, self.chain, "its header")
        if len(series) == 1 and (more := page_chain.surplus_planes(series.keyframe, self.chain, 1)):
            planes = "1 more plane" if more == 1 else f"{more} more planes"
            result.notes.append(f"has room for {planes}, which are not declared: left out")
        if not self.chain.broken or (series.kind in ("stk", "shaped") and not result.notes):
            return result
        if len(self.chain.offsets) == 1:
            # Of how many it is the first nothing says: a movie would become an image.
            raise ValueError(f"{page_chain.TRUNCATED}: {self.chain.broken}")
        words = f"is truncated or damaged ({self.chain.broken}); the pages before are read"
        return partial_series.PartialSeries(result.series, [words, *result.notes])


def _unusable(path: Path, file: tifffile.TiffFile) -> str:
    """Return why the OME-XML of a file does not describe its pages."""
    root = ome_xml.parse(file.pages.first.description, path)
    name = None if root is None else ome_xml.metadata_file(root)
    if name is not None:
        return f"{_OWN} its OME-XML is in {name}, which is not there: axes and sizes are not known"
    words = "is no XML" if root is None else "names none of its pages"
    return f"{_OWN} its OME-XML {words}: axes and sizes are not known"


def from_file(path: Path, file: tifffile.TiffFile, log: list[str]) -> Tiff:
    """Follow the chain of pages of an open TIFF.

    Parameters
    ----------
    log : to which tifffile's messages are appended.

    Raises
    ------
    ValueError : when a tag that says which planes there are lies beyond the end of the file.
    """
    chain = page_chain.read(file)
    lost = (words for words in log if "invalid value offset" in words)
    if any(tag in words for words in lost for tag in _NEEDED):
        raise ValueError(
            f"{page_chain.TRUNCATED}: the tags with the number of planes lie beyond its end"
        )
    return Tiff(path, file, chain, log)


def warn(tiff: Tiff, result: partial_series.PartialSeries) -> None:
    """Warn of what a series lacks and of what tifffile logged, once its pixels have been read."""
    for words in [*result.notes, *relevant(tiff.log)]:
        errors.warn(words, path=tiff.path)


def relevant(log: list[str]) -> list[str]:
    """Return the messages of tifffile's log that matter to a user, each once."""
    some = [
        words.removeprefix(_OWN).strip()
        if words.startswith(_OWN)
        else f"message of tifffile: {words}"
        for words in log
        if not any(known in words for known in _IGNORED)
    ]
    return list(dict.fromkeys(" ".join(words.split()) for words in some))


def nbytes(path: Path) -> int:
    """Return how many bytes the pixels of the first scene of a TIFF take.

    Raises
    ------
    UserError : when it is no TIFF that can be read.
    """
    with opened(path) as tiff:
        first = tiff.scenes()[0].load().series
        return max(first.nbytes, first.size)


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Collect what tifffile logs, and silence NumPy about numbers that make no sense."""
    with library_warnings.collected("tifffile") as log, np.errstate(all="ignore"):
        yield log


@contextmanager
def opened(path: Path) -> Iterator[Tiff]:
    """Open a TIFF after a check of its XML; whatever is wrong with it is raised as a UserError."""
    tiff: Tiff | None = None
    refuse_special(path)
    try:
        with quiet() as log, _file(path) as file:
            tiff = from_file(path, file, log)
            yield tiff
    except UserError:
        raise
    except BROKEN as error:
        words = errors.one_line(error)
        if tiff is not None and tiff.chain.broken and page_chain.TRUNCATED not in words:
            words = f"{page_chain.TRUNCATED}: {tiff.chain.broken}"
        raise UserError(
            f"is not a readable TIFF image ({words})",
            path=path,
            remedy="Copy it again from where it was made."
            if page_chain.TRUNCATED in words
            else "Open it in ImageJ and save it again as TIFF.",
        ) from error


@contextmanager
def _file(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a file, with the XML of the file that its own XML names."""
    with tifffile.TiffFile(path) as file:
        calibration.refuse_entities(path, file)
        imagej_description.tidy(file)
        text = ome_series.external_xml(path, file)
        if text is None:
            yield file
            return
    with tifffile.TiffFile(path, omexml=text) as file:
        yield file

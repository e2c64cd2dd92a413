"""The scenes of a TIFF: the images that OME's XML, an index, or the pages' sizes tell apart."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from imagej_dl.errors import DataWarning, UserError
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images.checks import library_warnings as alarms
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

# In other kinds of files what follows the first series is a preview, a label or an overview.
_KINDS = ("shaped", "generic")
# Tags whose loss leaves other planes than the file has: the description, MetaMorph's planes.
_NEEDED = ("TiffTag 270 ", "TiffTag 33629 ")
OWN = "(own)"

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

# What tifffile says of files that are as they should be, or what is said better here.
_NO_ALARMS = (
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
    """A TIFF that is open, the pages it has, and what was said about it so far."""

    path: Path
    file: tifffile.TiffFile
    chain: page_chain.Chain
    alarms: list[str]

    def scenes(self) -> list[partial_series.Found]:
        """Return the scenes of the file; there is at least one.

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
            self.alarms.append(_unusable(self.path, file))
        if file.is_imagej:
            return [partial_series.Found("", lambda: imagej_stacks.of(file, chain))]
        if chain.broken and not chain.ahead:
            raise ValueError(f"{page_chain.CUT}: {chain.broken}")
        len(file.pages)  # else tifffile looks for ever for what follows the last whole page
        series = list(file.series)
        if not series:
            raise ValueError("it holds no image")
        if series[0].kind == "generic":
            used = sum(len(level) for one in series for level in one.levels)
            if (more := len(chain.offsets) - used) > 0:
                said = f"{more} of its {len(chain.offsets)} pages cannot be read, and are left out"
                self.alarms.append(f"{OWN} {said}")
        if series[0].kind not in _KINDS:
            seen = series[:1]
        else:
            seen = [s for s in series if not (s.keyframe.is_reduced or s.keyframe.is_mask)]
        return [
            partial_series.Found("", lambda s=s: self._compared(s))  # type: ignore[misc]
            for s in seen or series[:1]
        ]

    def _compared(self, series: tifffile.TiffPageSeries) -> partial_series.Held:
        made = partial_series.checked(series, self.chain, "its header")
        if len(series) == 1 and (more := page_chain.beyond(series.keyframe, self.chain, 1)):
            planes = "1 more plane" if more == 1 else f"{more} more planes"
            made.said.append(f"has room for {planes}, which nothing in it declares: left out")
        if not self.chain.broken or (series.kind in ("stk", "shaped") and not made.said):
            return made
        if len(self.chain.offsets) == 1:
            # Of how many it is the first nothing says: a movie would become an image.
            raise ValueError(f"{page_chain.CUT}: {self.chain.broken}")
        words = f"is cut short or damaged ({self.chain.broken}); the pages before are read"
        return partial_series.Held(made.series, [words, *made.said])


def _unusable(path: Path, file: tifffile.TiffFile) -> str:
    """Say why the OME-XML of a file says nothing of its pages."""
    root = ome_xml.parsed(file.pages.first.description, path)
    name = None if root is None else ome_xml.elsewhere(root)
    if name is not None:
        return f"{OWN} its OME-XML is in {name}, which is not there: axes and sizes are not known"
    words = "is no XML" if root is None else "names none of its pages"
    return f"{OWN} its OME-XML {words}: axes and sizes are not known"


def of(path: Path, file: tifffile.TiffFile, said: list[str]) -> Tiff:
    """Go through the pages of an open TIFF.

    Raises
    ------
    ValueError : when what its description says was lost.
    """
    chain = page_chain.of(file)
    lost = (words for words in said if "invalid value offset" in words)
    if any(tag in words for words in lost for tag in _NEEDED):
        raise ValueError(f"{page_chain.CUT}: what says how many planes it has lies beyond its end")
    return Tiff(path, file, chain, said)


def warn(tiff: Tiff, made: partial_series.Held) -> None:
    """Warn of what is to say about an image that was read, once its pixels have been read."""
    for words in [*made.said, *alarming(tiff.alarms)]:
        warnings.warn(f"{tiff.path}: {words}", DataWarning, stacklevel=5)


def alarming(said: list[str]) -> list[str]:
    """Return what tifffile said that is of any interest, without repetition."""
    some = [
        words.removeprefix(OWN).strip() if words.startswith(OWN) else f"tifffile says: {words}"
        for words in said
        if not any(known in words for known in _NO_ALARMS)
    ]
    return list(dict.fromkeys(" ".join(words.split()) for words in some))


def names(path: Path) -> list[str]:
    """Return the names of the scenes of a TIFF, "" where it states none.

    Raises
    ------
    UserError : when it is no TIFF that can be read.
    """
    with opened(path) as tiff:
        return [found.name for found in tiff.scenes()]


def nbytes(path: Path) -> int:
    """Return how many bytes the pixels of the first scene of a TIFF take.

    Raises
    ------
    UserError : when it is no TIFF that can be read.
    """
    with opened(path) as tiff:
        found = tiff.scenes()[0].held().series
        return max(found.nbytes, found.size)


def may_be_coloured(path: Path) -> bool:
    """Return True if the header allows that the first scene of a TIFF has three channels."""
    with opened(path) as tiff:
        first = tiff.scenes()[0].held().series
        axes = zip(first.axes, first.shape, strict=True)
        return any(size in (3, 4) for name, size in axes if name in "CS")


def unnamed_planes(path: Path, scene: int) -> int:
    """Return the length of an axis that a scene of a TIFF does not name; 0 where it names all."""
    try:
        with opened(path) as tiff:
            chosen = tiff.scenes()[scene - 1].held().series
            axes = zip(chosen.axes, chosen.shape, strict=True)
            return max((size for name, size in axes if name not in "TCZYXS"), default=0)
    except UserError:
        return 0  # reading the file reports what is wrong with it


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Collect what tifffile says; of numbers that make no sense NumPy says nothing."""
    with alarms.collected("tifffile") as said, np.errstate(all="ignore"):
        yield said


@contextmanager
def opened(path: Path) -> Iterator[Tiff]:
    """Open a TIFF whose XML is safe; whatever is wrong with it is a UserError."""
    tiff: Tiff | None = None
    refuse_special(path)
    try:
        with quiet() as said, _file(path) as file:
            tiff = of(path, file, said)
            yield tiff
    except UserError:
        raise
    except BROKEN as error:
        words = " ".join(str(error).split()) or type(error).__name__
        if tiff is not None and tiff.chain.broken and page_chain.CUT not in words:
            words = f"{page_chain.CUT}: {tiff.chain.broken}"
        raise UserError(
            f"is not a readable TIFF image ({words})",
            path=path,
            remedy="Copy it again from where it was made."
            if page_chain.CUT in words
            else "Open it in ImageJ and save it again as TIFF.",
        ) from error


@contextmanager
def _file(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a file, with the XML of the file that its own XML names."""
    with tifffile.TiffFile(path) as file:
        calibration.refuse_entities(path, file)
        imagej_description.tidy(file)
        text = ome_series.text_elsewhere(path, file)
        if text is None:
            yield file
            return
    with tifffile.TiffFile(path, omexml=text) as file:
        yield file

"""Series of a TIFF made of the pages that it holds, with notes about the pages that it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import tifffile

from imagej_dl.images.checks.missing_planes import compare_planes
from imagej_dl.images.tiff import page_chain

# The largest ratio of unpacked to packed size: none, LZW, PackBits, both kinds of Deflate.
# (Uncompressed, one byte may hold eight pixels, and nine of ten planes may be missing.)
_UNPACKED = {1: 80, 5: 4096, 8: 1100, 32773: 80, 32946: 1100}
_UNPACKED_ANY = 20_000
_SMALL = 2**26

Page = tifffile.TiffPage | tifffile.TiffFrame


@dataclass(frozen=True)
class PartialSeries:
    """A series that can be read, all planes of which are whole or known to be missing.

    Attributes
    ----------
    series : to be read; planes that are missing are None in it.
    notes : messages about planes that the file lacks, or has too many of.
    """

    series: tifffile.TiffPageSeries
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TiffScene:
    """A scene of a TIFF: its name, and a function that collects its pages."""

    name: str
    load: Callable[[], PartialSeries]


def stacked(
    present: Mapping[int, Page],
    axes: str,
    declared: Sequence[int],
    by: str,
    parent: tifffile.TiffFile,
    **options: object,
) -> PartialSeries:
    """Make a series of single pages.

    Parameters
    ----------
    present : the complete pages of the file by their places among the declared planes.
    axes, declared : of the planes; see
        :func:`imagej_dl.images.checks.missing_planes.compare_planes`.
    by : what declares them.
    parent : the file that is open.
    **options : further ones of tifffile's series, such as `name` and `kind`.
    """
    planes = compare_planes(axes, declared, present.keys(), by)
    pages = [
        None if (old := planes.places.get(i)) is None else present[old]
        for i in range(planes.number)
    ]
    first = next(page for page in pages if page is not None).keyframe
    assert first is not None
    series = tifffile.TiffPageSeries(
        pages,
        (*planes.shape, *first.shape),
        first.dtype,
        axes + first.axes,
        parent=parent,
        multifile=any(page.parent is not parent for page in pages if page is not None),
        **options,  # type: ignore[arg-type]
    )
    return _plausible(PartialSeries(series, list(planes.notes)))


def contiguous(
    page: tifffile.TiffPage, axes: str, declared: Sequence[int], present: int, by: str, kind: str
) -> PartialSeries:
    """Make a series of `present` planes that lie one behind the other after the only page."""
    planes = compare_planes(axes, declared, range(present), by)
    if planes.number != len(planes.places):
        # A frame that is not whole is no hole: planes lie in order.
        raise ValueError(f"{by} declares {math.prod(declared)} planes, and the file has {present}")
    series = tifffile.TiffPageSeries(
        [page],
        (*planes.shape, *page.shape),
        page.dtype,
        axes + page.axes,
        parent=page.parent,
        kind=kind,
        truncated=True,
    )
    return _plausible(PartialSeries(series, list(planes.notes)))


def checked(series: tifffile.TiffPageSeries, chain: page_chain.Chain, by: str) -> PartialSeries:
    """Compare a series that tifffile has made with what the file holds.

    Raises
    ------
    ValueError : when the file holds none of its planes whole.
    """
    key = series.keyframe
    axes, shape = series.get_axes(False), series.get_shape(False)
    inner = next(
        i for i in range(len(shape), -1, -1) if math.prod(shape[i:]) == math.prod(key.shape)
    )
    number = math.prod(shape[:inner])
    if not math.prod(shape):
        raise ValueError(f"{by} declares no pixels")
    if number == 1 and page_chain.is_complete(key):
        return _plausible(PartialSeries(series))
    single = not series.is_multifile
    if single and series.dataoffset and page_chain.contiguous_planes(key, number, chain) == number:
        return _plausible(PartialSeries(series))
    if len(series) == 1 and number > 1:
        in_row = page_chain.contiguous_planes(key, number, chain)
        held = max(in_row, int(page_chain.is_complete(key)))
        if held == number:
            return _plausible(PartialSeries(series))
        complete: dict[int, Page] = dict.fromkeys(range(held), key)
    else:
        complete = {
            i: page
            for i, page in _pages(series)
            if page is not None and page_chain.is_complete(page)
        }
    if len(complete) == number == len(series):
        return _plausible(PartialSeries(series))
    if not complete:
        raise ValueError(describe_missing(key))
    planes = compare_planes(axes[:inner], shape[:inner], complete.keys(), by)
    if len(series) == 1:
        pages: list[Page | None] = [key]
    else:
        pages = [complete.get(planes.places.get(i, -1)) for i in range(planes.number)]
    result = tifffile.TiffPageSeries(
        pages,
        (*planes.shape, *shape[inner:]),
        series.dtype,
        axes,
        parent=series.parent,
        name=series.name,
        kind=series.kind,
        truncated=len(series) == 1,
        multifile=series.is_multifile,
        squeeze=series.shape != series.get_shape(False),
        transform=series.transform,
    )
    return _plausible(PartialSeries(result, list(planes.notes)))


def _pages(series: tifffile.TiffPageSeries) -> Iterator[tuple[int, Page | None]]:
    # A description with axes is believed by tifffile: its series may go on where no page is.
    with suppress(IndexError):
        yield from enumerate(series)


def _plausible(result: PartialSeries) -> PartialSeries:
    """Refuse a series far larger than the file could unpack to; note empty parts.

    Raises
    ------
    ValueError : when the declared size is implausible.
    """
    series = result.series
    if empty := sum(page_chain.empty_parts(page) for page in _own_pages(series)):
        parts = "1 part of its planes is" if empty == 1 else f"{empty} parts of its planes are"
        result.notes.append(f"{parts} empty in the file, and left black")
    pages = series if series.is_multifile else [series.keyframe]
    files = {page.parent.filehandle.path: page.parent for page in pages if page is not None}
    held = sum(file.filehandle.size for file in files.values())
    ratio = _UNPACKED.get(series.keyframe.compression, _UNPACKED_ANY)
    if series.nbytes > max(_SMALL, held * ratio):
        raise ValueError(
            f"its header declares {series.nbytes / 2**20:.0f} MiB of pixels, and the file has "
            f"{held} bytes"
        )
    return result


def _own_pages(series: tifffile.TiffPageSeries) -> list[Page]:
    """Return the pages of a series that have tags of their own."""
    if series.dataoffset is not None and not series.is_multifile:
        return [series.keyframe]
    return [page for page in series if page is not None]


def describe_missing(page: tifffile.TiffPage) -> str:
    """Describe what is missing of a page that the file does not hold completely."""
    size = page.parent.filehandle.size
    parts = math.prod(page.chunked)
    if len(page.dataoffsets) < parts and not page.is_contiguous:
        return f"{parts - len(page.dataoffsets)} of {parts} parts of its pixels are missing"
    places = zip(page.dataoffsets, page.databytecounts, strict=False)
    end = max((place + count for place, count in places), default=0)
    if len(page.dataoffsets) == 1:
        end = max(end, page.dataoffsets[0] + (page.nbytes if page.is_contiguous else 0))
    if end <= size:
        return "parts of its pixels are missing"
    return f"{page_chain.TRUNCATED}: its pixels would end at byte {end}, and the file has {size}"


def read(series: tifffile.TiffPageSeries) -> np.ndarray:
    """Load the pixels of a series in native byte order; planes that are missing are 0."""
    _refuse_parts(series.keyframe)
    if not series.is_multifile:
        array = series.asarray()
        if array.shape != series.shape or not array.size:
            raise ValueError(f"of {series.shape} pixels it has {array.shape}")
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    # Page by page, since the pages lie in several files.
    array = np.zeros((len(series), *series.keyframe.shape), series.dtype.newbyteorder("="))
    for place, page in zip(array, series, strict=True):
        if page is None:
            continue
        handle = page.parent.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            place[...] = page.asarray()
        finally:
            if closed:
                handle.close()
    return array.reshape(series.shape)


def _refuse_parts(page: tifffile.TiffPage | tifffile.TiffFrame) -> None:
    """Raise ValueError for tiles or strips far larger than their image: each would be unpacked."""
    size = math.prod(page.chunks) * (1 if page.dtype is None else page.dtype.itemsize)
    if size > max(_SMALL, 4 * page.nbytes):
        shape = " × ".join(map(str, page.chunks))
        raise ValueError(f"its parts declare {shape} pixels, and the image has fewer")

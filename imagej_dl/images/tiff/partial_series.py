"""Series of a TIFF made of the pages that it holds, with what is to say about those it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import tifffile

from imagej_dl.images.checks.missing_planes import kept
from imagej_dl.images.tiff import page_chain

# How many times its size what is packed may have: as it is, LZW, PackBits, both kinds of Deflate.
# (Of what is not packed one byte may hold eight pixels, and nine of ten planes may lack.)
_UNPACKED = {1: 80, 5: 4096, 8: 1100, 32773: 80, 32946: 1100}
_UNPACKED_ANY = 20_000
_SMALL = 2**26

Page = tifffile.TiffPage | tifffile.TiffFrame


@dataclass(frozen=True)
class Held:
    """A series that can be read, all planes of which are whole or known to be missing.

    Attributes
    ----------
    series : what is read; planes that are missing are None in it.
    said : what is to say about the file's planes.
    """

    series: tifffile.TiffPageSeries
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """A scene of a file: its name, and how its pixels are found."""

    name: str
    held: Callable[[], Held]


def stacked(
    there: Mapping[int, Page],
    axes: str,
    declared: Sequence[int],
    by: str,
    parent: tifffile.TiffFile,
    **options: object,
) -> Held:
    """Make a series of single pages.

    Parameters
    ----------
    there : each page that the file has whole, by its place among the declared planes.
    axes, declared : of the planes, see :func:`imagej_dl.images.checks.missing_planes.kept`.
    by : what declares them.
    parent : the file that is open.
    **options : further ones of tifffile's series, such as `name` and `kind`.
    """
    found = kept(axes, declared, there.keys(), by)
    # Of a page that others are compared with the keyframe is its own.
    pages = [
        None if (old := found.places.get(i)) is None else there[old] for i in range(found.number)
    ]
    first = next(page for page in pages if page is not None).keyframe
    assert first is not None
    series = tifffile.TiffPageSeries(
        pages,
        (*found.shape, *first.shape),
        first.dtype,
        axes + first.axes,
        parent=parent,
        multifile=any(page.parent is not parent for page in pages if page is not None),
        **options,  # type: ignore[arg-type]
    )
    return _plausible(Held(series, list(found.said)))


def in_a_row(
    page: tifffile.TiffPage, axes: str, declared: Sequence[int], there: int, by: str, kind: str
) -> Held:
    """Make a series of planes whose pixels lie behind those of the only page, `there` of them."""
    found = kept(axes, declared, range(there), by)
    if found.number != len(found.places):
        # A frame that is not whole is no hole: planes lie in order.
        raise ValueError(f"{by} declares {math.prod(declared)} planes, and the file has {there}")
    series = tifffile.TiffPageSeries(
        [page],
        (*found.shape, *page.shape),
        page.dtype,
        axes + page.axes,
        parent=page.parent,
        kind=kind,
        truncated=True,
    )
    return _plausible(Held(series, list(found.said)))


def checked(series: tifffile.TiffPageSeries, chain: page_chain.Chain, by: str) -> Held:
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
    if number == 1 and page_chain.whole(key):
        return _plausible(Held(series))
    single = not series.is_multifile
    if single and series.dataoffset and page_chain.in_a_row(key, number, chain) == number:
        return _plausible(Held(series))
    if len(series) == 1 and number > 1:
        there = max(page_chain.in_a_row(key, number, chain), int(page_chain.whole(key)))
        if there == number:
            return _plausible(Held(series))
        whole: dict[int, Page] = dict.fromkeys(range(there), key)
    else:
        whole = {
            i: page for i, page in _pages(series) if page is not None and page_chain.whole(page)
        }
    if len(whole) == number == len(series):
        return _plausible(Held(series))
    if not whole:
        raise ValueError(lacks(key))
    found = kept(axes[:inner], shape[:inner], whole.keys(), by)
    if len(series) == 1:
        pages: list[Page | None] = [key]
    else:
        pages = [whole.get(found.places.get(i, -1)) for i in range(found.number)]
    made = tifffile.TiffPageSeries(
        pages,
        (*found.shape, *shape[inner:]),
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
    return _plausible(Held(made, list(found.said)))


def _pages(series: tifffile.TiffPageSeries) -> Iterator[tuple[int, Page | None]]:
    # A description with axes is believed by tifffile: its series may go on where no page is.
    with suppress(IndexError):
        yield from enumerate(series)


def _plausible(made: Held) -> Held:
    """Refuse a series that is far larger than what the file has of it could unpack to.

    Raises
    ------
    ValueError : a header of some bytes may declare any size.
    """
    series = made.series
    if empty := sum(page_chain.empty(page) for page in _own_pages(series)):
        parts = "1 part of its planes is" if empty == 1 else f"{empty} parts of its planes are"
        made.said.append(f"{parts} empty in the file, and left black")
    pages = series if series.is_multifile else [series.keyframe]
    files = {page.parent.filehandle.path: page.parent for page in pages if page is not None}
    held = sum(file.filehandle.size for file in files.values())
    ratio = _UNPACKED.get(series.keyframe.compression, _UNPACKED_ANY)
    if series.nbytes > max(_SMALL, held * ratio):
        raise ValueError(
            f"its header declares {series.nbytes / 2**20:.0f} MiB of pixels, and the file has "
            f"{held} bytes"
        )
    return made


def _own_pages(series: tifffile.TiffPageSeries) -> list[Page]:
    """Return the pages of a series that are not only planes behind another."""
    if series.dataoffset is not None and not series.is_multifile:
        return [series.keyframe]
    return [page for page in series if page is not None]


def lacks(page: tifffile.TiffPage) -> str:
    """Say what a page lacks of which the file has not all."""
    size = page.parent.filehandle.size
    parts = math.prod(page.chunked)
    if len(page.dataoffsets) < parts and not page.is_contiguous:
        return f"it lacks {parts - len(page.dataoffsets)} of {parts} parts of its pixels"
    places = zip(page.dataoffsets, page.databytecounts, strict=False)
    end = max((place + count for place, count in places), default=0)
    if len(page.dataoffsets) == 1:
        end = max(end, page.dataoffsets[0] + (page.nbytes if page.is_contiguous else 0))
    if end <= size:
        return "it lacks parts of its pixels"
    return f"{page_chain.CUT}: its pixels would end at byte {end}, and the file has {size}"


def read(series: tifffile.TiffPageSeries) -> np.ndarray:
    """Load the pixels of a series in native byte order; planes that are missing are 0."""
    _refuse_parts(series.keyframe)
    if not series.is_multifile:
        array = series.asarray()
        if array.shape != series.shape or not array.size:
            raise ValueError(f"of {series.shape} pixels it has {array.shape}")
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    # Page by page: where pages of several files lie in theirs says nothing of the whole.
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
        raise ValueError(f"its parts are said to have {shape} pixels, the image has fewer")

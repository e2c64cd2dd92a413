"""The pages of a TIFF as its header links them, followed before anything in them is trusted."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import tifffile

TRUNCATED = "it is truncated or damaged"
"""The message about a file that ends too early."""

_MOST_TAGS = 4096
# Width, height, bits of a sample, compression, samples of a pixel: pages of one stack share them.
_ALIKE = frozenset((256, 257, 258, 259, 277))
_SUBFILE, _REDUCED_OR_MASK = 254, 0b101
# What is behind the pixels of smaller pages may be tags.
_NO_TAGS = 128
_WHOLE_BYTES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Chain:
    """The places of the pages of a file.

    Attributes
    ----------
    offsets : byte at which each page begins.
    kinds : the tags that must be alike for all pages of a stack, as the bytes in the file.
    extras : places in `offsets` of previews and masks.
    broken : why the next page cannot be read; "" where the chain ends as it should.
    ahead : byte at which the unreadable page should begin; 0 where the chain ends or loops.
    """

    offsets: list[int]
    kinds: list[bytes]
    extras: frozenset[int]
    broken: str = ""
    ahead: int = 0

    def number(self) -> int:
        """Return how many pages there are, without previews and masks."""
        return len(self.offsets) - len(self.extras)


def read(file: tifffile.TiffFile) -> Chain:
    """Follow the chain of pages of an open TIFF; a chain that loops is broken."""
    fh, tiff = file.filehandle, file.tiff
    offsets: list[int] = []
    kinds: list[bytes] = []
    extras: set[int] = set()
    places: dict[int, int] = {}
    try:
        offset, size = file.pages.first.offset, fh.size
    except LookupError as error:
        raise ValueError(f"{TRUNCATED}: it has no page") from error

    def ended(broken: str = "", ahead: int = 0) -> Chain:
        return Chain(offsets, kinds, frozenset(extras), broken, ahead)

    while offset:
        number = len(offsets) + 1
        if offset in places:
            return ended(f"page {number} would be page {places[offset]} again")
        if offset >= size:
            words = f"page {number} would begin at byte {offset}, and the file has {size}"
            return ended(words, offset)
        fh.seek(offset)
        head = fh.read(tiff.tagnosize)
        count = struct.unpack(tiff.tagnoformat, head)[0] if len(head) == tiff.tagnosize else 0
        if count > _MOST_TAGS:
            return ended(f"page {number} would have {count} tags")
        table = fh.read(count * tiff.tagsize + tiff.offsetsize)
        if not count or len(table) < count * tiff.tagsize + tiff.offsetsize:
            return ended(f"page {number}, at byte {offset}, is truncated", offset)
        places[offset] = number
        kind = []
        for at in range(0, count * tiff.tagsize, tiff.tagsize):
            code = struct.unpack_from(tiff.tagformat1[:2], table, at)[0]
            if code in _ALIKE:
                kind.append(_entry(table[at : at + tiff.tagsize], tiff))
            elif code == _SUBFILE:
                value = table[at + tiff.tagsize - tiff.offsetsize :][:4]
                if struct.unpack(tiff.tagformat1[0] + "I", value)[0] & _REDUCED_OR_MASK and offsets:
                    extras.add(len(offsets))
        offsets.append(offset)
        kinds.append(b"".join(kind))
        offset = int(struct.unpack(tiff.offsetformat, table[-tiff.offsetsize :])[0])
    return ended()


def _entry(entry: bytes, tiff: tifffile.tifffile.TiffFormat) -> bytes:
    """Return the bytes of a tag, without the offset of a value that is stored elsewhere."""
    count = int.from_bytes(
        entry[4 : 4 + tiff.offsetsize], "little" if tiff.tagformat1[0] == "<" else "big"
    )
    return entry if count <= 2 else entry[: -tiff.offsetsize]


def page_at(
    file: tifffile.TiffFile, chain: Chain, index: int, key: tifffile.TiffPage | None
) -> tifffile.TiffPage | tifffile.TiffFrame:
    """Read the tags of a page; `key` is a page of the same kind that has been read already.

    Raises
    ------
    ValueError : when it is of another size or kind than `key`.
    """
    file.filehandle.seek(chain.offsets[index])
    if key is None:
        return tifffile.TiffPage(file, index)
    if key.index < len(chain.kinds) and chain.kinds[index] == chain.kinds[key.index]:
        frame = tifffile.TiffFrame(file, index, keyframe=key)
        if not key.is_contiguous or len(frame.dataoffsets) == 1:
            return frame
        file.filehandle.seek(chain.offsets[index])
    page = tifffile.TiffPage(file, index)
    if page.shape != key.shape or page.dtype != key.dtype:
        raise ValueError(
            f"page {index + 1} has {_kind_of(page)}, and page {key.index + 1} of the same image "
            f"{_kind_of(key)}"
        )
    return page


def _kind_of(page: tifffile.TiffPage) -> str:
    return f"{' × '.join(map(str, page.shape))} pixels of type {page.dtype}"


def is_complete(page: tifffile.TiffPage | tifffile.TiffFrame) -> bool:
    """Return True if the file holds all pixels that a page declares.

    Parts that the page itself declares as empty do not count, see :func:`empty_parts`.
    """
    key, size = page.keyframe, page.parent.filehandle.size
    assert key is not None
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if key.is_contiguous and len(page.dataoffsets) == 1:
        # One part of many rows; its size is often said wrongly.
        first = page.dataoffsets[0]
        return first > 0 and first + key.nbytes <= size
    if not places or len(places) < math.prod(key.chunked):
        return False
    if key.compression == 1 and not key.is_tiled and key.bitspersample in _WHOLE_BYTES:
        if sum(count for _, count in places) < key.nbytes:
            return False
        # What the last part has beyond the image is of no use.
        beyond = sum(count for _, count in places) - key.nbytes
        places[-1] = (places[-1][0], max(places[-1][1] - beyond, 1))
    held = [(place, count) for place, count in places if place > 0 and count > 0]
    return bool(held) and all(place + count <= size for place, count in held)


def empty_parts(page: tifffile.TiffPage | tifffile.TiffFrame) -> int:
    """Return how many parts of a page its writer left out.

    Some programs leave out tiles in which all pixels are 0.
    """
    if 0 not in page.databytecounts and 0 not in page.dataoffsets:
        return 0
    places = zip(page.dataoffsets, page.databytecounts, strict=False)
    return sum(place <= 0 or count <= 0 for place, count in places)


def contiguous_planes(page: tifffile.TiffPage, planes: int, chain: Chain) -> int:
    """Return how many of `planes` lie one behind the other after the only page of a file.

    ImageJ, MetaMorph and others write stacks so. 0 where the planes do not lie so.
    """
    if not page.is_final or len(page.dataoffsets) < 1 or page.dataoffsets[0] <= 0:
        return 0
    first, end = page.dataoffsets[0], page.dataoffsets[0] + planes * page.nbytes
    following = [*chain.offsets[1:2], chain.ahead] if chain.ahead else chain.offsets[1:2]
    if any(first < offset < end for offset in following):
        return 0
    return min(planes, max(page.parent.filehandle.size - first, 0) // max(page.nbytes, 1))


def surplus_planes(page: tifffile.TiffPage, chain: Chain, total: int) -> int:
    """Return how many further planes lie between the declared ones and the end of the file."""
    if not page.is_final or len(chain.offsets) > 1 or chain.broken or page.nbytes < _NO_TAGS:
        return 0
    if page.offset > page.dataoffsets[0]:
        return 0  # the page's tags are behind its pixels
    rest = page.parent.filehandle.size - page.dataoffsets[0] - total * page.nbytes
    return rest // page.nbytes if rest > 0 and rest % page.nbytes == 0 else 0

"""Lossy compression of files, which changes the ids of a label map."""

from __future__ import annotations

import re
from pathlib import Path

import tifffile

from imagej_dl.errors import UserError
from imagej_dl.images.tiff.series import BROKEN, quiet

_HEAD = 2**16  # bytes of a file that are searched for the compression method
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JPEGS = {6, 7, 33007, 34892}
_JPEG_2000 = {33003, 33004, 33005, 34712}
_WEBP = 50001
# The frame of a JPEG that is lossless: SOF3, SOF7, SOF11 or SOF15.
_FRAME = re.compile(rb"\xff([\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf])")
_LOSSLESS = b"\xc3\xc7\xcb\xcf"
_REMEDY = (
    "Save the label map as TIFF or PNG where it was made: converting this file does not bring "
    "its ids back."
)


def refuse(path: Path) -> None:
    """Raise UserError for a file with lossy compression, whatever its name is.

    Known are JPEG, JPEG 2000, WebP, AVIF and HEIC, and TIFFs compressed by the first three.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return  # reported when it is read
    method = _of_tiff(path) if head[:4] in _TIFF else _of_picture(head)
    if method:
        raise UserError(
            f"is not a label map: its {method} compression is lossy and has changed the ids",
            path=path,
            remedy=_REMEDY,
        )


def _of_picture(head: bytes) -> str | None:
    if head[:2] == b"\xff\xd8":
        return None if _lossless_jpeg(head) else "JPEG"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"mif1"):
        return "AVIF" if head[8:11] == b"avi" else "HEIC"
    if head[4:8] == b"jP  " or head[:4] == b"\xff\x4f\xff\x51":
        return "JPEG 2000" if _irreversible(head) else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP" if _lossy_webp(head) else None
    return None


def _of_tiff(path: Path) -> str | None:
    try:
        with quiet(), tifffile.TiffFile(path) as file:
            for series in file.series:
                page = series.keyframe
                if method := _of_page(file, page):
                    return method
    except BROKEN:
        pass  # reported when it is read
    return None


def _of_page(file: tifffile.TiffFile, page: tifffile.TiffPage) -> str | None:
    kind = int(page.compression)
    if kind not in _JPEGS and kind not in _JPEG_2000 and kind != _WEBP:
        return None
    if not page.dataoffsets:
        return None
    handle = file.filehandle
    handle.seek(page.dataoffsets[0])
    part = handle.read(min(page.databytecounts[0], _HEAD))
    if kind in _JPEGS:
        return None if _lossless_jpeg(part) else "JPEG"
    if kind == _WEBP:
        return "WebP" if _lossy_webp(part) else None
    return "JPEG 2000" if _irreversible(part) else None


def _lossless_jpeg(data: bytes) -> bool:
    frame = _FRAME.search(data)
    return frame is not None and frame[1] in _LOSSLESS


def _irreversible(data: bytes) -> bool:
    """Return True if a JPEG 2000 code stream has the 9-7 wavelet, which rounds."""
    coding = data.find(b"\xff\x52")
    return not 0 <= coding < len(data) - 13 or data[coding + 13] == 0


def _lossy_webp(data: bytes) -> bool:
    return b"VP8 " in data

"""TIFF files that ImageJ's TiffDecoder opens with the pixels and axes that they have."""

from __future__ import annotations

from pathlib import Path

import tifffile

from imagej_dl.images.tiff import series

# Compression: none, LZW, PackBits, both kinds of Deflate.
_COMPRESSION = (1, 5, 8, 32773, 32946)
_DTYPES = ("bool", "uint8", "uint16", "int16", "uint32", "int32", "float32")


def opens(path: Path) -> bool:
    """Return True for a TIFF that ImageJ (1.54p) wrote, or one of a single plain page.

    A file that does not hold what it declares is refused: a copy would not hold it either.
    """
    with series.opened(path) as tiff:
        file = tiff.file
        if tiff.chain.broken or tiff.scenes()[0].load().notes:
            return False
        own = file.is_imagej or len(file.pages) == 1
        if not own or file.is_ome or file.is_stk or file.is_lsm or file.is_bigtiff:
            return False
        return _decodes(file.pages.first)


def _decodes(page: tifffile.TiffPage) -> bool:
    """Return True if ImageJ reads the numbers that are in a page."""
    bits, samples = page.bitspersample, page.samplesperpixel
    return (
        not page.is_tiled
        and page.compression in _COMPRESSION
        and page.predictor in (1, 2)
        and page.dtype is not None
        and page.dtype.name in _DTYPES
        and (bits in (1, 8, 16, 32) if samples == 1 else samples in (3, 4) and bits in (8, 16))
    )

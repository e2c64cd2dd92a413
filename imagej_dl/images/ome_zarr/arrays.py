"""The arrays of a Zarr folder as their metadata declare them, before zarr-python opens any.

Only codecs that hold numbers are opened: numcodecs has one that unpickles.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.images.ome_zarr.documents import ZarrFormat, json_object, refuse_format

_CODECS = {
    "blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma", "shuffle", "bitround", "delta",
    "fixedscaleoffset", "quantize", "packbits", "astype", "crc32", "crc32c", "adler32",
    "fletcher32", "bytes", "transpose", "sharding_indexed", "jenkins_lookup3", "endian",
}  # fmt: skip
_NUMBER = re.compile(r"[<>|=]?([iu][1248]|f[248]|b1)")
_LARGEST_CHUNK = 2**31
"""Bytes: more no compressor takes at once, and would come of a small file."""
_SHORT = 200


@dataclass(frozen=True)
class ArrayFacts:
    """The declaration of an array in its metadata.

    Attributes
    ----------
    files : the lengths of the block that one file holds: a chunk, or a shard of several.
    fill : the value of pixels that no file holds; None where it is left undefined (Zarr 2).
    separator, prefix : of the names of its files, such as "/" and "c/".
    """

    folder: Path
    zarr_format: ZarrFormat
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    files: tuple[int, ...]
    fill: Any
    separator: str
    prefix: str

    @property
    def grid(self) -> tuple[int, ...]:
        """Numbers of files along each axis, if all are there."""
        return tuple(-(-n // size) for n, size in zip(self.shape, self.files, strict=True))

    def file(self, place: tuple[int, ...]) -> Path:
        """Return the file of a block by its place in the grid."""
        name = self.separator.join(map(str, place)) or "0"
        return self.folder / f"{self.prefix}{name}"


def declared(path: Path) -> ArrayFacts:
    """Return what an array's metadata declare.

    Raises
    ------
    UserError : when there is no array, or one of pixels or codecs that are not read.
    """
    if (path / "zarr.json").is_file():
        content, file, number = json_object(path, "zarr.json"), path / "zarr.json", 3
    elif (path / ".zarray").is_file():
        content, file, number = json_object(path, ".zarray"), path / ".zarray", 2
    else:
        raise UserError(
            "there is no array, which the metadata of the image name",
            path=path,
            remedy="The folder is incomplete: copy it again.",
        )
    refuse_format(path, content, number)
    refuse_special(path / ".zattrs")  # zarr-python reads it, too
    try:
        facts = _version_2(path, content) if number == 2 else _version_3(path, content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(
            f"its metadata cannot be read ({type(error).__name__}: {error})"[:_SHORT],
            path=file,
            remedy="The file is damaged, or not of Zarr 2 or 3: make the folder again.",
        ) from error
    sizes = (*facts.shape, *facts.chunks, *facts.files)
    if len({len(facts.shape), len(facts.chunks), len(facts.files)}) > 1 or not all(
        0 < n < 2**48 for n in sizes
    ):
        raise UserError(
            f"declares the shape {facts.shape} in chunks of {facts.chunks}, which is no image",
            path=file,
            remedy="Make the folder again.",
        )
    if math.prod(facts.chunks) * facts.dtype.itemsize > _LARGEST_CHUNK:
        raise UserError(
            f"has chunks of {facts.chunks} {facts.dtype} pixels, more than 2 GB each",
            path=file,
            remedy="Store it again in smaller chunks, such as 1024 × 1024 pixels.",
        )
    return facts


def _version_2(path: Path, content: dict[str, Any]) -> ArrayFacts:
    codecs = [content.get("compressor"), *(content.get("filters") or [])]
    _refuse_codecs(path, [str(one["id"]) for one in codecs if one is not None])
    dtype = _dtype(path, content["dtype"])
    chunks = _sizes(content["chunks"])
    separator = str(content.get("dimension_separator", "."))
    if separator not in "./":
        raise ValueError(f"dimension_separator {separator!r}")
    fill = _fill(content.get("fill_value"), dtype)
    return ArrayFacts(path, 2, _sizes(content["shape"]), dtype, chunks, chunks, fill, separator, "")


def _version_3(path: Path, content: dict[str, Any]) -> ArrayFacts:
    if content.get("node_type") != "array":
        raise ValueError("it is a group where an array is named")
    dtype = _dtype(path, content["data_type"])
    grid = content["chunk_grid"]
    if grid["name"] != "regular":
        raise ValueError(f"chunk_grid {grid['name']}")
    files = chunks = _sizes(grid["configuration"]["chunk_shape"])
    codecs = list(content["codecs"])
    names: list[str] = []
    while codecs:
        one = codecs.pop()
        names.append(str(one["name"] if isinstance(one, dict) else one))
        if names[-1] == "sharding_indexed":
            inner = one["configuration"]
            chunks = _sizes(inner["chunk_shape"])
            codecs += [*inner["codecs"], *inner.get("index_codecs", ())]
    _refuse_codecs(path, names)
    keys = content["chunk_key_encoding"]
    default = keys["name"] == "default"
    if not default and keys["name"] != "v2":
        raise ValueError(f"chunk_key_encoding {keys['name']}")
    separator = str(keys.get("configuration", {}).get("separator", "/" if default else "."))
    if separator not in "./":
        raise ValueError(f"separator {separator!r}")
    fill = _fill(content["fill_value"], dtype)
    prefix = f"c{separator}" if default else ""
    return ArrayFacts(
        path, 3, _sizes(content["shape"]), dtype, chunks, files, fill, separator, prefix
    )


def _sizes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(n) is int for n in values):
        raise ValueError(f"sizes {values!r}"[:_SHORT])
    return tuple(values)


def _dtype(path: Path, stated: Any) -> np.dtype[Any]:
    word = stated if isinstance(stated, str) else ""
    known = re.fullmatch(r"bool|u?int(8|16|32|64)|float(16|32|64)", word)
    if known is None and _NUMBER.fullmatch(word) is None:
        what = "pixels of several fields" if isinstance(stated, list) else f"{stated} pixels"
        if word in ("|O", "O"):
            what = "Python objects in place of pixels"
        raise UserError(
            f"holds {what}"[:_SHORT],
            path=path,
            remedy="Images have whole numbers of 8 to 64 bits or floats of 16 to 64: convert it "
            "where it was made.",
        )
    return np.dtype(word).newbyteorder("=")


def _fill(stated: Any, dtype: np.dtype[Any]) -> Any:
    """Return the fill value; None where there is none, or where its form is another one."""
    if stated is None:
        return None
    if isinstance(stated, str):
        if dtype.kind != "f":
            raise ValueError(f"fill_value {stated!r}"[:_SHORT])
        if stated.startswith("0x"):
            bits = int(stated, 16).to_bytes(dtype.itemsize, "big")
            return np.frombuffer(bits, dtype.newbyteorder(">"))[0]
        return dtype.type(stated)
    return dtype.type(stated)


def _refuse_codecs(path: Path, names: list[str]) -> None:
    strange = [name for name in names if name.removeprefix("numcodecs.") not in _CODECS]
    if strange:
        raise UserError(
            f"is stored by the codec {strange[0][:_SHORT]}, which is not read",
            path=path,
            remedy="Store it again with Blosc, Zstandard, gzip or without compression.",
        )

"""Archives of NumPy arrays (.npz) from untrusted sources."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from imagej_dl.errors import UserError, one_line
from imagej_dl.filesystem.regular_files import refuse_special

_FREE, _RATIO = 64 * 2**20, 20  # bytes of arrays that a file may hold, and beside it by its size


def read(path: Path, remedy: str | None = None) -> dict[str, np.ndarray]:
    """Read all arrays of an archive, after a comparison of declared and real sizes.

    Parameters
    ----------
    remedy : what the user can do about a damaged file.

    Raises
    ------
    UserError : when it is damaged, holds pickled objects, or would unpack to far more than it is.
    """
    refuse_special(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if e.filename.endswith(".npy")]
            if any(e.compress_type not in (0, zipfile.ZIP_DEFLATED) for e in entries):
                raise ValueError("its compression is not one of NumPy's")
            if any(entry.compress_size > path.stat().st_size for entry in entries):
                raise ValueError("an array is declared to be longer than the file")
            total = sum(entry.file_size for entry in entries)
            if total > _FREE + _RATIO * path.stat().st_size:
                raise ValueError(f"it would unpack to {total / 2**20:.0f} MiB")
            arrays = {}
            for entry in entries:
                with archive.open(entry) as stream:
                    arrays[entry.filename.removesuffix(".npy")] = _array(stream, entry.file_size)
            return arrays
    except Exception as error:  # zipfile, zlib and NumPy raise whatever a damaged file makes
        raise UserError(f"is damaged ({one_line(error)})", path=path, remedy=remedy) from error


def array(data: bytes) -> np.ndarray:
    """Return the array of a .npy file's content.

    Raises
    ------
    ValueError : when it is damaged, or holds pickled objects.
    """
    try:
        return _array(io.BytesIO(data), len(data))
    except Exception as error:  # NumPy raises whatever a damaged header makes
        raise ValueError(one_line(error)) from error


def _array(stream: IO[bytes], size: int) -> np.ndarray:
    version = npy.read_magic(stream)
    header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if header is None:
        raise ValueError(f"arrays of version {version} are not supported")
    shape, columns, dtype = header(stream)
    if dtype.hasobject:
        raise ValueError("it holds objects, which are not unpickled")
    wanted = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or wanted > size:
        raise ValueError(f"an array of shape {shape} is truncated")
    data = stream.read(wanted)
    if len(data) != wanted:
        raise ValueError(f"an array of shape {shape} is truncated")
    stream.read()  # so that the sum of the bytes is checked
    array = np.frombuffer(bytearray(data), dtype)
    return array.reshape(shape, order="F" if columns else "C")

"""HDF5 files of weights: their content is checked before a value is read.

A tiny file may declare datasets of any size, keep their values in other files of this machine, or
link to them: h5py would follow, or ask for all the memory there is.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, BinaryIO

from imagej_dl.errors import UserError, first_line

_FREE = 64 * 2**20  # bytes that a file of any size may unpack to: small files do no harm
_RATIO = 20  # beyond these no weights are packed so well
_MOST = 100_000  # groups and datasets


def allowed(size: int) -> int:
    """Return how many bytes a file of so many bytes may unpack to."""
    return _FREE + _RATIO * size


def check(source: str | Path | BinaryIO, path: Path, size: int | None = None) -> None:
    """Raise UserError if a file of weights is no whole HDF5, or holds more than plain arrays.

    Parameters
    ----------
    source : the file, or what was read of it.
    path : the file for the message.
    size : its bytes on disk, where `source` is not it; what it declares is compared with them.
    """
    import h5py

    if size is None:
        size = os.stat(path).st_size
    try:
        with h5py.File(source, "r") as file:
            _walk(file, path, allowed(size))
    except UserError:
        raise
    except Exception as error:  # h5py raises whatever a damaged file makes of it
        raise UserError(
            f"is not a weights file in HDF5 format, or is damaged ({first_line(error)})",
            path=path,
            remedy="Copy it again.",
        ) from error


def _walk(file: Any, path: Path, free: int) -> None:
    import h5py

    left, groups, seen = free, [file], 0
    known = set()
    while groups:
        group = groups.pop()
        for name in group:
            seen += 1
            if seen > _MOST:
                raise UserError(f"holds more than {_MOST} parts", path=path)
            where = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise UserError(
                    f"has a link in it ({where}), which may lead to another file",
                    path=path,
                    remedy="Save the weights again with Keras.",
                )
            node = group[name]
            place = h5py.h5o.get_info(node.id).addr
            if place in known:
                continue
            known.add(place)
            if isinstance(node, h5py.Group):
                groups.append(node)
            elif isinstance(node, h5py.Dataset):
                left -= _bytes(node, where, path)
                if left < 0:
                    raise UserError(
                        f"declares arrays of more than {free / 2**20:.0f} MiB, which a file of "
                        f"this size cannot hold (as {where}, {_shape(node)})",
                        path=path,
                        remedy="Copy it again, or save the weights again with Keras.",
                    )


def _bytes(node: Any, where: str, path: Path) -> int:
    """Return what reading a dataset takes at most: its values, and one of its chunks."""
    import h5py

    made = node.id.get_create_plist()
    if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
        raise UserError(
            f"keeps its values in other files ({where})",
            path=path,
            remedy="Save the weights again with Keras.",
        )
    item = node.dtype.itemsize
    chunk = math.prod(node.chunks) * item if node.chunks else 0
    return max(math.prod(node.shape or ()) * item, chunk)


def _shape(node: Any) -> str:
    return " × ".join(map(str, node.shape or ()))

"""Truncated PNG and CZI files, recognised before a library reads them.

Libraries allocate the memory that a part declares before they notice that the file ends early.
"""

from __future__ import annotations

import struct
from pathlib import Path

_PNG = b"\x89PNG\r\n\x1a\n"
_CZI_HEAD, _SUBBLOCK = 32, b"ZISRAWSUBBLOCK"


def check_png(path: Path) -> None:
    """Raise ValueError if a chunk of a PNG reaches beyond the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(8) != _PNG:
            return
        at = 8
        while at + 8 <= size:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"IEND":
                return
            if at + 12 + length > size:
                raise ValueError(f"it is truncated or damaged, at byte {at}")
            at += 12 + length
    raise ValueError("it is truncated")


def check_czi(path: Path) -> None:
    """Raise ValueError if a CZI segment exceeds the file, or a block of pixels its segment."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + _CZI_HEAD <= size:
            file.seek(at)
            kind, room, used = struct.unpack("<16sqq", file.read(_CZI_HEAD))
            if room < 0 or used < 0 or at + _CZI_HEAD + max(room, used) > size:
                raise ValueError(f"it is truncated or damaged, at byte {at}")
            if kind.rstrip(b"\0") == _SUBBLOCK:
                sizes = struct.unpack("<iiq", file.read(16).ljust(16, b"\0"))
                if min(sizes) < 0 or sum(sizes) > room:
                    raise ValueError(f"a block of its pixels is damaged, at byte {at}")
            at += _CZI_HEAD + room

"""ZIP files whose bytes depend on what is in them alone: no times, and of no system."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def write(file: Path | IO[bytes], entries: Iterable[tuple[str, bytes]]) -> None:
    """Write names and contents into a new ZIP file, in this order."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # else it tells on which system it was made
            archive.writestr(entry, data)

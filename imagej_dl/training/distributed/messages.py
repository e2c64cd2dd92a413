"""Arrays as bytes, to be sent from one machine to another."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

Content = dict[str, NDArray]
"""What machines tell each other: arrays (numbers and texts, too) by their names."""

_PAGE = 8192
"""Messages have lengths that are multiples of it: TensorFlow prepares each length anew."""


def packed(content: Content) -> bytes:
    """Return the arrays as bytes; none is pickled."""
    file = io.BytesIO()
    np.savez(file, **content)  # type: ignore[arg-type]
    data = file.getvalue()
    # With its length before it, since an archive is read from its end.
    whole = len(data).to_bytes(8, "big") + data
    return whole + bytes(-len(whole) % _PAGE)


def unpacked(whole: bytes) -> Content:
    """Return what :func:`packed` was given."""
    length = int.from_bytes(whole[:8], "big")
    with np.load(io.BytesIO(whole[8 : 8 + length]), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}

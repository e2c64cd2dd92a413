"""Pixels that are NaN, infinite or absurd: their places, and the remedy in ImageJ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imagej_dl.errors import UserError

LEFT_OUT = "if (isNaN(v) || abs(v) > {limit}) v = 0"
"""The code for ImageJ's Process > Math > Macro... that makes such pixels 0."""


def check(
    plane: NDArray,
    path: str | None,
    place: Mapping[str, int],
    begin: tuple[int, int] = (0, 0),
) -> None:
    """Raise UserError for a plane (Y, X) or (Y, X, C) with pixels that are NaN or infinite.

    Parameters
    ----------
    place : of the plane, over T and Z, from 0.
    begin : first pixel of the part in its plane, (y, x).
    """
    if plane.dtype.kind != "f":
        return
    wrong = ~np.isfinite(plane)
    if not wrong.any():
        return
    first = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    at = where((begin[0] + int(first[0]), begin[1] + int(first[1])), place)
    count = int(np.count_nonzero(wrong))
    raise UserError(
        f"holds {count} pixel(s) that are NaN or infinite, the first at {at}",
        path=path,
        remedy=remedy(float(np.abs(plane[~wrong]).max(initial=0))),
    )


def where(at: tuple[int, int], place: Mapping[str, int]) -> str:
    """Return the place of a pixel (y, x) as ImageJ's status bar shows it; T and Z from 1."""
    planes = "".join(f", {axis}={index + 1}" for axis, index in place.items())
    return f"x={at[1]}, y={at[0]}{planes}"


def outlying(plane: NDArray) -> float:
    """Return the largest pixel of a plane that is not far beyond all others."""
    values = np.abs(plane[np.isfinite(plane)])
    return float(np.percentile(values, 99.8)) if values.size else 0.0


def remedy(largest: float) -> str:
    """Return the remedy in ImageJ; `largest` is the largest valid pixel."""
    limit = 10.0 ** np.ceil(np.log10(max(largest, 1.0)) + 1e-9)
    code = LEFT_OUT.format(limit=f"{limit:.0e}".replace("e+0", "e").replace("e+", "e"))
    return f"In ImageJ, Process > Math > Macro... with the code {code} makes them 0; save it then."

"""Frame intervals from the times at which frames were taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imagej_dl.errors import warn

_UNEVEN = 0.1


def of_times(path: Path, times: Mapping[int, float]) -> float:
    """Return the median frame interval in seconds, 0 where the times do not give one.

    Parameters
    ----------
    path : of the file, named in warnings.
    times : seconds by frame number; some frames may be missing.

    Warns
    -----
    DataWarning : when intervals differ from the median by more than a tenth, and when times go
        back.
    """
    frames = sorted(times)
    if len(frames) < 2:
        return 0.0
    steps = np.diff([times[frame] for frame in frames]) / np.diff(frames)
    if not np.isfinite(steps).all() or not steps.any():
        return 0.0
    middle = float(np.median(steps))
    low, high = float(steps.min()), float(steps.max())
    if middle <= 0:
        words = f"the times of its frames do not rise ({low:g} to {high:g} s): left out"
        warn(words, path=path.name)
        return 0.0
    if max(high - middle, middle - low) > _UNEVEN * middle:
        words = f"its frames are {low:g} to {high:g} s apart; the median, {middle:g} s, is taken"
        warn(words, path=path.name)
    return middle


def compared(path: Path, stated: float, times: Mapping[int, float]) -> float:
    """Return the frame interval that a file states, or else that of its times; in seconds.

    Warns
    -----
    DataWarning : as :func:`of_times`, and when the two are more than a tenth apart.
    """
    measured = of_times(path, times)
    if not stated:
        return measured
    if measured and abs(measured - stated) > _UNEVEN * stated:
        words = f"states {stated:g} s from frame to frame, but their times are {measured:g} s apart"
        warn(f"{words}; the former is used", path=path.name)
    return stated

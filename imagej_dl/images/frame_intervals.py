"""The time between frames, of the times at which they were taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imagej_dl.errors import warn

_UNEVEN = 0.1


def of_times(path: Path, times: Mapping[int, float]) -> float:
    """Return the seconds from a frame to the next, 0 where they do not tell.

    Parameters
    ----------
    path : of the file, for what is said about it.
    times : seconds of frames by their number; some may lack.

    Warns
    -----
    DataWarning : when frames follow each other at unlike intervals (more than a tenth of the
        median off), and when the times go back.
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
        _warn(path, f"the times of its frames do not rise ({low:g} to {high:g} s): left out")
        return 0.0
    if max(high - middle, middle - low) > _UNEVEN * middle:
        words = f"its frames are {low:g} to {high:g} s apart; the median, {middle:g} s, is taken"
        _warn(path, words)
    return middle


def compared(path: Path, stated: float, times: Mapping[int, float]) -> float:
    """Return the interval that a file states, else that of its frames' times; in seconds.

    Warns
    -----
    DataWarning : as :func:`of_times`, and when the two are more than a tenth apart.
    """
    measured = of_times(path, times)
    if not stated:
        return measured
    if measured and abs(measured - stated) > _UNEVEN * stated:
        words = f"states {stated:g} s from frame to frame, but their times are {measured:g} s apart"
        _warn(path, f"{words}; the former is taken")
    return stated


def _warn(path: Path, words: str) -> None:
    warn(words, path=path.name)

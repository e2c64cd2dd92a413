"""What a table of tracks of the Cell Tracking Challenge must fulfil, whatever its masks hold."""

from __future__ import annotations

import numpy as np


def problem_of(rows: np.ndarray, frames: int | None = None, *, strict: bool = True) -> str | None:
    """Return in words what is wrong with a table of tracks, None where nothing is.

    Parameters
    ----------
    rows : (N, 4) whole numbers: id, first frame, last frame, parent.
    frames : of the movie; None where they are not known.
    strict : whether a parent must end before its child begins; else it must begin before.
    """
    known: dict[int, tuple[int, int]] = {}
    for number, begin, end, _ in rows.tolist():
        if number in known:
            return f"names an id twice ({number})"
        if number < 1:
            return f"has the id {number}; ids are 1 or more"
        if end < begin:
            return f"has track {number} end (frame {end}) before it begins ({begin})"
        if begin < 0:
            return f"has track {number} begin in frame {begin}; frames count from 0"
        if frames is not None and end >= frames:
            return f"has track {number} end in frame {end}, and the last frame is {frames - 1}"
        known[number] = (begin, end)
    for number, begin, _, parent in rows.tolist():
        if not parent:
            continue
        if parent not in known:
            return f"has track {number} with the parent {parent}, which is no track in it"
        first, last = known[parent]
        if first >= begin or (strict and last >= begin):
            return f"has track {number} begin (frame {begin}) before its parent {parent} " + (
                f"ends ({last})" if first < begin else f"begins ({first})"
            )
    return None

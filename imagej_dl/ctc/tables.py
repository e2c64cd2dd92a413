"""Tables of tracks of the Cell Tracking Challenge, and what they must fulfil.

A table has one row `id, first frame, last frame, parent` (0: none) for each track.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imagej_dl.errors import UserError
from imagej_dl.filesystem.atomic import in_words
from imagej_dl.filesystem.regular_files import refuse_special
from imagej_dl.filesystem.text import text_of


def read_tracks(path: Path) -> np.ndarray:
    """Read a table of tracks, res_track.txt or man_track.txt: (N, 4) whole numbers."""
    refuse_special(path)
    try:
        lines = [line.split() for line in text_of(path).splitlines()]
        if wrong := next((line for line in lines if len(line) not in (0, 4)), None):
            raise ValueError(f"{len(wrong)} values in a line: {' '.join(wrong)[:40]}")
        rows = [[int(word) for word in line] for line in lines if line]
        return np.array(rows, np.int64).reshape(-1, 4)
    except OSError as error:
        raise in_words(error, path) from error
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"is not a table of tracks ({error})",
            path=path,
            remedy="Each line holds four whole numbers: id, first frame, last frame, parent.",
        ) from error


def write_tracks(rows: np.ndarray, path: Path) -> None:
    """Write a table of tracks, four whole numbers a line."""
    np.savetxt(path, rows, fmt="%d")


def cut(rows: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Return the tracks in the frames from `begin` to before `end`, counted from `begin`.

    A track whose parent has no frame there has none.
    """
    rows = rows[(rows[:, 1] < end) & (rows[:, 2] >= begin)].copy()
    rows[:, 1] = np.maximum(rows[:, 1], begin) - begin
    rows[:, 2] = np.minimum(rows[:, 2], end - 1) - begin
    rows[~np.isin(rows[:, 3], rows[:, 0]), 3] = 0
    return rows


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
            return f"lists an id twice ({number})"
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
            return f"has track {number} with the parent {parent}, which is not a track of the table"
        first, last = known[parent]
        if first >= begin or (strict and last >= begin):
            return f"has track {number} begin (frame {begin}) before its parent {parent} " + (
                f"ends ({last})" if first < begin else f"begins ({first})"
            )
    return None
